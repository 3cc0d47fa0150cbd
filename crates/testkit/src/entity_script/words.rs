//! How scripts write keys, values, entities and results.

use model::entity::write::{EntityCommitResult, MutationResult};
use model::entity::{
    EmbeddedEntity, EntityValue, Id, Key, Partition, PathElement, Properties, Property, StoredEntity,
};
use model::{DatabaseName, Fields, Status, Value};

use crate::notation::{START, show, show_time, time};

/// Reads `tenant:Kind/name/Child/7`; `_` stands for an id that is to be allocated.
pub(super) fn key(text: &str, database: &DatabaseName) -> Result<Key, String> {
    let (namespace, path) = text.split_once(':').unwrap_or(("", text));
    let mut path_elements = Vec::new();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    while let Some(kind) = parts.next() {
        let id = match parts.next().ok_or_else(|| format!("{text} has a kind without an id"))? {
            "_" => None,
            id => Some(id.parse().map_or_else(|_| Id::Name(id.to_owned()), Id::Number)),
        };
        path_elements.push(PathElement { kind: kind.to_owned(), id });
    }
    Ok(Key { partition: Partition::new(database, namespace), path: path_elements })
}

pub(super) fn show_key(key: &Key) -> String {
    let steps = key.path.iter().map(|step| match &step.id {
        Some(Id::Number(number)) => format!("{}/{number}", step.kind),
        Some(Id::Name(name)) => format!("{}/{name}", step.kind),
        None => format!("{}/_", step.kind),
    });
    let path = steps.collect::<Vec<_>>().join("/");
    match &*key.partition.namespace {
        "" => path,
        namespace => format!("{namespace}:{path}"),
    }
}

/// The value of an entity that the notation's value stands for.
pub(super) fn value(native: Value, database: &DatabaseName) -> Result<EntityValue, String> {
    Ok(match native {
        Value::Null => EntityValue::Null,
        Value::Boolean(truth) => EntityValue::Boolean(truth),
        Value::Integer(number) => EntityValue::Integer(number),
        Value::Double(number) => EntityValue::Double(number),
        Value::Timestamp(stamp) => EntityValue::Timestamp(stamp),
        Value::String(text) => EntityValue::String(text),
        Value::Bytes(bytes) => EntityValue::Blob(bytes),
        Value::Reference(name) => EntityValue::Key(key(name.path.as_str(), database)?),
        Value::GeoPoint(point) => EntityValue::GeoPoint(point),
        Value::Array(values) => EntityValue::Array(
            values.into_iter().map(|v| Ok(value(v, database)?.into())).collect::<Result<_, String>>()?,
        ),
        Value::Vector(_) => return Err("no vectors here".to_owned()),
        Value::Map(fields) => {
            EntityValue::Entity(EmbeddedEntity { key: None, properties: properties(fields, database)? })
        }
    })
}

pub(super) fn properties(fields: Fields, database: &DatabaseName) -> Result<Properties, String> {
    let property = |(name, native)| Ok((name, Property::from(value(native, database)?)));
    fields.into_iter().map(property).collect()
}

pub(super) fn show_value(value: &EntityValue) -> String {
    match value {
        EntityValue::Null => show(&Value::Null),
        EntityValue::Boolean(truth) => show(&Value::Boolean(*truth)),
        EntityValue::Integer(number) => show(&Value::Integer(*number)),
        EntityValue::Double(number) => show(&Value::Double(*number)),
        EntityValue::Timestamp(stamp) => show(&Value::Timestamp(*stamp)),
        EntityValue::String(text) => show(&Value::String(text.clone())),
        EntityValue::Blob(bytes) => show(&Value::Bytes(bytes.clone())),
        EntityValue::Key(key) => format!("&{}", show_key(key)),
        EntityValue::GeoPoint(point) => show(&Value::GeoPoint(*point)),
        EntityValue::Entity(entity) => show_properties(&entity.properties),
        EntityValue::Array(elements) => {
            format!("[{}]", elements.iter().map(|e| show_value(&e.value)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Like a map; excluded properties have a `~`.
pub(super) fn show_properties(properties: &Properties) -> String {
    let one = |(name, property): (&String, &Property)| {
        let hidden = if property.excluded { "~" } else { "" };
        format!("{name}{hidden}: {}", show_value(&property.value))
    };
    format!("{{{}}}", properties.iter().map(one).collect::<Vec<_>>().join(", "))
}

pub(super) fn show_entity(entity: &StoredEntity) -> Result<String, Status> {
    let properties = entity.properties().map_err(|error| Status::internal(error.to_string()))?;
    let times = match entity.create_time == entity.update_time {
        true => show_time(entity.update_time),
        false => format!("{}..{}", show_time(entity.create_time), show_time(entity.update_time)),
    };
    Ok(format!("{} {times} {}", show_key(&entity.key), show_properties(&properties)))
}

pub(super) fn show_result(result: &EntityCommitResult) -> String {
    let one = |result: &MutationResult| {
        let mut text = match (result.conflict_detected, result.version) {
            (true, 0) => "conflict with nothing".to_owned(),
            (true, version) => format!("conflict with {}", show_time(time(version - START))),
            (false, version) => show_time(time(version - START)),
        };
        if let Some(key) = &result.key {
            text += &format!(" {}", show_key(key));
        }
        for value in &result.transform_results {
            text += &format!(" {}", show_value(value));
        }
        text
    };
    let results: Vec<_> = result.results.iter().map(one).collect();
    format!("{} [{}]", show_time(result.commit_time), results.join(", "))
}
