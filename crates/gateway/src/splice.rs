//! Answers that carry documents, written around the stored bytes without decoding them.
//!
//! ```text
//!   Document { 1 name | 2 fields ............ | 3 create_time | 4 update_time }
//!                       ╰ the stored body, as it is: its bytes are the entries of field 2
//! ```
//! The tests compare what is written here with the generated messages, byte for byte.

use model::{DatabaseName, Document, DocumentPath, Timestamp};
use prost::Message;
use prost::encoding::{self, WireType, encode_key, encode_varint, encoded_len_varint, key_len};

const NAME: u32 = 1;
const CREATE_TIME: u32 = 3;
const UPDATE_TIME: u32 = 4;

/// Writes documents of one database.
pub(crate) struct Splicer {
    /// `projects/{p}/databases/{d}/documents/`
    prefix: String,
}

impl Splicer {
    /// For the documents of `database`.
    pub(crate) fn new(database: &DatabaseName) -> Self {
        Splicer { prefix: format!("{database}/documents/") }
    }

    /// Writes a `Document` message, without a frame or tag around it.
    pub(crate) fn push_document(&self, out: &mut Vec<u8>, document: &Document) {
        let (created, updated) = times(document);
        out.reserve(self.document_length(document, &created, &updated));
        self.push_name(out, NAME, &document.path);
        out.extend_from_slice(&document.body);
        encoding::message::encode(CREATE_TIME, &created, out);
        encoding::message::encode(UPDATE_TIME, &updated, out);
    }

    /// Writes a document as field `number` of the message around it.
    pub(crate) fn push_document_field(&self, out: &mut Vec<u8>, number: u32, document: &Document) {
        let (created, updated) = times(document);
        let length = self.document_length(document, &created, &updated);
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(length as u64, out);
        self.push_document(out, document);
    }

    /// Writes a document of which there is only a name, as field `number` of the message around it.
    pub(crate) fn push_bare_document_field(&self, out: &mut Vec<u8>, number: u32, path: &DocumentPath) {
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(self.name_field_length(path) as u64, out);
        self.push_name(out, NAME, path);
    }

    /// Writes the full name of a document as field `number`.
    pub(crate) fn push_name(&self, out: &mut Vec<u8>, number: u32, path: &DocumentPath) {
        let length = self.prefix.len() + path.as_str().len();
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(length as u64, out);
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(path.as_str().as_bytes());
    }

    /// The full name of a document.
    pub(crate) fn name(&self, path: &DocumentPath) -> String {
        format!("{}{}", self.prefix, path.as_str())
    }

    fn name_field_length(&self, path: &DocumentPath) -> usize {
        let length = self.prefix.len() + path.as_str().len();
        key_len(NAME) + encoded_len_varint(length as u64) + length
    }

    fn document_length(
        &self,
        document: &Document,
        created: &wire::Timestamp,
        updated: &wire::Timestamp,
    ) -> usize {
        self.name_field_length(&document.path)
            + document.body.len()
            + encoding::message::encoded_len(CREATE_TIME, created)
            + encoding::message::encoded_len(UPDATE_TIME, updated)
    }
}

/// Writes an instant as field `number`.
pub(crate) fn push_time(out: &mut Vec<u8>, number: u32, stamp: Timestamp) {
    encoding::message::encode(number, &crate::to_proto::timestamp(stamp), out);
}

/// Writes a message as it is.
pub(crate) fn push_message(out: &mut Vec<u8>, message: &impl Message) {
    message.encode(out).expect("a vector grows as needed");
}

fn times(document: &Document) -> (wire::Timestamp, wire::Timestamp) {
    (crate::to_proto::timestamp(document.create_time), crate::to_proto::timestamp(document.update_time))
}

#[cfg(test)]
mod tests {
    use model::{DocumentName, Fields, GeoPoint, Value, body};
    use wire::firestore as proto;

    use super::*;

