//! From this wire's entities to the model's.
//!
//! The protocol is older than Datastore's: dates are integers, bytes and embedded entities are strings, lists
//! are properties of one name, and a *meaning* tells them apart. Which is which is what the SDKs' own conversion
//! between the two protocols says, so that an entity is the same whichever it was written by.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::entity::{EmbeddedEntity, Entity, EntityValue, Properties, Property};
use model::{GeoPoint, Status, Timestamp, limits};

use super::codec::{self, Group};
use super::home::Home;
use super::meaning;
use super::messages::entity as wire;
use super::messages::entity::{EntityProto, PropertyValue};

/// An entity of `home`. Errors are the client's: no key, another app's key, bytes that are no entity.
pub(super) fn entity(home: &Home, proto: &EntityProto) -> Result<Entity, Status> {
    let key = proto.key.as_ref().ok_or_else(|| Status::invalid_argument("Entity is missing key."))?;
    Ok(Entity { key: home.key(key)?, properties: properties(proto, 0)? })
}

/// A value that properties are compared with: neither what it means nor what it hints at matters.
pub(super) fn operand(property: &wire::Property) -> Result<Property, Status> {
    let value = value(property, meaning::of(property), 0)?;
    Ok(value.into())
}

fn properties(proto: &EntityProto, depth: usize) -> Result<Properties, Status> {
    let mut properties = BTreeMap::new();
    for (list, excluded) in [(&proto.property, false), (&proto.raw_property, true)] {
        for property in list {
            add(&mut properties, property, excluded, depth)?;
        }
    }
    Ok(properties)
}

fn add(
    properties: &mut Properties,
    property: &wire::Property,
    excluded: bool,
    depth: usize,
) -> Result<(), Status> {
    let value = self::property(property, excluded, depth)?;
    if !property.multiple {
        properties.insert(property.name.clone(), value);
        return Ok(());
    }
    let list = properties.entry(property.name.clone()).or_insert_with(|| EntityValue::Array(vec![]).into());
    match &mut list.value {
        EntityValue::Array(values) => values.push(value),
        _ => *list = EntityValue::Array(vec![value]).into(),
    }
    Ok(())
}

fn property(property: &wire::Property, excluded: bool, depth: usize) -> Result<Property, Status> {
    let told = meaning::of(property);
    let value = value(property, told, depth)?;
    let meaning = match &value {
        // What the type itself says now.
        EntityValue::Timestamp(_) | EntityValue::Array(_) => 0,
        EntityValue::Entity(_) if told == meaning::ENTITY_PROTO => 0,
        EntityValue::Entity(_) => meaning::USER,
        EntityValue::GeoPoint(_) if told == meaning::GEORSS_POINT => 0,
        EntityValue::GeoPoint(_) => meaning::POINT_ALONE,
        EntityValue::Blob(_) if meaning::is_compressed(property) => meaning::COMPRESSED,
        EntityValue::Blob(_) if told == meaning::BYTESTRING && excluded => told,
        EntityValue::Blob(_) if told == meaning::INDEX_VALUE => told,
        EntityValue::Blob(_) => 0,
        EntityValue::Null
        | EntityValue::Boolean(_)
        | EntityValue::Integer(_)
        | EntityValue::Double(_)
        | EntityValue::Key(_)
        | EntityValue::String(_) => told,
    };
    // An array as a whole is never excluded; only an empty one comes as one property.
    let excluded = excluded && !matches!(value, EntityValue::Array(_));
    Ok(Property { value, excluded, meaning })
}

fn value(property: &wire::Property, told: i32, depth: usize) -> Result<EntityValue, Status> {
    if told == meaning::EMPTY_LIST {
        return Ok(EntityValue::Array(vec![]));
    }
    let PropertyValue { int64, boolean, string, double, point, user, reference } = &property.value;
    Ok(if let Some(boolean) = boolean {
        EntityValue::Boolean(*boolean)
    } else if let Some(number) = int64 {
        match Timestamp::from_micros(*number).filter(|_| told == meaning::GD_WHEN) {
            Some(time) => EntityValue::Timestamp(time),
            None => EntityValue::Integer(*number),
        }
    } else if let Some(double) = double {
        EntityValue::Double(*double)
    } else if let Some(reference) = reference {
        EntityValue::Key(Home::key_of_value(&reference.0)?)
    } else if let Some(string) = string {
        text_or_bytes(string, told, meaning::is_compressed(property), depth)?
    } else if let Some(Group(point)) = point {
        EntityValue::GeoPoint(GeoPoint { latitude: point.x, longitude: point.y })
    } else if let Some(user) = user {
        EntityValue::Entity(self::user(&user.0))
    } else {
        EntityValue::Null
    })
}

fn text_or_bytes(
    string: &Bytes,
    told: i32,
    is_compressed: bool,
    depth: usize,
) -> Result<EntityValue, Status> {
    if told == meaning::ENTITY_PROTO && !is_compressed {
        return embedded(string, depth + 1).map(EntityValue::Entity);
    }
    if is_compressed || matches!(told, meaning::BLOB | meaning::BYTESTRING) {
        return Ok(EntityValue::Blob(string.clone()));
    }
    Ok(match str::from_utf8(string) {
        Ok(text) => EntityValue::String(text.to_owned()),
        Err(_) => EntityValue::Blob(string.clone()),
    })
}

fn embedded(bytes: &[u8], depth: usize) -> Result<EmbeddedEntity, Status> {
    if depth > limits::MAX_DEPTH {
        return Err(Status::invalid_argument("At most 20 nested entity values are supported."));
    }
    // Longer than any entity: not worth reading.
    if bytes.len() > limits::MAX_DOCUMENT_BYTES {
        return Err(Status::invalid_argument("entity is too big"));
    }
    let proto: EntityProto = codec::read(bytes)
        .map_err(|fault| Status::invalid_argument(format!("An embedded entity cannot be read. {fault}")))?;
    let key = match &proto.key {
        Some(key) if !key.path.element.is_empty() => Some(Home::of_key(key)?.key(key)?),
        Some(_) | None => None,
    };
    Ok(EmbeddedEntity { key, properties: properties(&proto, depth)? })
}

fn user(user: &wire::UserValue) -> EmbeddedEntity {
    let text = |text: &String| EntityValue::String(text.clone());
    let wire::UserValue { obfuscated_gaiaid, federated_identity, federated_provider, .. } = user;
    let fields = [
        ("email", Some(text(&user.email))),
        ("auth_domain", Some(text(&user.auth_domain))),
        ("internal_id", Some(user.gaiaid).filter(|id| *id != 0).map(EntityValue::Integer)),
        ("user_id", obfuscated_gaiaid.as_ref().map(text)),
        ("federated_identity", federated_identity.as_ref().map(text)),
        ("federated_provider", federated_provider.as_ref().map(text)),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| {
        let property = Property { value: value?, excluded: true, meaning: 0 };
        Some((name.to_owned(), property))
    });
    EmbeddedEntity { key: None, properties: fields.collect() }
}
