//! The stored form of a document's fields: the very bytes of `fields` on the wire.
//!
//! A body is a run of `fields` map entries of `google.firestore.v1.Document` (field 2), sorted by
//! key, so that an answer can splice it in without decoding, and two bodies are equal exactly when
//! the fields are. Decoding happens only where a value must be looked at; [`find`] and [`project`]
//! read just the entries they need. This room's tests compare these bytes with the generated messages.

pub(crate) mod reader;
pub(crate) mod writer;

use bytes::Bytes;

use crate::value::get_field;
use crate::{FieldPath, Fields, Value};

pub use reader::BodyError;

/// Canonical bytes of `fields`.
pub fn encode(fields: &Fields) -> Bytes {
    let mut out = Vec::with_capacity(64);
    writer::push_fields(&mut out, writer::DOCUMENT_FIELDS, fields);
    out.into()
}

/// Canonical bytes of one `google.firestore.v1.Value` message.
pub fn encode_value(out: &mut Vec<u8>, value: &Value) {
    writer::push_value(out, value);
}

/// All fields of a body.
pub fn decode(body: &[u8]) -> Result<Fields, BodyError> {
    reader::fields(body, writer::DOCUMENT_FIELDS)
}

/// One `google.firestore.v1.Value` message.
pub fn decode_value(bytes: &[u8]) -> Result<Value, BodyError> {
    reader::value(bytes)
}

/// The value of one field, without decoding the others; `None` when it is not there.
pub fn find(body: &[u8], path: &FieldPath) -> Result<Option<Value>, BodyError> {
    find_below(body, path.first(), &path.segments()[1..])
}

/// The value of one field of a body, read without the rest; its name is taken as it is.
pub fn find_field(body: &[u8], name: &str) -> Result<Option<Value>, BodyError> {
    find_below(body, name, &[])
}

fn find_below(body: &[u8], field: &str, below: &[String]) -> Result<Option<Value>, BodyError> {
    let Some(bytes) = reader::find_entry(body, writer::DOCUMENT_FIELDS, field)? else {
        return Ok(None);
    };
    let mut message = bytes;
    for segment in below {
        match reader::find_in_map(message, segment)? {
            Some(inner) => message = inner,
            None => return Ok(None),
        }
    }
    let value = reader::value(message)?;
    Ok(Some(value))
}

/// Only the fields that `mask` names; fields that are not there are left out.
pub fn project(body: &[u8], mask: &[FieldPath]) -> Result<Bytes, BodyError> {
    let whole_fields = mask.iter().all(|path| path.segments().len() == 1);
    if whole_fields {
        return reader::keep_entries(body, writer::DOCUMENT_FIELDS, |key| {
            mask.iter().any(|path| path.first() == key)
        });
    }
    let fields = decode(body)?;
    let mut kept = Fields::new();
    for path in mask {
        if let Some(value) = get_field(&fields, path.segments()) {
            insert(&mut kept, path.segments(), value.clone());
        }
    }
    Ok(encode(&kept))
}

/// Puts `value` at `segments`, making maps on the way; what is not a map there is replaced.
pub fn insert(fields: &mut Fields, segments: &[String], value: Value) {
    let (first, rest) = segments.split_first().expect("a field path is never empty");
    if rest.is_empty() {
        fields.insert(first.clone(), value);
        return;
    }
    let slot = fields.entry(first.clone()).or_insert_with(|| Value::Map(Fields::new()));
    if !matches!(slot, Value::Map(_)) {
        *slot = Value::Map(Fields::new());
    }
    if let Value::Map(inner) = slot {
        insert(inner, rest, value);
    }
}

/// Removes the field at `segments`, if it is there. Maps that become empty stay.
pub fn remove(fields: &mut Fields, segments: &[String]) {
    let (first, rest) = segments.split_first().expect("a field path is never empty");
    if rest.is_empty() {
        fields.remove(first);
    } else if let Some(Value::Map(inner)) = fields.get_mut(first) {
        remove(inner, rest);
    }
}
