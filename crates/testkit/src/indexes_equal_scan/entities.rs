//! The entries that entities should have, worked out from the key layout in `docs/DISK_FORMAT.md`.

use std::collections::{BTreeMap, BTreeSet};

use database::{ColumnKind, DeclaredIndex, IndexScope};
use model::DocumentPath;
use model::encoding::{END, push_id, push_ids};
use model::entity::encoding::{push_value, push_value_descending};
use model::entity::{EntityValue, Key, Properties, Property};
use model::query::Direction;

/// For each indexed name the values of one entity.
pub(super) struct Values<'a>(BTreeMap<String, Vec<&'a EntityValue>>, BTreeMap<String, Vec<EntityValue>>);

impl<'a> Values<'a> {
    pub(super) fn of(properties: &'a Properties) -> Self {
        let mut values = Values(BTreeMap::new(), BTreeMap::new());
        properties.iter().for_each(|(name, property)| values.add(name, property));
        values
    }

    fn add(&mut self, name: &str, property: &'a Property) {
        match &property.value {
            _ if property.excluded => {}
            EntityValue::Array(elements) => elements.iter().for_each(|element| self.add(name, element)),
            EntityValue::Entity(entity) => {
                if let Some(key) = entity.key.as_ref().filter(|key| Key::is_complete(key)) {
                    self.1.entry(format!("{name}.__key__")).or_default().push(EntityValue::Key(key.clone()));
                }
                entity
                    .properties
                    .iter()
                    .for_each(|(inner, value)| self.add(&format!("{name}.{inner}"), value));
            }
            value => self.0.entry(name.to_owned()).or_default().push(value),
        }
    }

    fn bytes(&self, name: &str, push: fn(&mut Vec<u8>, &EntityValue) -> bool) -> BTreeSet<Vec<u8>> {
        let borrowed = self.0.get(name).into_iter().flatten().copied();
        let values = borrowed.chain(self.1.get(name).into_iter().flatten());
        let encoded = values.filter_map(|value| {
            let mut bytes = Vec::new();
            push(&mut bytes, value).then_some(bytes)
        });
        encoded.collect()
    }

    fn names(&self) -> BTreeSet<&String> {
        self.0.keys().chain(self.1.keys()).collect()
    }
}

pub(super) fn property_entries(path: &DocumentPath, values: &Values<'_>, expected: &mut BTreeSet<Vec<u8>>) {
    for name in values.names() {
        for value in values.bytes(name, push_value) {
            let mut key = vec![4];
            push_id(&mut key, path.ids().nth(1).expect("a namespace"));
            push_id(&mut key, path.collection_id());
            push_id(&mut key, name);
            key.extend(value);
            push_ids(&mut key, path.ids());
            expected.insert(key);
        }
    }
}

pub(super) fn declared_entries(
    index: &DeclaredIndex,
    path: &DocumentPath,
    values: &Values<'_>,
    expected: &mut BTreeSet<Vec<u8>>,
) {
    let definition = &index.definition;
    if definition.collection_id != path.collection_id() {
        return;
    }
    let mut name = Vec::new();
    push_ids(&mut name, path.ids());
    if definition.name_direction() == Direction::Descending {
        name.push(END);
        name.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let mut rows = vec![Vec::new()];
    for column in definition.value_columns() {
        let push = if column.kind == ColumnKind::Descending { push_value_descending } else { push_value };
        let bytes = values.bytes(&column.path.segments()[0], push);
        rows = rows.iter().flat_map(|row| bytes.iter().map(|value| [&row[..], value].concat())).collect();
    }
    let ids: Vec<&str> = path.ids().collect();
    let parents = match definition.scope {
        IndexScope::Recursive => (4..=ids.len()).step_by(2).collect(),
        IndexScope::Collection | IndexScope::CollectionGroup => vec![2],
    };
    for length in parents {
        let mut prefix = vec![3];
        prefix.extend_from_slice(&index.id.to_be_bytes());
        push_ids(&mut prefix, ids[..length].iter().copied());
        prefix.push(END);
        expected.extend(rows.iter().map(|row| [&prefix[..], row, &name].concat()));
    }
}