    /// Every kind of value, and the corners of their encodings.
    fn all_kinds() -> Fields {
        let reference = DocumentName::parse("projects/p/databases/d/documents/c/x").expect("a name");
        let map = Fields::from([(" ".to_owned(), Value::Null), ("é".to_owned(), Value::Map(Fields::new()))]);
        [
            ("null", Value::Null),
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("zero", Value::Integer(0)),
            ("negative", Value::Integer(i64::MIN)),
            ("double", Value::Double(-0.0)),
            ("nan", Value::Double(f64::NAN)),
            ("time", Value::Timestamp(Timestamp::MIN)),
            ("epoch", Value::Timestamp(Timestamp::ZERO)),
            ("empty", Value::from("")),
            ("long", Value::from("x".repeat(70_000).as_str())),
            ("bytes", Value::Bytes(bytes::Bytes::from_static(&[0, 255]))),
            ("reference", Value::Reference(reference)),
            ("null island", Value::GeoPoint(GeoPoint { latitude: 0.0, longitude: 0.0 })),
            ("place", Value::GeoPoint(GeoPoint { latitude: -12.5, longitude: 0.0 })),
            ("array", Value::Array(vec![Value::Null, Value::Map(map.clone()), Value::from("a")])),
            ("no elements", Value::Array(vec![])),
            ("vector", Value::Vector(vec![1.0, 0.0])),
            ("map", Value::Map(map)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn document(fields: &Fields) -> Document {
        Document {
            path: DocumentPath::new("c/d/e/f").expect("even"),
            create_time: Timestamp::from_micros(1_700_000_000_000_001).expect("in range"),
            update_time: Timestamp::from_micros(1_700_000_001_000_000).expect("in range"),
            body: body::encode(fields),
        }
    }

    fn generated(document: &Document, fields: &Fields) -> proto::Document {
        proto::Document {
            name: format!("projects/p/databases/d/documents/{}", document.path),
            fields: fields
                .iter()
                .map(|(name, value)| (name.clone(), crate::to_proto::value(value)))
                .collect(),
            create_time: Some(crate::to_proto::timestamp(document.create_time)),
            update_time: Some(crate::to_proto::timestamp(document.update_time)),
        }
    }

    fn splicer() -> Splicer {
        Splicer::new(&DatabaseName::new("p", "d"))
    }

    #[test]
    fn a_spliced_document_is_the_generated_message_byte_for_byte() {
        for fields in [all_kinds(), Fields::new()] {
            let document = document(&fields);
            let mut out = Vec::new();
            splicer().push_document(&mut out, &document);
            assert_eq!(out, generated(&document, &fields).encode_to_vec());
        }
    }

    #[test]
    fn spliced_answers_decode_to_the_generated_ones() {
        let fields = all_kinds();
        let document = document(&fields);
        let mut out = Vec::new();
        splicer().push_document_field(&mut out, 1, &document);
        push_time(&mut out, 4, document.update_time);
        let answer = proto::BatchGetDocumentsResponse {
            read_time: Some(crate::to_proto::timestamp(document.update_time)),
            result: Some(proto::batch_get_documents_response::Result::Found(generated(&document, &fields))),
            ..Default::default()
        };
        let decoded = proto::BatchGetDocumentsResponse::decode(&*out).expect("an answer");
        assert_eq!(decoded.encode_to_vec(), answer.encode_to_vec());
    }

    #[test]
    fn a_missing_document_has_only_a_name() {
        let mut out = Vec::new();
        splicer().push_bare_document_field(&mut out, 1, &DocumentPath::new("c/d").expect("even"));
        let decoded = proto::ListDocumentsResponse::decode(&*out).expect("an answer");
        let name = "projects/p/databases/d/documents/c/d".to_owned();
        assert_eq!(decoded.documents, [proto::Document { name, ..Default::default() }]);
    }

    #[test]
    fn a_value_survives_the_way_in_and_out() {
        let fields = all_kinds();
        let message = generated(&document(&fields), &fields);
        let back = crate::from_proto::value::fields(message.fields).expect("legal values");
        assert_eq!(body::encode(&back), body::encode(&fields));
    }
}
