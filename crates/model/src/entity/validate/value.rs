//! Which values properties may have: types, lengths, depths and meanings.

use super::key::{KeyUse, check_key};
use crate::entity::{EmbeddedEntity, EntityValue, Properties, Property};
use crate::field_path::is_reserved_field;
use crate::limits::{
    MAX_DEPTH, MAX_ID_BYTES, MAX_INDEXED_VALUE_BYTES, MAX_VALUE_BYTES, MAX_VECTOR_DIMENSIONS,
};
use crate::{GeoPoint, Status, Timestamp};

/// Bytes of a URL (meaning 2).
const MAX_LINK_BYTES: usize = 2_083;
const LINK: i32 = 2;
const VECTOR: i32 = 31;

/// Checks the properties of an entity as a mutation names them.
pub fn check_properties(properties: &Properties) -> Result<(), Status> {
    check_all(properties, false, 0)
}

/// Checks one name of a property.
pub fn check_property_name(name: &str) -> Result<(), Status> {
    match name.len() {
        0 => Err(Status::invalid_argument("The property.name is the empty string.")),
        1..=MAX_ID_BYTES if is_reserved_field(name) => {
            Err(Status::invalid_argument(format!("The property.name \"{name}\" is reserved.")))
        }
        1..=MAX_ID_BYTES => Ok(()),
        _ => Err(Status::invalid_argument(format!("The property.name is longer than {MAX_ID_BYTES} bytes."))),
    }
}

/// Checks the value that a filter compares the property `name` with: one that an index can hold.
pub fn check_filter_value(name: &str, property: &Property) -> Result<(), Status> {
    match &property.value {
        _ if property.excluded => Err(Status::invalid_argument("a filter value must be indexed")),
        EntityValue::Entity(_) => Err(Status::invalid_argument("An entity value is not allowed")),
        EntityValue::Array(_) => Err(Status::invalid_argument("A list value is not allowed")),
        value => check_value(name, value, false, 0),
    }
}

/// Checks the elements of an array that is, or is to become, the value of `name`.
pub(super) fn check_elements(name: &str, elements: &[Property]) -> Result<(), Status> {
    elements.iter().try_for_each(|element| check_element(name, element, false, 0))
}

fn check_all(properties: &Properties, excluded: bool, depth: usize) -> Result<(), Status> {
    for (name, property) in properties {
        check_property_name(name)?;
        check_property(name, property, excluded, depth)?;
    }
    Ok(())
}

fn check_property(name: &str, property: &Property, excluded: bool, depth: usize) -> Result<(), Status> {
    let excluded = excluded || property.excluded;
    if let EntityValue::Array(elements) = &property.value {
        if property.meaning == VECTOR {
            return check_vector(name, property, elements);
        }
        if property.excluded {
            return Err(Status::invalid_argument("Exclude from indexes cannot be set on a list value"));
        }
        if property.meaning != 0 {
            return Err(Status::invalid_argument(
                "A Value containing a list_value cannot specify a meaning.",
            ));
        }
        return elements.iter().try_for_each(|element| check_element(name, element, excluded, depth));
    }
    check_meaning(name, property, excluded)?;
    check_value(name, &property.value, excluded, depth)
}

fn check_element(name: &str, element: &Property, excluded: bool, depth: usize) -> Result<(), Status> {
    if matches!(element.value, EntityValue::Array(_)) {
        return Err(Status::invalid_argument(
            "list_value cannot contain a Value containing another list_value.",
        ));
    }
    check_property(name, element, excluded, depth)
}

fn check_value(name: &str, value: &EntityValue, excluded: bool, depth: usize) -> Result<(), Status> {
    match value {
        EntityValue::String(text) => check_length(name, text.len(), excluded),
        EntityValue::Blob(bytes) => check_length(name, bytes.len(), excluded),
        EntityValue::GeoPoint(point) => check_geo_point(*point),
        EntityValue::Key(key) => check_key(key, KeyUse::Read),
        EntityValue::Entity(EmbeddedEntity { properties, .. }) => {
            if depth == MAX_DEPTH {
                return Err(Status::invalid_argument(format!(
                    "At most {MAX_DEPTH} nested entity values are supported."
                )));
            }
            check_all(properties, excluded, depth + 1)
        }
        EntityValue::Null
        | EntityValue::Boolean(_)
        | EntityValue::Integer(_)
        | EntityValue::Double(_)
        | EntityValue::Timestamp(_)
        | EntityValue::Array(_) => Ok(()),
    }
}

