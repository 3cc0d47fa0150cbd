//! Firestore's values.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{DocumentName, Timestamp};

/// The fields of a document or of a map value. Keys are unique and sorted by their UTF-8 bytes.
pub type Fields = BTreeMap<String, Value>;

/// The key that marks a map as a special type on the wire.
pub const TYPE_KEY: &str = "__type__";
/// The value of [`TYPE_KEY`] that marks a vector.
pub const VECTOR_TYPE: &str = "__vector__";
/// The key below which a vector's numbers stand on the wire.
pub const VECTOR_VALUE_KEY: &str = "value";

/// One value. `PartialEq` is identity of type and value (the no-op rule), not query equality:
/// for that see [`crate::order`].
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Timestamp(Timestamp),
    String(String),
    Bytes(Bytes),
    Reference(DocumentName),
    GeoPoint(GeoPoint),
    Array(Vec<Value>),
    /// On the wire a map `{__type__: "__vector__", value: [doubles]}`.
    Vector(Vec<f64>),
    Map(Fields),
}

/// Degrees; latitude within ±90, longitude within ±180.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPoint {
    pub latitude: f64,
    pub longitude: f64,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Reference(a), Value::Reference(b)) => a == b,
            (Value::GeoPoint(a), Value::GeoPoint(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Vector(a), Value::Vector(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// The number a value is, if it is one; integers beyond 2^53 are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(i) => Some(*i as f64),
            Value::Double(d) => Some(*d),
            _ => None,
        }
    }

    /// True for a double that is not a number.
    pub fn is_nan(&self) -> bool {
        matches!(self, Value::Double(d) if d.is_nan())
    }

    /// The value below `segments`, going through maps only.
    pub fn get(&self, segments: &[String]) -> Option<&Value> {
        segments.iter().try_fold(self, |value, segment| match value {
            Value::Map(fields) => fields.get(segment),
            _ => None,
        })
    }
}

/// The value of `fields` at `segments` (never empty), going through maps only.
pub fn get_field<'a>(fields: &'a Fields, segments: &[String]) -> Option<&'a Value> {
    let (first, rest) = segments.split_first()?;
    fields.get(first)?.get(rest)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Boolean(truth)
    }
}
