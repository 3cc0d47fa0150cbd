//! Results that carry entities, written around the stored bytes without decoding them.
//!
//! ```text
//!   EntityResult { 1 Entity { 1 key | 3 properties .......... } | 3 cursor | 4 version | 5 updated | 6 created }
//!                                     ╰ the stored body, as it is: its bytes are the entries of field 3
//! ```

use model::entity::{Key, StoredEntity, StoredKey, body};
use model::{DatabaseName, Timestamp};
use prost::Message;
use prost::encoding::{self, WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::to_proto::timestamp;

const ENTITY: u32 = 1;
const CURSOR: u32 = 3;
const VERSION: u32 = 4;
const UPDATE_TIME: u32 = 5;
const CREATE_TIME: u32 = 6;

/// The field of an entity that its key is.
const KEY: u32 = 1;

/// One result: an entity's key with its properties, as the bytes of field 3.
pub(crate) struct Result<'a> {
    pub(crate) key: AnyKey<'a>,
    pub(crate) properties: &'a [u8],
    pub(crate) times: Times,
    pub(crate) cursor: &'a [u8],
}

/// A key, as a client named it or as it is stored.
#[derive(Clone, Copy)]
pub(crate) enum AnyKey<'a> {
    Named(&'a Key),
    Stored(&'a StoredKey),
}

/// When an entity was made and last changed, where that is known; the version is the latter.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) created: Option<Timestamp>,
    pub(crate) updated: Option<Timestamp>,
}

/// Writes results of one answer.
pub(crate) struct Splicer<'d> {
    /// What stands around the properties of the result that is being written.
    around: Vec<u8>,
    keys: body::StoredKeys<'d>,
}

impl<'a> Result<'a> {
    /// A whole entity without a cursor.
    pub(crate) fn whole(entity: &'a StoredEntity) -> Self {
        let times = Times { created: Some(entity.create_time), updated: Some(entity.update_time) };
        Result { key: AnyKey::Named(&entity.key), properties: &entity.body, times, cursor: &[] }
    }

    /// A key of which nothing is there.
    pub(crate) fn missing(key: &'a Key) -> Self {
        Result { key: AnyKey::Named(key), properties: &[], times: Times::default(), cursor: &[] }
    }

    fn push_tail(&self, out: &mut Vec<u8>) {
        if !self.cursor.is_empty() {
            push_bytes(out, CURSOR, self.cursor);
        }
        if let Some(updated) = self.times.updated {
            encoding::int64::encode(VERSION, &updated.micros(), out);
            encoding::message::encode(UPDATE_TIME, &timestamp(updated), out);
        }
        if let Some(created) = self.times.created {
            encoding::message::encode(CREATE_TIME, &timestamp(created), out);
        }
    }
}

impl<'d> Splicer<'d> {
    /// For an answer about one database.
    pub(crate) fn of(database: &'d DatabaseName) -> Self {
        Splicer { around: Vec::new(), keys: body::StoredKeys::of(database) }
    }

    /// Writes a result as field `number` of the message around it.
    pub(crate) fn push_result(&mut self, out: &mut Vec<u8>, number: u32, result: &Result<'_>) {
        let around = &mut self.around;
        around.clear();
        match result.key {
            AnyKey::Named(key) => body::encode_key(around, key),
            AnyKey::Stored(key) => self.keys.encode(around, key),
        }
        let key = around.len();
        result.push_tail(around);
        let (key, tail) = around.split_at(key);
        let entity = head_length(KEY, key.len()) + key.len() + result.properties.len();
        let whole = head_length(ENTITY, entity) + entity + tail.len();
        out.reserve(whole + 16);
        push_head(out, number, whole);
        push_head(out, ENTITY, entity);
        push_bytes(out, KEY, key);
        out.extend_from_slice(result.properties);
        out.extend_from_slice(tail);
    }
}

/// Writes a message as field `number` of the message around it.
pub(crate) fn push_message(out: &mut Vec<u8>, number: u32, message: &impl Message) {
    encoding::message::encode(number, message, out);
}

/// Writes a number, or an enumerator, as field `number` of the message around it; nothing for none.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        encoding::int64::encode(number, &value, out);
    }
}

/// Writes what `content` appends as the message that is field `number` of the message around it. Most such contents are
/// long, so they are moved once when their length is known.
pub(crate) fn push_nested(out: &mut Vec<u8>, number: u32, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    content(out);
    let length = out.len() - start;
    let mut head = Vec::with_capacity(head_length(number, length));
    push_head(&mut head, number, length);
    out.splice(start..start, head);
}

