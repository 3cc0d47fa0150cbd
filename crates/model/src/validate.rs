//! What documents may hold: names, depths and sizes, with production's texts for what they may not.

use crate::field_path::is_reserved_field;
use crate::limits::{MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ID_BYTES, MAX_VALUE_BYTES, MAX_VECTOR_DIMENSIONS};
use crate::{DocumentName, Fields, GeoPoint, Status, Value, size};

/// Checks the fields of a document as a write names them (before transforms).
pub fn check_fields(fields: &Fields) -> Result<(), Status> {
    for (name, value) in fields {
        check_top_level_name(name)?;
        check_top_level_value(name, value)?;
    }
    Ok(())
}

/// Checks the size of a whole document; `name` is only for the text.
pub fn check_document_size(name: &DocumentName, fields: &Fields) -> Result<(), Status> {
    let size = size::document_size(&name.path, fields);
    if size > MAX_DOCUMENT_BYTES {
        return Err(Status::invalid_argument(format!(
            "Document '{name}' cannot be written because its size ({} bytes) exceeds the maximum allowed size of {} bytes.",
            grouped(size),
            grouped(MAX_DOCUMENT_BYTES)
        )));
    }
    Ok(())
}

/// Checks one value as it will stand in the top-level field `name`.
pub fn check_top_level_value(name: &str, value: &Value) -> Result<(), Status> {
    if payload_bytes(value) > MAX_VALUE_BYTES {
        return Err(too_long(name));
    }
    match value {
        Value::GeoPoint(point) => check_geo_point(point),
        Value::Vector(elements) => check_vector(elements),
        Value::Array(values) => check_array(name, values),
        Value::Map(fields) => check_map(name, fields, name.len(), 1),
        _ => Ok(()),
    }
}

/// Refuses degrees outside ±90 and ±180.
pub fn check_geo_point(point: &GeoPoint) -> Result<(), Status> {
    for (what, degrees, bound) in [("latitude", point.latitude, 90.0), ("longitude", point.longitude, 180.0)]
    {
        if !(-bound..=bound).contains(&degrees) {
            return Err(Status::invalid_argument(format!(
                "Geo point {what} '{degrees:?}' outside permitted range -{bound:?} to {bound:?}."
            )));
        }
    }
    Ok(())
}

/// Refuses vectors that are empty, too long or hold NaN.
pub fn check_vector(elements: &[f64]) -> Result<(), Status> {
    if elements.is_empty() {
        return Err(Status::invalid_argument("Cannot have a zero length vector."));
    }
    if elements.len() > MAX_VECTOR_DIMENSIONS {
        return Err(Status::invalid_argument(format!(
            "Vectors must be at most {MAX_VECTOR_DIMENSIONS} dimensions."
        )));
    }
    if elements.iter().any(|element| element.is_nan()) {
        return Err(Status::invalid_argument("Vector cannot contain NaN values."));
    }
    Ok(())
}

fn check_top_level_name(name: &str) -> Result<(), Status> {
    if name.is_empty() {
        return Err(Status::invalid_argument("The property.name is the empty string."));
    }
    if name.len() > MAX_ID_BYTES {
        return Err(Status::invalid_argument(format!(
            "The property.name is longer than {MAX_ID_BYTES} bytes."
        )));
    }
    if is_reserved_field(name) {
        return Err(Status::invalid_argument(format!("field name {name} is reserved")));
    }
    Ok(())
}

fn check_array(name: &str, values: &[Value]) -> Result<(), Status> {
    for value in values {
        if payload_bytes(value) > MAX_VALUE_BYTES {
            return Err(too_long(name));
        }
        check_nested(name, value, name.len(), 1, true)?;
    }
    Ok(())
}

/// `path_bytes` is the length of the dotted path so far, `depth` how many levels enclose the entries.
fn check_map(name: &str, fields: &Fields, path_bytes: usize, depth: usize) -> Result<(), Status> {
    if depth > MAX_DEPTH {
        return Err(invalid_nested(name));
    }
    for (key, value) in fields {
        if key.is_empty() {
            return Err(Status::invalid_argument("The property.name is the empty string."));
        }
        if is_reserved_field(key) {
            return Err(Status::invalid_argument(format!("field name '{key}' is reserved.")));
        }
        let path_bytes = path_bytes + 1 + key.len();
        if path_bytes > MAX_ID_BYTES || payload_bytes(value) > MAX_VALUE_BYTES {
            return Err(invalid_nested(name));
        }
        check_nested(name, value, path_bytes, depth, false)?;
    }
    Ok(())
}

fn check_nested(
    name: &str,
    value: &Value,
    path_bytes: usize,
    depth: usize,
    in_array: bool,
) -> Result<(), Status> {
    match value {
        Value::GeoPoint(point) => check_geo_point(point),
        Value::Vector(elements) => check_vector(elements),
        Value::Array(_) if in_array => {
            Err(Status::invalid_argument("Cannot convert an array value in an array value."))
        }
        Value::Array(_) if depth + 1 > MAX_DEPTH => Err(invalid_nested(name)),
        Value::Array(values) => {
            values.iter().try_for_each(|value| check_nested(name, value, path_bytes, depth + 1, true))
        }
        Value::Map(fields) => check_map(name, fields, path_bytes, depth + 1),
        _ => Ok(()),
    }
}

fn payload_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

fn too_long(name: &str) -> Status {
    Status::invalid_argument(format!(
        "The value of property \"{name}\" is longer than {MAX_VALUE_BYTES} bytes."
    ))
}

fn invalid_nested(name: &str) -> Status {
    Status::invalid_argument(format!("Property {name} contains an invalid nested entity."))
}

/// `1048576` as `1,048,576`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested_maps(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Map(Fields::from([("m".to_owned(), inner)])))
    }

    fn refusal(value: Value) -> String {
        check_fields(&Fields::from([("a".to_owned(), value)])).expect_err("refused").message
    }

    #[test]
    fn twenty_levels_pass_and_twenty_one_do_not() {
        assert!(check_fields(&Fields::from([("a".to_owned(), nested_maps(20))])).is_ok());
        assert_eq!(refusal(nested_maps(21)), "Property a contains an invalid nested entity.");
    }

    #[test]
    fn each_refusal_has_productions_text() {
        let map = |key: &str| Value::Map(Fields::from([(key.to_owned(), Value::Null)]));
        let table = [
            (Value::Array(vec![Value::Array(vec![])]), "Cannot convert an array value in an array value."),
            (map("__x__"), "field name '__x__' is reserved."),
            (map(""), "The property.name is the empty string."),
            (map(&"k".repeat(1_499)), "Property a contains an invalid nested entity."),
            (
                Value::String("x".repeat(1_048_488)),
                "The value of property \"a\" is longer than 1048487 bytes.",
            ),
            (
                Value::GeoPoint(GeoPoint { latitude: 91.0, longitude: 0.0 }),
                "Geo point latitude '91.0' outside permitted range -90.0 to 90.0.",
            ),
        ];
        for (value, text) in table {
            assert_eq!(refusal(value), text);
        }
        assert_eq!(grouped(1_060_109), "1,060,109");
        assert_eq!(grouped(12), "12");
    }
}
