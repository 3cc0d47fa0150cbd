//! Writes values as `google.firestore.v1.Value` messages, byte for byte as protobuf would.

use crate::value::{TYPE_KEY, VECTOR_TYPE, VECTOR_VALUE_KEY};
use crate::{Fields, GeoPoint, Timestamp, Value};

/// Field number of `fields` in `Document`.
pub(super) const DOCUMENT_FIELDS: u32 = 2;
/// Field number of `fields` in `MapValue`, and of `values` in `ArrayValue`.
pub(super) const NESTED: u32 = 1;

pub(super) mod field {
    pub const BOOLEAN: u32 = 1;
    pub const INTEGER: u32 = 2;
    pub const DOUBLE: u32 = 3;
    pub const REFERENCE: u32 = 5;
    pub const MAP: u32 = 6;
    pub const GEO_POINT: u32 = 8;
    pub const ARRAY: u32 = 9;
    pub const TIMESTAMP: u32 = 10;
    pub const NULL: u32 = 11;
    pub const STRING: u32 = 17;
    pub const BYTES: u32 = 18;
}

pub(crate) const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

pub(crate) fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn push_tag(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    push_varint(out, u64::from(field << 3 | wire_type));
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    push_tag(out, field, LENGTH);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a nested message: its length is filled in after its content is known.
pub(crate) fn push_message(out: &mut Vec<u8>, field: u32, content: impl FnOnce(&mut Vec<u8>)) {
    push_tag(out, field, LENGTH);
    // Most lengths have one byte; a longer one moves the content.
    out.push(0);
    let start = out.len();
    content(out);
    let mut length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
        return;
    }
    out[start - 1] = length as u8 | 0x80;
    length >>= 7;
    let mut rest = Vec::with_capacity(4);
    push_varint(&mut rest, length as u64);
    out.splice(start..start, rest);
}

pub(crate) fn push_double(out: &mut Vec<u8>, field: u32, number: f64) {
    push_tag(out, field, FIXED64);
    out.extend_from_slice(&number.to_le_bytes());
}

/// Writes map entries below `number`, in key order.
pub(super) fn push_fields(out: &mut Vec<u8>, number: u32, fields: &Fields) {
    for (key, value) in fields {
        push_entry(out, number, key, |out| push_value(out, value));
    }
}

pub(crate) fn push_entry(out: &mut Vec<u8>, number: u32, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    push_message(out, number, |out| {
        push_bytes(out, 1, key.as_bytes());
        push_message(out, 2, value);
    });
}

pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {
            push_tag(out, field::NULL, VARINT);
            out.push(0);
        }
        Value::Boolean(truth) => {
            push_tag(out, field::BOOLEAN, VARINT);
            out.push(u8::from(*truth));
        }
        Value::Integer(number) => {
            push_tag(out, field::INTEGER, VARINT);
            push_varint(out, *number as u64);
        }
        Value::Double(number) => push_double(out, field::DOUBLE, *number),
        Value::Timestamp(stamp) => push_message(out, field::TIMESTAMP, |out| push_timestamp(out, *stamp)),
        Value::String(text) => push_bytes(out, field::STRING, text.as_bytes()),
        Value::Bytes(bytes) => push_bytes(out, field::BYTES, bytes),
        Value::Reference(name) => push_bytes(out, field::REFERENCE, name.to_string().as_bytes()),
        Value::GeoPoint(point) => push_message(out, field::GEO_POINT, |out| push_geo_point(out, *point)),
        Value::Array(values) => push_message(out, field::ARRAY, |out| {
            for value in values {
                push_message(out, NESTED, |out| push_value(out, value));
            }
        }),
        Value::Vector(elements) => push_vector(out, elements),
        Value::Map(fields) => push_message(out, field::MAP, |out| push_fields(out, NESTED, fields)),
    }
}

/// The content of a `google.type.LatLng`.
pub(crate) fn push_geo_point(out: &mut Vec<u8>, point: GeoPoint) {
    for (number, degrees) in [(1, point.latitude), (2, point.longitude)] {
        if degrees != 0.0 {
            push_double(out, number, degrees);
        }
    }
}

/// The content of a `google.protobuf.Timestamp`.
pub fn push_timestamp(out: &mut Vec<u8>, stamp: Timestamp) {
    let (seconds, nanos) = stamp.to_parts();
    for (number, part) in [(1, seconds), (2, i64::from(nanos))] {
        if part != 0 {
            push_tag(out, number, VARINT);
            push_varint(out, part as u64);
        }
    }
}

fn push_vector(out: &mut Vec<u8>, elements: &[f64]) {
    push_message(out, field::MAP, |out| {
        push_entry(out, NESTED, TYPE_KEY, |out| push_bytes(out, field::STRING, VECTOR_TYPE.as_bytes()));
        push_entry(out, NESTED, VECTOR_VALUE_KEY, |out| {
            push_message(out, field::ARRAY, |out| {
                for element in elements {
                    push_message(out, NESTED, |out| push_double(out, field::DOUBLE, *element));
                }
            });
        });
    });
}
