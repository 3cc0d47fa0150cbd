//! The storage-size formula of the public documentation, which decides the limit on entities.

use super::{EmbeddedEntity, EntityValue, Id, Key, Properties};

/// Bytes of a key: 16, the namespace unless it is the default one, and each kind with its id (a number counts 8).
pub fn key_size(key: &Key) -> usize {
    let namespace = match key.partition.namespace.len() {
        0 => 0,
        length => length + 1,
    };
    let id = |id: &Option<Id>| match id {
        Some(Id::Name(name)) => name.len() + 1,
        Some(Id::Number(_)) | None => 8,
    };
    16 + namespace + key.path.iter().map(|step| step.kind.len() + 1 + id(&step.id)).sum::<usize>()
}

/// Bytes of a whole entity.
pub fn entity_size(key: &Key, properties: &Properties) -> usize {
    32 + key_size(key) + properties_size(properties)
}

/// Bytes of the properties of an entity.
pub fn properties_size(properties: &Properties) -> usize {
    properties.iter().map(|(name, property)| name.len() + 1 + value_size(&property.value)).sum()
}

/// Bytes of one value.
pub fn value_size(value: &EntityValue) -> usize {
    match value {
        EntityValue::Null | EntityValue::Boolean(_) => 1,
        EntityValue::Integer(_) | EntityValue::Double(_) | EntityValue::Timestamp(_) => 8,
        EntityValue::Key(key) => key_size(key),
        EntityValue::String(text) => text.len() + 1,
        EntityValue::Blob(bytes) => bytes.len(),
        EntityValue::GeoPoint(_) => 16,
        EntityValue::Entity(EmbeddedEntity { key, properties }) => {
            key.as_ref().map_or(0, key_size) + properties_size(properties)
        }
        EntityValue::Array(elements) => elements.iter().map(|element| value_size(&element.value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseName;
    use crate::entity::{Partition, PathElement};

    #[test]
    fn the_documentations_example_is_139_bytes() {
        let partition = Partition::new(&DatabaseName::new("p", "(default)"), "");
        let key = Key { partition, path: vec![PathElement::new("Task", 5_730_082_031_140_864.into())] };
        let properties = Properties::from([
            ("type".to_owned(), EntityValue::String("Personal".to_owned()).into()),
            ("done".to_owned(), EntityValue::Boolean(false).into()),
            ("priority".to_owned(), EntityValue::Integer(1).into()),
            ("description".to_owned(), EntityValue::String("Learn Google Cloud Datastore".to_owned()).into()),
        ]);
        assert_eq!(entity_size(&key, &properties), 139);
    }
}
