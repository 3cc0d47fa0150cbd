//! Values as text: for `string()`, `join()` and messages.

use std::fmt;

use super::Value;

/// A number with a point, as the language prints it: `1.5`, `1.0`, `Infinity`.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{number:?}")
}

/// For people who read a message: what is long is cut.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(number) => f.write_str(&float_text(*number)),
            Value::String(text) => write!(f, "'{}'", text.chars().take(SHOWN).collect::<String>()),
            Value::Bytes(bytes) => write!(f, "bytes of length {}", bytes.len()),
            Value::Timestamp(time) => write!(f, "{time}"),
            Value::Duration(duration) => write!(f, "{duration}"),
            Value::LatLng(point) => write!(f, "latlng({}, {})", point.latitude, point.longitude),
            Value::Path(path) => write!(f, "{path}"),
            Value::List(list) => write!(f, "list of size {}", list.values().len()),
            Value::Set(set) => write!(f, "set of size {}", set.values().len()),
            Value::Map(_) => f.write_str("map"),
            Value::Object(_) => f.write_str("object"),
            Value::MapDiff(_) => f.write_str("map_diff"),
            Value::Unknown(_) => f.write_str("a value that differs between the documents of the query"),
        }
    }
}

/// Characters of a string that a message shows.
const SHOWN: usize = 80;
