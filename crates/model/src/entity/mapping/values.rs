//! Properties as fields, and back.
//!
//! What a document cannot say is a map with a `__type__`. Documents know no index flags and entities need them, so what
//! comes from a document is indexed, but for maps with all that is in them, references, vectors and long texts.

use crate::entity::{EmbeddedEntity, EntityValue, Properties, Property};
use crate::limits::MAX_INDEXED_VALUE_BYTES;
use crate::value::TYPE_KEY;
use crate::{DocumentName, Fields, Status, Value};

use super::{document_path_of, key_of};

const TIMESTAMP: &str = "__legacy_timestamp__";
const MICROSECONDS: &str = "microseconds";
const ENTITY: &str = "__legacy_entity__";
const NAME: &str = "__name__";
const USER: &str = "__legacy_user__";
const MEANING_VALUE: &str = "__legacy_meaning_value__";
const VALUE: &str = "value";
const MEANING: &str = "meaning";

/// Meanings of properties: see `validate`.
mod meaning {
    pub const TIMESTAMP: i32 = 7;
    pub const TEXT: i32 = 15;
    pub const USER: i32 = 20;
    pub const COMPRESSED: i32 = 22;
    pub const VECTOR: i32 = 31;
}

/// The fields of the document that an entity with these properties is.
///
/// # Errors
/// INVALID_ARGUMENT for a key among the values that is no document's.
pub fn fields_of(properties: &Properties) -> Result<Fields, Status> {
    properties.iter().map(|(name, property)| Ok((name.clone(), value_of(property)?))).collect()
}

/// The properties of the entity that a document with these fields is.
///
/// # Errors
/// INVALID_ARGUMENT for a `__type__` that is not known, and for a reference to no entity.
pub fn properties_of(fields: &Fields) -> Result<Properties, Status> {
    fields.iter().map(|(name, value)| Ok((name.clone(), property_of(value, false)?))).collect()
}

/// The property that a filter compares with; an index can hold it if it can hold the value.
///
/// # Errors
/// As of [`properties_of`].
pub fn indexed_property_of(value: &Value) -> Result<Property, Status> {
    let mut property = property_of(value, false)?;
    if let EntityValue::Array(elements) = &mut property.value {
        elements.iter_mut().for_each(|element| element.excluded = false);
    }
    property.excluded = false;
    Ok(property)
}

/// One value as a document has it.
///
/// # Errors
/// As of [`fields_of`].
pub fn value_of(property: &Property) -> Result<Value, Status> {
    match (property.meaning, &property.value) {
        (0, value) => plain_value(value),
        (meaning::VECTOR, EntityValue::Array(elements)) => vector(elements),
        (meaning::TIMESTAMP, EntityValue::Integer(micros)) => {
            Ok(typed(TIMESTAMP, [(MICROSECONDS, Value::Integer(*micros))]))
        }
        (meaning::USER, EntityValue::Entity(EmbeddedEntity { key: None, properties })) => {
            let mut fields = fields_of(properties)?;
            fields.insert(TYPE_KEY.to_owned(), USER.into());
            Ok(Value::Map(fields))
        }
        (meaning, value) => {
            let meaning = Value::Integer(meaning.into());
            Ok(typed(MEANING_VALUE, [(VALUE, plain_value(value)?), (MEANING, meaning)]))
        }
    }
}

fn plain_value(value: &EntityValue) -> Result<Value, Status> {
    Ok(match value {
        EntityValue::Null => Value::Null,
        EntityValue::Boolean(truth) => Value::Boolean(*truth),
        EntityValue::Integer(number) => Value::Integer(*number),
        EntityValue::Double(number) => Value::Double(*number),
        EntityValue::Timestamp(time) => Value::Timestamp(*time),
        EntityValue::Key(key) => Value::Reference(DocumentName {
            database: key.partition.database_name(),
            path: document_path_of(key)?,
        }),
        EntityValue::String(text) => Value::String(text.clone()),
        EntityValue::Blob(bytes) => Value::Bytes(bytes.clone()),
        EntityValue::GeoPoint(point) => Value::GeoPoint(*point),
        EntityValue::Array(elements) => {
            Value::Array(elements.iter().map(value_of).collect::<Result<_, _>>()?)
        }
        EntityValue::Entity(EmbeddedEntity { key: None, properties }) => Value::Map(fields_of(properties)?),
        EntityValue::Entity(EmbeddedEntity { key: Some(key), properties }) => {
            let mut fields = fields_of(properties)?;
            fields.insert(TYPE_KEY.to_owned(), ENTITY.into());
            fields.insert(NAME.to_owned(), plain_value(&EntityValue::Key(key.clone()))?);
            Value::Map(fields)
        }
    })
}

