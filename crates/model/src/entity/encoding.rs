//! Bytes whose order is Datastore's order of values.
//!
//! As in [`crate::encoding`], each value is self-delimiting, and inverted bytes sort the other way round.
//!
//! | value | bytes |
//! |---|---|
//! | null | tag |
//! | integer, timestamp | tag, the integer or the microseconds with the sign bit flipped (8 bytes) |
//! | false, true | one tag each |
//! | string, blob | tag, content with `00` written `00 ff`, then `00 01` |
//! | double | tag, order-preserving (8 bytes); NaN is a tag of its own |
//! | geo point | tag, latitude and longitude as doubles |
//! | key | tag, project, database (escaped), the ids of its document path, [`END`] |
//!
//! Which of the types that share a tag it was cannot be read back. Limits on indexed values keep all of them whole.

use std::sync::Arc;

use super::order::ValueClass;
use super::{EntityValue, Key};
use crate::encoding::{
    END, EncodingError, escaped_length, list_length, ordered_f64, ordered_i64, push_escaped, push_ids,
    read_escaped, read_ids,
};
use crate::{DatabaseName, DocumentPath, GeoPoint};

mod tag {
    pub const NULL: u8 = 0x08;
    pub const INTEGER: u8 = 0x10;
    pub const FALSE: u8 = 0x18;
    pub const TRUE: u8 = 0x19;
    pub const BYTES: u8 = 0x20;
    pub const DOUBLE: u8 = 0x28;
    pub const NAN: u8 = 0x29;
    pub const GEO_POINT: u8 = 0x30;
    pub const KEY: u8 = 0x38;
}

impl ValueClass {
    /// The first bytes of every value of the class, and of none other: from the one, up to but without the other.
    /// Compounds have none.
    pub fn tags(self) -> (u8, u8) {
        match self {
            ValueClass::Null => (tag::NULL, tag::INTEGER),
            ValueClass::Integer => (tag::INTEGER, tag::FALSE),
            ValueClass::Boolean => (tag::FALSE, tag::BYTES),
            ValueClass::Bytes => (tag::BYTES, tag::DOUBLE),
            ValueClass::Double => (tag::DOUBLE, tag::GEO_POINT),
            ValueClass::GeoPoint => (tag::GEO_POINT, tag::KEY),
            ValueClass::Key => (tag::KEY, tag::KEY + 1),
            ValueClass::Compound => (tag::KEY + 1, tag::KEY + 1),
        }
    }
}

/// Appends a value. Arrays, embedded entities and incomplete keys are in no index: they append nothing and answer
/// false.
pub fn push_value(out: &mut Vec<u8>, value: &EntityValue) -> bool {
    match value {
        EntityValue::Null => out.push(tag::NULL),
        EntityValue::Integer(number) => push_integer(out, *number),
        EntityValue::Timestamp(stamp) => push_integer(out, stamp.micros()),
        EntityValue::Boolean(false) => out.push(tag::FALSE),
        EntityValue::Boolean(true) => out.push(tag::TRUE),
        EntityValue::String(text) => push_bytes(out, text.as_bytes()),
        EntityValue::Blob(bytes) => push_bytes(out, bytes),
        EntityValue::Double(number) if number.is_nan() => out.push(tag::NAN),
        EntityValue::Double(number) => {
            out.push(tag::DOUBLE);
            out.extend_from_slice(&ordered_f64(*number));
        }
        EntityValue::GeoPoint(point) => {
            out.push(tag::GEO_POINT);
            out.extend_from_slice(&ordered_f64(point.latitude));
            out.extend_from_slice(&ordered_f64(point.longitude));
        }
        EntityValue::Key(key) => return push_key(out, key),
        EntityValue::Entity(_) | EntityValue::Array(_) => return false,
    }
    true
}

/// Appends a value for a descending column: [`push_value`] with every byte inverted.
pub fn push_value_descending(out: &mut Vec<u8>, value: &EntityValue) -> bool {
    let start = out.len();
    let pushed = push_value(out, value);
    out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    pushed
}

