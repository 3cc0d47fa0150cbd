//! One comparison: the values it accepts, and how it is printed.

use std::fmt;

use model::Value;
use model::encoding::{after_prefix, class_range, push_index_value};
use model::query::{FieldOperator, UnaryOperator};

use crate::dnf::Test;
use crate::span::{Span, Spans};

/// A comparison with its operand, as the filter wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub operator: Operator,
    /// Null for the tests of a field on its own.
    pub value: Value,
}

/// What a condition asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operator {
    Field(FieldOperator),
    Unary(UnaryOperator),
}

/// Prints a value as plans show it.
pub(crate) struct ShowValue<'a>(pub &'a Value);

impl Condition {
    pub fn of(test: Test<'_>) -> Self {
        match test {
            Test::Compare(operator, value) => {
                Condition { operator: Operator::Field(operator), value: value.clone() }
            }
            Test::Is(operator) => Condition { operator: Operator::Unary(operator), value: Value::Null },
        }
    }

    /// The encoded values that the condition accepts of a field that is not the name.
    pub fn accepted(&self) -> Spans {
        let null = || exactly(&Value::Null);
        let nan = || exactly(&Value::Double(f64::NAN));
        match self.operator {
            Operator::Unary(UnaryOperator::IsNull) => Spans::one(null()),
            Operator::Unary(UnaryOperator::IsNan) => Spans::one(nan()),
            Operator::Unary(UnaryOperator::IsNotNull) => Spans::all().without([null()]),
            Operator::Unary(UnaryOperator::IsNotNan) => Spans::all().without([null(), nan()]),
            Operator::Field(operator) => compared(operator, &self.value),
        }
    }
}

/// True for operands that equal nothing: queries test for them with unary operators.
fn equals_nothing(value: &Value) -> bool {
    matches!(value, Value::Null) || value.is_nan()
}

fn compared(operator: FieldOperator, value: &Value) -> Spans {
    // Null is the smallest value, so nothing lies before it.
    let not_null = |holes: Vec<Span>| {
        let null = exactly(&Value::Null);
        Spans::all().without([Span::new(Vec::new(), null.end)]).without(holes)
    };
    match operator {
        FieldOperator::NotEqual => match value {
            Value::Null => Spans::none(),
            value if value.is_nan() => not_null(Vec::new()),
            value => not_null(vec![exactly(value)]),
        },
        FieldOperator::NotIn => match value {
            Value::Array(values) if values.iter().any(|value| matches!(value, Value::Null)) => Spans::none(),
            Value::Array(values) => {
                not_null(values.iter().filter(|value| !value.is_nan()).map(exactly).collect())
            }
            value => not_null(vec![exactly(value)]),
        },
        _ if equals_nothing(value) => Spans::none(),
        FieldOperator::Equal => Spans::one(exactly(value)),
        // An array never holds an array, so nothing contains one.
        FieldOperator::ArrayContains => match value {
            Value::Array(_) => Spans::none(),
            value => Spans::one(exactly(value)),
        },
        FieldOperator::In | FieldOperator::ArrayContainsAny => match value {
            Value::Array(values) => {
                let holes: Vec<Span> = values.iter().filter(|v| !equals_nothing(v)).map(exactly).collect();
                let complement = Spans::all().without(holes);
                Spans::all().without(complement.as_slice().to_vec())
            }
            value => Spans::one(exactly(value)),
        },
        FieldOperator::LessThan
        | FieldOperator::LessThanOrEqual
        | FieldOperator::GreaterThan
        | FieldOperator::GreaterThanOrEqual => Spans::one(ranged(operator, value)),
    }
}

fn exactly(value: &Value) -> Span {
    let mut bytes = Vec::new();
    push_index_value(&mut bytes, value);
    Span::prefix(&bytes)
}

/// The values of the operand's own class on one side of it.
fn ranged(operator: FieldOperator, value: &Value) -> Span {
    let mut bytes = Vec::new();
    push_index_value(&mut bytes, value);
    let (first, last) = class_range(value);
    let (lowest, highest) = (vec![first], Some(vec![last]));
    match operator {
        FieldOperator::LessThan => Span::new(lowest, Some(bytes)),
        FieldOperator::LessThanOrEqual => Span::new(lowest, after_prefix(&bytes)),
        FieldOperator::GreaterThanOrEqual => Span::new(bytes, highest),
        _ => {
            Span::new(after_prefix(&bytes).expect("a value begins with its tag, which is below ff"), highest)
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Field(FieldOperator::LessThan) => "<",
            Operator::Field(FieldOperator::LessThanOrEqual) => "<=",
            Operator::Field(FieldOperator::GreaterThan) => ">",
            Operator::Field(FieldOperator::GreaterThanOrEqual) => ">=",
            Operator::Field(FieldOperator::Equal) => "=",
            Operator::Field(FieldOperator::NotEqual) => "!=",
            Operator::Field(FieldOperator::ArrayContains) => "contains",
            Operator::Field(FieldOperator::In) => "in",
            Operator::Field(FieldOperator::ArrayContainsAny) => "contains any",
            Operator::Field(FieldOperator::NotIn) => "not in",
            Operator::Unary(UnaryOperator::IsNan) => "is nan",
            Operator::Unary(UnaryOperator::IsNull) => "is null",
            Operator::Unary(UnaryOperator::IsNotNan) => "is not nan",
            Operator::Unary(UnaryOperator::IsNotNull) => "is not null",
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operator {
            Operator::Field(_) => write!(f, "{} {}", self.operator, ShowValue(&self.value)),
            Operator::Unary(_) => write!(f, "{}", self.operator),
        }
    }
}

impl fmt::Display for ShowValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Boolean(truth) => write!(f, "{truth}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Double(number) => write!(f, "{number:?}"),
            Value::Timestamp(stamp) => write!(f, "{stamp:?}"),
            Value::String(text) => write!(f, "{text:?}"),
            Value::Bytes(bytes) => write!(f, "{bytes:?}"),
            Value::Reference(name) => write!(f, "/{}", name.path),
            Value::GeoPoint(point) => write!(f, "({}, {})", point.latitude, point.longitude),
            Value::Array(values) => list(f, values.iter()),
            Value::Vector(elements) => write!(f, "vector{elements:?}"),
            Value::Map(fields) => {
                f.write_str("{")?;
                for (n, (key, value)) in fields.iter().enumerate() {
                    let comma = if n > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}: {}", ShowValue(value))?;
                }
                f.write_str("}")
            }
        }
    }
}

fn list<'a>(f: &mut fmt::Formatter<'_>, values: impl Iterator<Item = &'a Value>) -> fmt::Result {
    f.write_str("[")?;
    for (n, value) in values.enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        write!(f, "{comma}{}", ShowValue(value))?;
    }
    f.write_str("]")
}
