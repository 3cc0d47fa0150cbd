//! `bool()`, `int()`, `float()`, `string()` and `path()`.

use crate::fault::Fault;
use crate::value::{Path, Value, float_text};

/// Applies the conversion `name`.
pub(super) fn convert(name: &str, value: &Value) -> Result<Value, Fault> {
    if !value.is_certain() {
        return Err(Fault::unknown());
    }
    let converted = match name {
        "bool" => match value {
            Value::Bool(_) => Some(value.clone()),
            _ => None,
        },
        "int" => int(value).map(Value::Int),
        "float" => float(value).map(Value::Float),
        "string" => text(value).map(Value::string),
        "path" => match value {
            Value::String(text) => Path::parse(text).map(Value::Path),
            Value::Path(_) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    };
    converted.ok_or_else(|| Fault::error(format!("Cannot make a {name} of {value}.")))
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        // Cuts towards zero. The cast saturates, so what is out of range is refused first.
        Value::Float(number) => {
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(number);
            fits.then_some(*number as i64)
        }
        // Decimal digits and a minus, nothing else.
        Value::String(text) if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::String(text) => {
            let numeric = text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
            text.parse().ok().filter(|_| numeric)
        }
        _ => None,
    }
}

/// The text of a value that has one.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(float_text(*number)),
        Value::String(text) => Some(text.to_string()),
        Value::Path(path) => Some(path.to_string()),
        Value::Bytes(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::LatLng(_)
        | Value::List(_)
        | Value::Set(_)
        | Value::Map(_)
        | Value::Object(_)
        | Value::MapDiff(_)
        | Value::Unknown(_) => None,
    }
}