/// Writes bytes, or the bytes of a message, as field `number` of the message around it.
pub(crate) fn push_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_head(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes what comes before `length` bytes of field `number`.
fn push_head(out: &mut Vec<u8>, number: u32, length: usize) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

fn head_length(number: u32, length: usize) -> usize {
    key_len(number) + encoded_len_varint(length as u64)
}

#[cfg(test)]
mod tests {
    use model::DatabaseName;
    use model::entity::{
        EmbeddedEntity, EntityValue, Id, Partition, PathElement, Properties, Property, body,
    };
    use model::{GeoPoint, Timestamp};
    use wire::datastore as proto;

    use super::super::to_proto;
    use super::*;

    fn key(database: &str, namespace: &str) -> Key {
        let path = vec![
            PathElement::new("Parent", Id::Name("x/y".to_owned())),
            PathElement::new("K", Id::Number(-7)),
        ];
        Key { partition: Partition::new(&DatabaseName::new("p", database), namespace), path }
    }

    /// Every kind of value, and the corners of their encodings.
    fn all_kinds() -> Properties {
        let inner = EmbeddedEntity {
            key: Some(Key { path: vec![PathElement { kind: "I".to_owned(), id: None }], ..key("d", "") }),
            properties: Properties::from([(" ".to_owned(), EntityValue::Null.into())]),
        };
        let excluded = |value| Property { value, excluded: true, meaning: 22 };
        let elements = vec![
            EntityValue::String("a".to_owned()).into(),
            excluded(EntityValue::Blob(b"z".to_vec().into())),
        ];
        [
            ("null", EntityValue::Null.into()),
            ("truth", EntityValue::Boolean(false).into()),
            ("zero", EntityValue::Integer(0).into()),
            ("least", EntityValue::Integer(i64::MIN).into()),
            ("negative zero", EntityValue::Double(-0.0).into()),
            ("nan", EntityValue::Double(f64::NAN).into()),
            ("time", EntityValue::Timestamp(Timestamp::MIN).into()),
            ("key", EntityValue::Key(key("(default)", "tenant")).into()),
            ("empty", EntityValue::String("".to_owned()).into()),
            ("blob", excluded(EntityValue::Blob(vec![0, 255].into()))),
            ("place", EntityValue::GeoPoint(GeoPoint { latitude: -1.5, longitude: 0.0 }).into()),
            ("entity", EntityValue::Entity(inner).into()),
            (
                "nothing",
                EntityValue::Entity(EmbeddedEntity { key: None, properties: Properties::new() }).into(),
            ),
            ("array", EntityValue::Array(elements).into()),
            ("no elements", EntityValue::Array(vec![]).into()),
        ]
        .into_iter()
        .map(|(name, property)| (name.to_owned(), property))
        .collect()
    }

    #[test]
    fn what_is_spliced_is_the_generated_message() {
        let moment = |micros| Timestamp::from_micros(micros).expect("in range");
        let (created, updated) = (moment(1_700_000_000_000_001), moment(1_700_000_001_000_000));
        for (properties, cursor) in [(all_kinds(), &b""[..]), (Properties::new(), b"here")] {
            for key in [key("(default)", ""), key("d", "tenant")] {
                let database = key.partition.database_name();
                let mut splicer = Splicer::of(&database);
                let body = body::encode(&properties);
                let times = Times { created: Some(created), updated: Some(updated) };
                let mut spliced = Vec::new();
                let result = Result { key: AnyKey::Named(&key), properties: &body, times, cursor };
                splicer.push_result(&mut spliced, 2, &result);
                let entity = proto::Entity {
                    key: Some(to_proto::key(&key)),
                    properties: to_proto::properties(&properties),
                };
                let generated = proto::LookupResponse {
                    missing: vec![proto::EntityResult {
                        entity: Some(entity),
                        version: updated.micros(),
                        create_time: Some(timestamp(created)),
                        update_time: Some(timestamp(updated)),
                        cursor: bytes::Bytes::copy_from_slice(cursor),
                    }],
                    ..Default::default()
                };
                assert_eq!(spliced, generated.encode_to_vec());
                let path = key.document_path().expect("a complete key");
                let stored = StoredKey::new(path).expect("the path of a key");
                let mut spliced = Vec::new();
                let stored = Result { key: AnyKey::Stored(&stored), ..result };
                splicer.push_result(&mut spliced, 2, &stored);
                assert_eq!(spliced, generated.encode_to_vec());
                let mut nested = b"before".to_vec();
                push_nested(&mut nested, 7, |out| out.extend_from_slice(&spliced));
                let mut copied = b"before".to_vec();
                push_bytes(&mut copied, 7, &spliced);
                assert_eq!(nested, copied);
            }
        }
    }
}
