//! Firestore's order of values: total over all types, and the equality that queries use.
//!
//! null < false < true < NaN < numbers < timestamps < strings < bytes < references < geo points
//! < arrays < vectors < maps. Integers and doubles share one line and compare exactly.

use std::cmp::Ordering;

use crate::{GeoPoint, Value};

/// The classes whose members compare with each other in range filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeClass {
    Null,
    Boolean,
    Number,
    Timestamp,
    String,
    Bytes,
    Reference,
    GeoPoint,
    Array,
    Vector,
    Map,
}

impl TypeClass {
    /// The class of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => TypeClass::Null,
            Value::Boolean(_) => TypeClass::Boolean,
            Value::Integer(_) | Value::Double(_) => TypeClass::Number,
            Value::Timestamp(_) => TypeClass::Timestamp,
            Value::String(_) => TypeClass::String,
            Value::Bytes(_) => TypeClass::Bytes,
            Value::Reference(_) => TypeClass::Reference,
            Value::GeoPoint(_) => TypeClass::GeoPoint,
            Value::Array(_) => TypeClass::Array,
            Value::Vector(_) => TypeClass::Vector,
            Value::Map(_) => TypeClass::Map,
        }
    }
}

/// Compares two values in Firestore's order. `Equal` is also what `==`, `in` and array membership
/// mean: 1 equals 1.0, -0.0 equals 0, NaN equals NaN.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => compare_doubles(*a, *b),
        (Value::Integer(a), Value::Double(b)) => compare_mixed(*a, *b),
        (Value::Double(a), Value::Integer(b)) => compare_mixed(*b, *a).reverse(),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Reference(a), Value::Reference(b)) => a.cmp(b),
        (Value::GeoPoint(a), Value::GeoPoint(b)) => compare_points(a, b),
        (Value::Array(a), Value::Array(b)) => compare_lists(a, b),
        (Value::Vector(a), Value::Vector(b)) => compare_vectors(a, b),
        (Value::Map(a), Value::Map(b)) => {
            let pair =
                |(k, v): (&String, &Value), (l, w): (&String, &Value)| k.cmp(l).then_with(|| compare(v, w));
            let mut pairs = a.iter().zip(b.iter()).map(|(x, y)| pair(x, y));
            pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => TypeClass::of(left).cmp(&TypeClass::of(right)),
    }
}

/// True when queries and transforms take the two for the same value.
pub fn equal(left: &Value, right: &Value) -> bool {
    compare(left, right).is_eq()
}

/// NaN first, then by number; -0.0 equals 0.0.
fn compare_doubles(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(&b).expect("neither is NaN"),
    }
}

/// Exact: an integer is never rounded to a double for the decision.
pub(crate) fn compare_mixed(integer: i64, double: f64) -> Ordering {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return Ordering::Greater;
    }
    if double >= TWO_63 {
        return Ordering::Less;
    }
    if double < -TWO_63 {
        return Ordering::Greater;
    }
    let floor = double.floor();
    // In range by the two tests above, so the cast is exact.
    integer.cmp(&(floor as i64)).then_with(|| if double > floor { Ordering::Less } else { Ordering::Equal })
}

fn compare_points(a: &GeoPoint, b: &GeoPoint) -> Ordering {
    compare_doubles(a.latitude, b.latitude).then_with(|| compare_doubles(a.longitude, b.longitude))
}

fn compare_lists(a: &[Value], b: &[Value]) -> Ordering {
    let mut pairs = a.iter().zip(b).map(|(x, y)| compare(x, y));
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_vectors(a: &[f64], b: &[f64]) -> Ordering {
    let elements = || a.iter().zip(b).map(|(x, y)| compare_doubles(*x, *y)).find(|order| order.is_ne());
    a.len().cmp(&b.len()).then_with(|| elements().unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_doubles_share_one_exact_line() {
        let line = [
            Value::Double(f64::NAN),
            Value::Double(f64::NEG_INFINITY),
            Value::Integer(i64::MIN),
            Value::Integer(i64::MIN + 1),
            Value::Double(-2.5),
            Value::Double(-0.0),
            Value::Double(1.5),
            Value::Double(9_007_199_254_740_992.0),
            Value::Integer(9_007_199_254_740_993),
            Value::Integer(i64::MAX),
            Value::Double(9_223_372_036_854_775_808.0),
            Value::Double(f64::INFINITY),
        ];
        for pair in line.windows(2) {
            assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert!(equal(&Value::Double(-0.0), &Value::Integer(0)));
        assert!(equal(&Value::Integer(i64::MIN), &Value::Double(-9_223_372_036_854_775_808.0)));
        assert!(equal(&Value::Double(f64::NAN), &Value::Double(-f64::NAN)));
    }

    #[test]
    fn strings_compare_by_code_point_and_vectors_by_length_first() {
        assert!(compare(&Value::from("\u{ffff}"), &Value::from("\u{10000}")).is_lt());
        assert!(compare(&Value::Vector(vec![9.0]), &Value::Vector(vec![1.0, 1.0])).is_lt());
    }
}
