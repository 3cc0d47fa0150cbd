//! Values and entities. Their names, sizes, meanings and nesting are `model::entity`'s to check.

use model::entity::{EmbeddedEntity, Entity, EntityValue, Properties, Property};
use model::{DatabaseName, GeoPoint, Status};
use wire::datastore::value::ValueType;
use wire::datastore::{self as proto};

use super::key;

/// Properties as a message has them.
type ProtoProperties = std::collections::BTreeMap<String, proto::Value>;

/// An entity to be written.
pub(crate) fn entity(database: &DatabaseName, entity: proto::Entity) -> Result<Entity, Status> {
    let key = entity.key.ok_or_else(|| Status::invalid_argument("Entity is missing key."))?;
    let key = key::key(database, key);
    Ok(Entity { key, properties: properties(database, entity.properties)? })
}

/// A value; `name` is the property that a refusal names.
pub(crate) fn property(database: &DatabaseName, name: &str, value: proto::Value) -> Result<Property, Status> {
    let proto::Value { meaning, exclude_from_indexes: excluded, value_type } = value;
    let Some(kind) = value_type else {
        let text = format!("The value \"{name}\" does not contain a value.");
        return Err(Status::invalid_argument(text));
    };
    let value = match kind {
        ValueType::NullValue(_) => EntityValue::Null,
        ValueType::BooleanValue(truth) => EntityValue::Boolean(truth),
        ValueType::IntegerValue(number) => EntityValue::Integer(number),
        ValueType::DoubleValue(number) => EntityValue::Double(canonical(number)),
        ValueType::TimestampValue(stamp) => EntityValue::Timestamp(crate::from_proto::timestamp(stamp)?),
        ValueType::KeyValue(key) => EntityValue::Key(key::key(database, key)),
        ValueType::StringValue(text) => EntityValue::String(text),
        ValueType::BlobValue(bytes) => EntityValue::Blob(bytes),
        ValueType::GeoPointValue(point) => {
            EntityValue::GeoPoint(GeoPoint { latitude: point.latitude, longitude: point.longitude })
        }
        ValueType::EntityValue(entity) => EntityValue::Entity(EmbeddedEntity {
            key: entity.key.map(|key| key::key(database, key)),
            properties: properties(database, entity.properties)?,
        }),
        ValueType::ArrayValue(array) => EntityValue::Array(elements(database, name, array)?),
    };
    Ok(Property { value, excluded, meaning })
}

/// The elements of an array.
pub(crate) fn elements(
    database: &DatabaseName,
    name: &str,
    array: proto::ArrayValue,
) -> Result<Vec<Property>, Status> {
    array.values.into_iter().map(|element| property(database, name, element)).collect()
}

fn properties(database: &DatabaseName, properties: ProtoProperties) -> Result<Properties, Status> {
    let read = |(name, value): (String, proto::Value)| {
        let property = property(database, &name, value)?;
        Ok((name, property))
    };
    properties.into_iter().map(read).collect()
}

/// There is one NaN: its payload would otherwise tell equal entities apart.
fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}
