//! What a query tells about a field of the documents it returns, though it does not fix the value.
//!
//! Every answer is three-valued: true of all those documents, false of all, or `None`, which denies. Queries take 1 and
//! 1.0 for equal and the language mostly does too, but `is int` tells them apart: so a number that a query fixes is
//! still not wholly known.

use std::cmp::Ordering;

use model::order::TypeClass;

use crate::kind::Kind;
use crate::order;
use crate::syntax::Operator;
use crate::value::Value;

/// Facts that hold for one value in every document.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(crate) class: Option<TypeClass>,
    /// The value itself, as far as queries see.
    pub(crate) alike: Option<Value>,
    pub(crate) lower: Option<Limit>,
    pub(crate) upper: Option<Limit>,
    /// What it is not, as queries see it.
    pub(crate) excluded: Vec<Value>,
    /// Elements that are in it.
    pub(crate) contains: Vec<Value>,
}

/// An end of a range.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub value: Value,
    pub inclusive: bool,
}

/// How a value can stand to another.
#[derive(Clone, Copy)]
struct Orders {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Known {
    /// Of a class, and nothing else.
    pub(crate) fn of_class(class: TypeClass) -> Self {
        Known { class: Some(class), ..Known::default() }
    }

    /// `value == other`
    pub(crate) fn equals(&self, other: &Value) -> Option<bool> {
        // What no document can hold.
        let Some(class) = class_of(other) else { return Some(false) };
        if self.class.is_some_and(|own| own != class) || order::is_nan(other) {
            return Some(false);
        }
        if self.excluded.iter().any(|excluded| order::alike(excluded, other)) {
            return Some(false);
        }
        if let Some(alike) = &self.alike {
            return match order::alike(alike, other) {
                true => is_scalar(alike).then_some(true),
                false => Some(false),
            };
        }
        let orders = self.orders(other)?;
        match (orders.less, orders.equal, orders.greater) {
            (_, false, _) => Some(false),
            (false, true, false) => Some(true),
            (true, true, _) | (_, true, true) => None,
        }
    }

    /// `value < other` and its kin.
    pub(crate) fn compares(&self, operator: Operator, other: &Value) -> Option<bool> {
        if self.class? != class_of(other)? {
            return None;
        }
        let orders = self.orders(other)?;
        let (wanted, unwanted) = match operator {
            Operator::Less => (orders.less, orders.equal || orders.greater),
            Operator::LessOrEqual => (orders.less || orders.equal, orders.greater),
            Operator::Greater => (orders.greater, orders.equal || orders.less),
            Operator::GreaterOrEqual => (orders.greater || orders.equal, orders.less),
            Operator::Equal
            | Operator::NotEqual
            | Operator::In
            | Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => return None,
        };
        if wanted == unwanted { None } else { Some(wanted) }
    }

    /// `element in value`
    pub(crate) fn has(&self, element: &Value) -> Option<bool> {
        let is = |known: &Value| order::alike(known, element) && (is_scalar(known) || !has_number(known));
        self.contains.iter().any(is).then_some(true)
    }

    /// `value is kind`
    pub(crate) fn is(&self, kind: Kind) -> Option<bool> {
        let class = self.class?;
        let own = match kind {
            Kind::Int | Kind::Float if class == TypeClass::Number => return None,
            Kind::Int | Kind::Float | Kind::Duration | Kind::Set | Kind::MapDiff | Kind::Constraint => {
                return Some(false);
            }
            Kind::Bool => TypeClass::Boolean,
            Kind::Bytes => TypeClass::Bytes,
            Kind::LatLng => TypeClass::GeoPoint,
            Kind::List => TypeClass::Array,
            Kind::Map => TypeClass::Map,
            Kind::Number => TypeClass::Number,
            Kind::Path => TypeClass::Reference,
            Kind::String => TypeClass::String,
            Kind::Timestamp => TypeClass::Timestamp,
        };
        Some(own == class)
    }

    /// None when the two do not compare.
    fn orders(&self, other: &Value) -> Option<Orders> {
        if let Some(alike) = &self.alike {
            return order::compare(alike, other).map(Orders::only);
        }
        let mut orders = Orders { less: true, equal: true, greater: true };
        if let Some(lower) = &self.lower {
            match order::compare(other, &lower.value)? {
                Ordering::Less => orders = Orders::only(Ordering::Greater),
                Ordering::Equal => {
                    orders.less = false;
                    orders.equal = lower.inclusive;
                }
                Ordering::Greater => {}
            }
        }
        if let Some(upper) = &self.upper {
            match order::compare(other, &upper.value)? {
                Ordering::Greater => orders = Orders::only(Ordering::Less),
                Ordering::Equal => {
                    orders.greater = false;
                    orders.equal &= upper.inclusive;
                }
                Ordering::Less => {}
            }
        }
        if self.excluded.iter().any(|excluded| order::alike(excluded, other)) {
            orders.equal = false;
        }
        Some(orders)
    }
}

impl Orders {
    fn only(order: Ordering) -> Self {
        Orders { less: order.is_lt(), equal: order.is_eq(), greater: order.is_gt() }
    }
}

/// The class of a value that a document can hold; vectors are maps to the language.
pub(crate) fn class_of(value: &Value) -> Option<TypeClass> {
    match value {
        Value::Null => Some(TypeClass::Null),
        Value::Bool(_) => Some(TypeClass::Boolean),
        Value::Int(_) | Value::Float(_) => Some(TypeClass::Number),
        Value::String(_) => Some(TypeClass::String),
        Value::Bytes(_) => Some(TypeClass::Bytes),
        Value::Timestamp(_) => Some(TypeClass::Timestamp),
        Value::LatLng(_) => Some(TypeClass::GeoPoint),
        Value::Path(_) => Some(TypeClass::Reference),
        Value::List(_) => Some(TypeClass::Array),
        Value::Map(_) | Value::Object(_) => Some(TypeClass::Map),
        Value::Duration(_) | Value::Set(_) | Value::MapDiff(_) | Value::Unknown(_) => None,
    }
}

/// True when a query cannot tell the value from one of another type.
pub(crate) fn has_number(value: &Value) -> bool {
    match value {
        Value::Int(_) | Value::Float(_) => true,
        // Doubles, of which one may be -0.0.
        Value::LatLng(_) => true,
        Value::List(list) => list.values().iter().any(has_number),
        Value::Map(map) | Value::Object(map) => map.settled().values().any(has_number),
        Value::Null
        | Value::Bool(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Path(_)
        | Value::Set(_)
        | Value::MapDiff(_)
        | Value::Unknown(_) => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_))
}