fn push_integer(out: &mut Vec<u8>, number: i64) {
    out.push(tag::INTEGER);
    out.extend_from_slice(&ordered_i64(number));
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(tag::BYTES);
    push_escaped(out, bytes);
}

fn push_key(out: &mut Vec<u8>, key: &Key) -> bool {
    let Some(path) = key.document_path() else { return false };
    out.push(tag::KEY);
    push_escaped(out, key.partition.project.as_bytes());
    push_escaped(out, key.partition.database.as_bytes());
    push_ids(out, path.ids());
    out.push(END);
    true
}

/// The length of the value that `bytes` begins with, in an ascending or (`descending`) an inverted column.
pub fn value_length(bytes: &[u8], descending: bool) -> Result<usize, EncodingError> {
    let flip = if descending { 0xff } else { 0x00 };
    let (first, rest) = bytes.split_first().ok_or(EncodingError)?;
    let body = match *first ^ flip {
        tag::NULL | tag::FALSE | tag::TRUE | tag::NAN => 0,
        tag::INTEGER | tag::DOUBLE => 8,
        tag::BYTES => escaped_length(rest, flip)?,
        tag::GEO_POINT => 16,
        tag::KEY => {
            let project = escaped_length(rest, flip)?;
            let database = escaped_length(&rest[project..], flip)?;
            project + database + list_length(&rest[project + database..], flip, 0)?
        }
        _ => return Err(EncodingError),
    };
    if rest.len() < body { Err(EncodingError) } else { Ok(1 + body) }
}

/// The value that `bytes` (of an ascending column) begin with, and what follows. Timestamps come back as integers,
/// and bytes as a string if they are one.
pub fn read_value(bytes: &[u8]) -> Result<(EntityValue, &[u8]), EncodingError> {
    let (whole, rest) = bytes.split_at(value_length(bytes, false)?);
    let body = &whole[1..];
    let value = match whole[0] {
        tag::NULL => EntityValue::Null,
        tag::FALSE => EntityValue::Boolean(false),
        tag::TRUE => EntityValue::Boolean(true),
        tag::NAN => EntityValue::Double(f64::NAN),
        tag::INTEGER => EntityValue::Integer((read_u64(body)? ^ 1 << 63) as i64),
        tag::DOUBLE => EntityValue::Double(read_double(body)?),
        tag::BYTES => match String::from_utf8(read_escaped(body)?.0) {
            Ok(text) => EntityValue::String(text),
            Err(error) => EntityValue::Blob(error.into_bytes().into()),
        },
        tag::GEO_POINT => {
            let (latitude, longitude) = (read_double(body)?, read_double(&body[8..])?);
            EntityValue::GeoPoint(GeoPoint { latitude, longitude })
        }
        tag::KEY => EntityValue::Key(read_key(body)?),
        _ => return Err(EncodingError),
    };
    Ok((value, rest))
}

fn read_u64(bytes: &[u8]) -> Result<u64, EncodingError> {
    bytes.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(EncodingError)
}

fn read_double(bytes: &[u8]) -> Result<f64, EncodingError> {
    let ordered = read_u64(bytes)?;
    Ok(f64::from_bits(if ordered >> 63 == 1 { ordered ^ 1 << 63 } else { !ordered }))
}

fn read_key(bytes: &[u8]) -> Result<Key, EncodingError> {
    let (project, bytes) = read_name(bytes)?;
    let (database, bytes) = read_name(bytes)?;
    let (path, _) = read_ids(bytes)?;
    let path = DocumentPath::new(&path).ok_or(EncodingError)?;
    Key::of_document_path(&DatabaseName { project, database }, &path).ok_or(EncodingError)
}

fn read_name(bytes: &[u8]) -> Result<(Arc<str>, &[u8]), EncodingError> {
    let (content, rest) = read_escaped(bytes)?;
    Ok((String::from_utf8(content).map_err(|_| EncodingError)?.into(), rest))
}
