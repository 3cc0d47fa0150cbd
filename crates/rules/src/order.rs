//! Which values are the same, and a total order for sets.
//!
//! `1 == 1.0`, but `[1] != [1.0]`: numbers of different types are the same at the top and differ within lists and
//! maps (production). Queries know no such difference, so proofs ask [`alike`].

use std::cmp::Ordering;

use crate::value::Value;

/// How an integer stands to a double of the same value.
#[derive(Clone, Copy, PartialEq)]
enum Numbers {
    Same,
    ByType,
}

/// `left == right`. Maps must be settled.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    !is_nan(left) && !is_nan(right) && elements(left, right).is_eq()
}

pub(crate) fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Float(number) if number.is_nan())
}

/// The order of sets; equal elements are one.
pub(crate) fn elements(left: &Value, right: &Value) -> Ordering {
    order(left, right, Numbers::Same, Numbers::ByType)
}

/// True for the very same value: what is unchanged in a map.
pub(crate) fn identical(left: &Value, right: &Value) -> bool {
    order(left, right, Numbers::ByType, Numbers::ByType).is_eq()
}

/// True when a query takes the two for equal.
pub(crate) fn alike(left: &Value, right: &Value) -> bool {
    order(left, right, Numbers::Same, Numbers::Same).is_eq()
}

/// The order of two numbers, strings, byte strings, times or durations; None for any other two values, and for NaN.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        _ if is_nan(left) || is_nan(right) => None,
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_))
        | (Value::String(_), Value::String(_))
        | (Value::Bytes(_), Value::Bytes(_))
        | (Value::Timestamp(_), Value::Timestamp(_))
        | (Value::Duration(_), Value::Duration(_)) => Some(order(left, right, Numbers::Same, Numbers::Same)),
        _ => None,
    }
}

fn order(left: &Value, right: &Value, here: Numbers, inside: Numbers) -> Ordering {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => numbers(left, right, here),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::LatLng(a), Value::LatLng(b)) => {
            doubles(a.latitude, b.latitude).then_with(|| doubles(a.longitude, b.longitude))
        }
        (Value::Path(a), Value::Path(b)) => a.segments().cmp(b.segments()),
        (Value::List(a), Value::List(b)) => {
            let mut orders = a.values().iter().zip(b.values()).map(|(a, b)| order(a, b, inside, inside));
            orders.find(|found| found.is_ne()).unwrap_or_else(|| a.values().len().cmp(&b.values().len()))
        }
        (Value::Set(a), Value::Set(b)) => a.order(b, |a, b| order(a, b, here, inside)),
        (Value::Map(a) | Value::Object(a), Value::Map(b) | Value::Object(b)) => {
            let (a, b) = (a.settled(), b.settled());
            let mut orders = a
                .iter()
                .zip(b)
                .map(|((a_key, a), (b_key, b))| a_key.cmp(b_key).then_with(|| order(a, b, inside, inside)));
            orders.find(|found| found.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::MapDiff(a), Value::MapDiff(b)) => {
            let sets = |diff: &crate::value::MapDiff| {
                [&diff.added, &diff.removed, &diff.changed, &diff.unchanged].map(Clone::clone)
            };
            let mut orders = sets(a).into_iter().zip(sets(b)).map(|(a, b)| a.order(&b, elements));
            orders.find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn numbers(left: &Value, right: &Value, numbers: Numbers) -> Ordering {
    let stored = |value: &Value| match value {
        Value::Int(number) => model::Value::Integer(*number),
        Value::Float(number) => model::Value::Double(*number),
        _ => unreachable!("the caller matched numbers"),
    };
    // Exact, without rounding large integers.
    let found = model::order::compare(&stored(left), &stored(right));
    match numbers {
        Numbers::Same => found,
        Numbers::ByType => found.then_with(|| rank(left).cmp(&rank(right))),
    }
}

fn doubles(a: f64, b: f64) -> Ordering {
    model::order::compare(&model::Value::Double(a), &model::Value::Double(b))
}

/// Values of different types in an order of no meaning.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Float(_) => 3,
        Value::String(_) => 4,
        Value::Bytes(_) => 5,
        Value::Timestamp(_) => 6,
        Value::Duration(_) => 7,
        Value::LatLng(_) => 8,
        Value::Path(_) => 9,
        Value::List(_) => 10,
        Value::Set(_) => 11,
        Value::Map(_) | Value::Object(_) => 12,
        Value::MapDiff(_) => 13,
        Value::Unknown(_) => 14,
    }
}
