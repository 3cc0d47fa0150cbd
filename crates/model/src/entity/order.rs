//! Datastore's order of values: one order over all types, and the equality that queries use.
//!
//! null < integers and timestamps < false < true < strings and blobs < doubles < NaN < geo points < keys.
//! Timestamps are their microseconds, so filters find a number and an instant alike; so do strings and blobs of the
//! same bytes; integers and doubles are never equal. Arrays and embedded entities are not compared as wholes.

use std::cmp::Ordering;

use super::EntityValue;
use crate::order::compare_mixed;

/// The classes of values, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueClass {
    Null,
    /// Integers and timestamps.
    Integer,
    Boolean,
    /// Strings and blobs.
    Bytes,
    Double,
    GeoPoint,
    Key,
    /// Arrays and embedded entities: in no index.
    Compound,
}

impl ValueClass {
    /// The class of a value.
    pub fn of(value: &EntityValue) -> Self {
        use EntityValue as V;
        match value {
            V::Null => ValueClass::Null,
            V::Integer(_) | V::Timestamp(_) => ValueClass::Integer,
            V::Boolean(_) => ValueClass::Boolean,
            V::String(_) | V::Blob(_) => ValueClass::Bytes,
            V::Double(_) => ValueClass::Double,
            V::GeoPoint(_) => ValueClass::GeoPoint,
            V::Key(_) => ValueClass::Key,
            V::Entity(_) | V::Array(_) => ValueClass::Compound,
        }
    }
}

/// Compares two values as indexes order them. `Equal` is what an equality filter means. Compounds equal each other.
pub fn compare(left: &EntityValue, right: &EntityValue) -> Ordering {
    use EntityValue as V;
    match (left, right) {
        (V::Boolean(a), V::Boolean(b)) => a.cmp(b),
        (V::Double(a), V::Double(b)) => compare_doubles(*a, *b),
        (V::GeoPoint(a), V::GeoPoint(b)) => {
            compare_doubles(a.latitude, b.latitude).then_with(|| compare_doubles(a.longitude, b.longitude))
        }
        (V::Key(a), V::Key(b)) => a.cmp(b),
        (V::Integer(_) | V::Timestamp(_), V::Integer(_) | V::Timestamp(_)) => {
            integer(left).cmp(&integer(right))
        }
        (V::String(_) | V::Blob(_), V::String(_) | V::Blob(_)) => bytes(left).cmp(bytes(right)),
        (left, right) => ValueClass::of(left).cmp(&ValueClass::of(right)),
    }
}

/// True when an equality filter takes the two for the same value.
pub fn equal(left: &EntityValue, right: &EntityValue) -> bool {
    compare(left, right).is_eq()
}

/// True when array transforms take the two for the same value: there 1 equals 1.0.
pub fn equal_in_transforms(left: &EntityValue, right: &EntityValue) -> bool {
    use EntityValue as V;
    match (left, right) {
        (V::Entity(_) | V::Array(_), _) | (_, V::Entity(_) | V::Array(_)) => left == right,
        (V::Integer(integer), V::Double(double)) | (V::Double(double), V::Integer(integer)) => {
            compare_mixed(*integer, *double).is_eq()
        }
        (left, right) => equal(left, right),
    }
}

/// Compares two numbers by size, whatever their types; NaN above all. None when one is no number.
pub fn compare_numbers(left: &EntityValue, right: &EntityValue) -> Option<Ordering> {
    use EntityValue as V;
    let mixed = |integer: i64, double: f64| {
        if double.is_nan() { Ordering::Less } else { compare_mixed(integer, double) }
    };
    match (left, right) {
        (V::Integer(a), V::Integer(b)) => Some(a.cmp(b)),
        (V::Double(a), V::Double(b)) => Some(compare_doubles(*a, *b)),
        (V::Integer(a), V::Double(b)) => Some(mixed(*a, *b)),
        (V::Double(a), V::Integer(b)) => Some(mixed(*b, *a).reverse()),
        (_, _) => None,
    }
}

/// -0.0 equals 0.0, and NaN is last.
fn compare_doubles(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.partial_cmp(&b).expect("neither is NaN"),
    }
}

fn integer(value: &EntityValue) -> i64 {
    match value {
        EntityValue::Integer(number) => *number,
        EntityValue::Timestamp(stamp) => stamp.micros(),
        _ => unreachable!("the caller has matched an integer or a timestamp"),
    }
}

fn bytes(value: &EntityValue) -> &[u8] {
    match value {
        EntityValue::String(text) => text.as_bytes(),
        EntityValue::Blob(bytes) => bytes,
        _ => unreachable!("the caller has matched a string or a blob"),
    }
}
