//! Operators with two operands, and the minus.

use crate::budget::Budget;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::order;
use crate::syntax::Operator;
use crate::value::{Duration, Instant, Lookup, Value};

/// `left operator right`
pub(super) fn binary(
    operator: Operator,
    left: &Value,
    right: &Value,
    budget: &mut Budget,
) -> Result<Value, Fault> {
    match operator {
        Operator::Equal => equality(left, right, budget).map(Value::Bool),
        Operator::NotEqual => equality(left, right, budget).map(|equal| Value::Bool(!equal)),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            comparison(operator, left, right, budget).map(Value::Bool)
        }
        Operator::In => membership(left, right, budget).map(Value::Bool),
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            arithmetic(operator, left, right, budget)
        }
    }
}

/// `-value`
pub(super) fn negate(value: Value) -> Result<Value, Fault> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Float(number) => Ok(Value::Float(-number)),
        Value::Unknown(_) => Err(Fault::unknown()),
        other => Err(Fault::error(format!("Unsupported operation error. Received: -{}.", other.type_name()))),
    }
}

/// `left == right`
pub(super) fn equality(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Fault> {
    match (left, right) {
        (Value::Unknown(_), Value::Unknown(_)) => return Err(Fault::unknown()),
        (Value::Unknown(known), other) | (other, Value::Unknown(known)) => {
            if !other.is_certain() {
                return Err(Fault::unknown());
            }
            prepare(other, budget)?;
            return known.equals(other).ok_or_else(Fault::unknown);
        }
        _ => {}
    }
    let map = |value: &Value| matches!(value, Value::Map(_) | Value::Object(_));
    if !left.is_certain() || !right.is_certain() {
        // Of a document that is known in part only this is sure: it is not null, a number or the like.
        return if map(left) && map(right) { Err(Fault::unknown()) } else { Ok(false) };
    }
    prepare(left, budget)?;
    prepare(right, budget)?;
    Ok(order::equal(left, right))
}

fn prepare(value: &Value, budget: &mut Budget) -> Result<(), Fault> {
    budget.look_at(&[value])?;
    match value {
        Value::Map(map) | Value::Object(map) => map.settle(),
        _ => Ok(()),
    }
}

fn comparison(operator: Operator, left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Fault> {
    match (left, right) {
        (Value::Unknown(_), Value::Unknown(_)) => return Err(Fault::unknown()),
        (Value::Unknown(known), other) => return known.compares(operator, other).ok_or_else(Fault::unknown),
        (other, Value::Unknown(known)) => {
            return known.compares(mirrored(operator), other).ok_or_else(Fault::unknown);
        }
        _ => {}
    }
    budget.look_at(&[left, right])?;
    let Some(order) = order::compare(left, right) else {
        let numbers = Kind::Number.holds(left) && Kind::Number.holds(right);
        // Only NaN is a number and does not compare.
        return if numbers { Ok(false) } else { Err(unsupported(operator, left, right)) };
    };
    Ok(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        other => other,
    }
}

/// `element in container`
fn membership(element: &Value, container: &Value, budget: &mut Budget) -> Result<bool, Fault> {
    if let Value::Unknown(known) = container {
        prepare(element, budget)?;
        return known.has(element).ok_or_else(Fault::unknown);
    }
    budget.look_at(&[container])?;
    match container {
        Value::List(list) => {
            let mut unknown = false;
            for other in list.values() {
                match equality(element, other, budget) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(Fault::Unknown { .. }) => unknown = true,
                    Err(fault) => return Err(fault),
                }
            }
            if unknown { Err(Fault::unknown()) } else { Ok(false) }
        }
        Value::Set(_) | Value::Map(_) | Value::Object(_) if !element.is_certain() => Err(Fault::unknown()),
        Value::Set(set) => {
            prepare(element, budget)?;
            Ok(set.contains(element))
        }
        Value::Map(map) | Value::Object(map) => {
            let Value::String(key) = element else { return Ok(false) };
            match map.get(key)? {
                Lookup::Found(_) => Ok(true),
                Lookup::Absent => Ok(false),
                Lookup::Unknown => Err(Fault::unknown()),
            }
        }
        Value::Null => Err(Fault::error("Null value error.")),
        _ => Err(unsupported(Operator::In, element, container)),
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Unknown(_), _) | (_, Value::Unknown(_)) => Err(Fault::unknown()),
        (Value::Int(a), Value::Int(b)) => integers(operator, *a, *b).map(Value::Int),
        (Value::Float(a), Value::Float(b)) => doubles(operator, *a, *b),
        (Value::Int(a), Value::Float(b)) => doubles(operator, *a as f64, *b),
        (Value::Float(a), Value::Int(b)) => doubles(operator, *a, *b as f64),
        (Value::String(a), Value::String(b)) if operator == Operator::Add => {
            budget.look_at(&[left, right])?;
            Ok(Value::string([&**a, &**b].concat()))
        }
        _ => times(operator, left, right),
    }
}

fn integers(operator: Operator, a: i64, b: i64) -> Result<i64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(Fault::error("Divide by zero.")),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => None,
    };
    result.ok_or_else(overflow)
}

fn doubles(operator: Operator, a: f64, b: f64) -> Result<Value, Fault> {
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    };
    Ok(Value::Float(result))
}

fn times(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    let instant = |nanos| Instant::from_nanos(nanos).map(Value::Timestamp);
    let duration = |nanos| Duration::from_nanos(nanos).map(Value::Duration);
    let result = match (left, operator, right) {
        (Value::Timestamp(a), Operator::Add, Value::Duration(b)) => instant(a.nanos() + b.nanos()),
        (Value::Duration(a), Operator::Add, Value::Timestamp(b)) => instant(a.nanos() + b.nanos()),
        (Value::Timestamp(a), Operator::Subtract, Value::Duration(b)) => instant(a.nanos() - b.nanos()),
        (Value::Timestamp(a), Operator::Subtract, Value::Timestamp(b)) => duration(a.nanos() - b.nanos()),
        (Value::Duration(a), Operator::Add, Value::Duration(b)) => duration(a.nanos() + b.nanos()),
        (Value::Duration(a), Operator::Subtract, Value::Duration(b)) => duration(a.nanos() - b.nanos()),
        _ => return Err(unsupported(operator, left, right)),
    };
    result.ok_or_else(|| Fault::error("The time is out of range."))
}

fn unsupported(operator: Operator, left: &Value, right: &Value) -> Fault {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return Fault::error("Null value error.");
    }
    let (left, operator, right) = (left.type_name(), operator.symbol(), right.type_name());
    Fault::error(format!("Unsupported operation error. Received: {left} {operator} {right}."))
}

fn overflow() -> Fault {
    Fault::error("Integer overflow.")
}