fn check_length(name: &str, length: usize, excluded: bool) -> Result<(), Status> {
    let most = if excluded { MAX_VALUE_BYTES } else { MAX_INDEXED_VALUE_BYTES };
    if length > most {
        return Err(Status::invalid_argument(format!(
            "The value of property \"{name}\" is longer than {most} bytes."
        )));
    }
    Ok(())
}

fn check_geo_point(point: GeoPoint) -> Result<(), Status> {
    for (what, degrees, bound) in [("latitude", point.latitude, 90.0), ("longitude", point.longitude, 180.0)]
    {
        if degrees.is_nan() {
            return Err(Status::invalid_argument(format!("Geo point {what} is not a number.")));
        }
        if !(-bound..=bound).contains(&degrees) {
            return Err(Status::invalid_argument(format!(
                "Geo point {what} outside permitted range -{bound:?} to {bound:?}."
            )));
        }
    }
    Ok(())
}

fn check_vector(name: &str, property: &Property, elements: &[Property]) -> Result<(), Status> {
    if !property.excluded {
        return Err(Status::invalid_argument("Vector's must be excluded from indexes."));
    }
    if elements.is_empty() || elements.len() > MAX_VECTOR_DIMENSIONS {
        return Err(Status::invalid_argument(format!(
            "Value \"{name}\" is a vector of {} dimensions: it must have between 1 and {MAX_VECTOR_DIMENSIONS}.",
            elements.len()
        )));
    }
    match elements.iter().all(|element| matches!(element.value, EntityValue::Double(_))) {
        true => Ok(()),
        false => Err(mismatch(name, VECTOR, "array_value")),
    }
}

/// The meanings that a server checks; others are hints that it keeps (facts of the emulator, table 1.6).
fn check_meaning(name: &str, property: &Property, excluded: bool) -> Result<(), Status> {
    let value = &property.value;
    let text = matches!(value, EntityValue::String(_));
    let blob = matches!(value, EntityValue::Blob(_));
    let (fits, field) = match property.meaning {
        0 => return Ok(()),
        LINK => (matches!(value, EntityValue::String(link) if link.len() <= MAX_LINK_BYTES), "string_value"),
        1..=6 | 8 | 10..=12 | 15 | 17 | 32 => (text, "string_value"),
        7 | 13 | 29 | 30 => (matches!(value, EntityValue::Integer(_)), "integer_value"),
        16 | 22 => (blob, "blob_value"),
        20 => (matches!(value, EntityValue::Entity(_)), "entity_value"),
        23 => (matches!(value, EntityValue::GeoPoint(_)), "geo_point_value"),
        VECTOR => (false, "array_value"),
        18 => return Err(Status::invalid_argument("Projection property cannot be used.")),
        meaning @ (9 | 14 | 19 | 21 | 24..=28) => {
            return Err(Status::invalid_argument(format!("Unexpected value meaning {meaning}.")));
        }
        meaning => return Err(Status::invalid_argument(format!("Unknown value meaning {meaning}."))),
    };
    if !fits {
        return Err(mismatch(name, property.meaning, field));
    }
    check_meaning_content(property, excluded)
}

fn check_meaning_content(property: &Property, excluded: bool) -> Result<(), Status> {
    match (property.meaning, &property.value) {
        (7, EntityValue::Integer(micros)) if Timestamp::from_micros(*micros).is_some() => {
            Err(Status::invalid_argument(
                "A timestamp in range [0001-01-01T00:00:00Z, 9999-12-31T23:59:59.999999Z] must be stored as a timestamp value.",
            ))
        }
        (13, EntityValue::Integer(rating)) if !(0..=100).contains(rating) => {
            Err(Status::invalid_argument("A rating must be between 0 and 100."))
        }
        (meaning @ (15 | 22), _) if !excluded => {
            Err(Status::invalid_argument(format!("Indexed value has meaning {meaning}.")))
        }
        (20, EntityValue::Entity(user)) => {
            match ["email", "auth_domain"].into_iter().find(|name| !user.properties.contains_key(*name)) {
                Some(name) => Err(Status::invalid_argument(format!(
                    "The user entity is missing required property \"{name}\"."
                ))),
                None => Ok(()),
            }
        }
        (_, _) => Ok(()),
    }
}

fn mismatch(name: &str, meaning: i32, field: &str) -> Status {
    Status::invalid_argument(format!(
        "Value \"{name}\" has a meaning {meaning} which does not match {field} field."
    ))
}
