//! From the model's entities to this wire's: [`to_model`](super::to_model) backwards.

use model::GeoPoint;
use model::entity::{EmbeddedEntity, EntityValue, Id, Key, Properties, Property};

use super::codec::{self, Group, RareGroup};
use super::home::Home;
use super::meaning;
use super::messages::entity as wire;
use super::messages::entity::{Element, EntityProto, Path, PropertyValue};

/// An entity as clients read it.
pub(super) fn entity(home: &Home, key: &Key, properties: &Properties) -> EntityProto {
    proto(home, Some(key), properties, None)
}

/// A result of a projection: what came from an index says so.
pub(super) fn projected(home: &Home, key: &Key, properties: &Properties) -> EntityProto {
    proto(home, Some(key), properties, Some(meaning::INDEX_VALUE))
}

fn proto(home: &Home, key: Option<&Key>, properties: &Properties, all_mean: Option<i32>) -> EntityProto {
    let (mut indexed, mut raw) = (Vec::new(), Vec::new());
    let mut add = |name: &str, multiple: bool, own: &Property| {
        let mut property = property(home, name, multiple, own);
        property.meaning = all_mean.or(property.meaning);
        if own.excluded { raw.push(property) } else { indexed.push(property) }
    };
    for (name, own) in properties {
        match &own.value {
            EntityValue::Array(elements) if !elements.is_empty() => {
                elements.iter().for_each(|element| add(name, true, element));
            }
            _ => add(name, false, own),
        }
    }
    EntityProto {
        key: key.map(|key| home.reference(key)),
        property: indexed,
        raw_property: raw,
        entity_group: key.map(root),
    }
}

/// The first step of a key; none while it has no id.
fn root(key: &Key) -> Path {
    let element = key.path.first().and_then(|step| {
        let (id, name) = match step.id.as_ref()? {
            Id::Number(number) => (Some(*number), None),
            Id::Name(name) => (None, Some(name.clone())),
        };
        Some(Group(Element { kind: step.kind.clone(), id, name }))
    });
    Path { element: element.into_iter().collect() }
}

fn property(home: &Home, name: &str, multiple: bool, own: &Property) -> wire::Property {
    let hint = Some(own.meaning).filter(|meaning| *meaning != 0);
    let is_compressed = matches!(own.value, EntityValue::Blob(_)) && own.meaning == meaning::COMPRESSED;
    let meaning = match &own.value {
        EntityValue::Timestamp(_) => Some(meaning::GD_WHEN),
        EntityValue::Blob(_) if own.meaning == meaning::BYTESTRING => hint,
        EntityValue::Blob(_) if own.excluded => Some(meaning::BLOB),
        EntityValue::Blob(_) => Some(meaning::BYTESTRING),
        EntityValue::Entity(_) if own.meaning == meaning::USER => None,
        EntityValue::Entity(_) => Some(meaning::ENTITY_PROTO),
        EntityValue::GeoPoint(_) if own.meaning == meaning::POINT_ALONE => None,
        EntityValue::GeoPoint(_) => Some(meaning::GEORSS_POINT),
        EntityValue::Array(_) => Some(meaning::EMPTY_LIST),
        EntityValue::Null
        | EntityValue::Boolean(_)
        | EntityValue::Integer(_)
        | EntityValue::Double(_)
        | EntityValue::Key(_)
        | EntityValue::String(_) => hint,
    };
    wire::Property {
        meaning,
        meaning_uri: is_compressed.then(|| meaning::ZLIB.to_owned()),
        name: name.to_owned(),
        multiple,
        value: value(home, own),
    }
}

fn value(home: &Home, own: &Property) -> PropertyValue {
    let mut value = PropertyValue::default();
    match &own.value {
        // A list within a list cannot be stored, so an array here is an empty one.
        EntityValue::Null | EntityValue::Array(_) => {}
        EntityValue::Boolean(boolean) => value.boolean = Some(*boolean),
        EntityValue::Integer(number) => value.int64 = Some(*number),
        EntityValue::Double(double) => value.double = Some(*double),
        EntityValue::Timestamp(time) => value.int64 = Some(time.micros()),
        EntityValue::Key(key) => value.reference = Some(RareGroup(Box::new(home.reference_value(key)))),
        EntityValue::String(text) => value.string = Some(text.clone().into()),
        EntityValue::Blob(bytes) => value.string = Some(bytes.clone()),
        EntityValue::GeoPoint(GeoPoint { latitude, longitude }) => {
            value.point = Some(Group(wire::PointValue { x: *latitude, y: *longitude }));
        }
        EntityValue::Entity(entity) if own.meaning == meaning::USER => {
            value.user = Some(RareGroup(Box::new(user(entity))));
        }
        EntityValue::Entity(EmbeddedEntity { key, properties }) => {
            let proto = proto(home, key.as_ref(), properties, None);
            value.string = Some(codec::write(&proto).into());
        }
    }
    value
}

fn user(entity: &EmbeddedEntity) -> wire::UserValue {
    let text = |name: &str| match &entity.properties.get(name)?.value {
        EntityValue::String(text) => Some(text.clone()),
        _ => None,
    };
    let number = |name: &str| match &entity.properties.get(name)?.value {
        EntityValue::Integer(number) => Some(*number),
        _ => None,
    };
    wire::UserValue {
        email: text("email").unwrap_or_default(),
        auth_domain: text("auth_domain").unwrap_or_default(),
        nickname: None,
        gaiaid: number("internal_id").unwrap_or_default(),
        obfuscated_gaiaid: text("user_id"),
        federated_identity: text("federated_identity"),
        federated_provider: text("federated_provider"),
    }
}