fn vector(elements: &[Property]) -> Result<Value, Status> {
    let number = |element: &Property| match element.value {
        EntityValue::Double(number) => Ok(number),
        _ => Err(Status::invalid_argument("A vector of an entity holds something that is no double.")),
    };
    Ok(Value::Vector(elements.iter().map(number).collect::<Result<_, _>>()?))
}

fn typed<const N: usize>(kind: &str, entries: [(&str, Value); N]) -> Value {
    let mut fields: Fields = entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    fields.insert(TYPE_KEY.to_owned(), kind.into());
    Value::Map(fields)
}

/// The property that a value is; below a map nothing is indexed.
fn property_of(value: &Value, below_map: bool) -> Result<Property, Status> {
    let (value, excluded) = match value {
        Value::Null => (EntityValue::Null, false),
        Value::Boolean(truth) => (EntityValue::Boolean(*truth), false),
        Value::Integer(number) => (EntityValue::Integer(*number), false),
        Value::Double(number) => (EntityValue::Double(*number), false),
        Value::Timestamp(time) => (EntityValue::Timestamp(*time), false),
        Value::String(text) => (EntityValue::String(text.clone()), text.len() > MAX_INDEXED_VALUE_BYTES),
        Value::Bytes(bytes) => (EntityValue::Blob(bytes.clone()), bytes.len() > MAX_INDEXED_VALUE_BYTES),
        Value::Reference(DocumentName { database, path }) => {
            (EntityValue::Key(key_of(database, path)?), true)
        }
        Value::GeoPoint(point) => (EntityValue::GeoPoint(*point), false),
        Value::Array(values) => {
            let elements = values.iter().map(|value| property_of(value, below_map));
            let mut elements = elements.collect::<Result<Vec<_>, Status>>()?;
            // A list itself has no flag; its elements have, and Google's client takes no list that is indexed in part.
            if elements.iter().any(|element| element.excluded) {
                elements.iter_mut().for_each(|element| element.excluded = true);
            }
            return Ok(Property { value: EntityValue::Array(elements), excluded: false, meaning: 0 });
        }
        Value::Vector(numbers) => {
            let elements = numbers.iter().map(|number| EntityValue::Double(*number).into()).collect();
            let value = EntityValue::Array(elements);
            return Ok(Property { value, excluded: true, meaning: meaning::VECTOR });
        }
        Value::Map(fields) => return of_map(fields, below_map),
    };
    Ok(Property { value, excluded: excluded || below_map, meaning: 0 })
}

fn of_map(fields: &Fields, below_map: bool) -> Result<Property, Status> {
    let Some(kind) = fields.get(TYPE_KEY) else {
        let value = EntityValue::Entity(EmbeddedEntity { key: None, properties: below(fields, &[])? });
        return Ok(Property { value, excluded: true, meaning: 0 });
    };
    let unknown =
        || Status::invalid_argument(format!("A map has a {TYPE_KEY} that no entity can hold: {kind:?}."));
    let Value::String(name) = kind else { return Err(unknown()) };
    match name.as_str() {
        TIMESTAMP => match fields.get(MICROSECONDS) {
            Some(Value::Integer(micros)) => {
                let value = EntityValue::Integer(*micros);
                Ok(Property { value, excluded: below_map, meaning: meaning::TIMESTAMP })
            }
            _ => Err(unknown()),
        },
        USER => {
            let properties = below(fields, &[TYPE_KEY])?;
            let value = EntityValue::Entity(EmbeddedEntity { key: None, properties });
            Ok(Property { value, excluded: below_map, meaning: meaning::USER })
        }
        ENTITY => match fields.get(NAME) {
            Some(Value::Reference(DocumentName { database, path })) => {
                let key = Some(key_of(database, path)?);
                let properties = below(fields, &[TYPE_KEY, NAME])?;
                let value = EntityValue::Entity(EmbeddedEntity { key, properties });
                Ok(Property { value, excluded: true, meaning: 0 })
            }
            _ => Err(unknown()),
        },
        MEANING_VALUE => match (fields.get(VALUE), fields.get(MEANING)) {
            (Some(value), Some(Value::Integer(meaning))) => {
                let mut property = property_of(value, below_map)?;
                property.meaning = i32::try_from(*meaning).map_err(|_| unknown())?;
                property.excluded |= matches!(property.meaning, meaning::TEXT | meaning::COMPRESSED);
                Ok(property)
            }
            _ => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}

/// The properties of what is embedded, without the fields that say what it is.
fn below(fields: &Fields, without: &[&str]) -> Result<Properties, Status> {
    let entries = fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    entries.map(|(name, value)| Ok((name.clone(), property_of(value, true)?))).collect()
}
