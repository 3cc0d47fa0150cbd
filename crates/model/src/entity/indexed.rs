//! Which values of an entity indexes hold.
//!
//! Each property that is not excluded is indexed under its name: an array by each of its elements, an embedded
//! entity by its properties under dotted names (and its key under `….__key__`). So one entity has, for each name, a
//! set of values; a query finds it by any of them. An empty array has none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{EntityValue, Properties, Property, order};

/// For each name its values: each once, in order.
pub type IndexedValues<'a> = BTreeMap<Cow<'a, str>, Vec<Cow<'a, EntityValue>>>;

/// What the key of an embedded entity is indexed as, below the entity's name.
const EMBEDDED_KEY: &str = "__key__";

/// The indexed values of an entity's properties.
pub fn indexed_values(properties: &Properties) -> IndexedValues<'_> {
    let mut values = IndexedValues::new();
    for (name, property) in properties {
        add(&mut values, Cow::Borrowed(name), property);
    }
    for of_name in values.values_mut() {
        of_name.sort_by(|a, b| order::compare(a, b));
        of_name.dedup_by(|a, b| order::equal(a, b));
    }
    values
}

fn add<'a>(values: &mut IndexedValues<'a>, name: Cow<'a, str>, property: &'a Property) {
    if property.excluded {
        return;
    }
    match &property.value {
        EntityValue::Array(elements) => {
            elements.iter().for_each(|element| add(values, name.clone(), element));
        }
        EntityValue::Entity(entity) => {
            let below = |inner: &str| Cow::Owned(format!("{name}.{inner}"));
            if let Some(key) = entity.key.as_ref().filter(|key| key.document_path().is_some()) {
                let key = Cow::Owned(EntityValue::Key(key.clone()));
                values.entry(below(EMBEDDED_KEY)).or_default().push(key);
            }
            entity.properties.iter().for_each(|(inner, property)| add(values, below(inner), property));
        }
        EntityValue::Key(key) if key.document_path().is_none() => {}
        value => values.entry(name).or_default().push(Cow::Borrowed(value)),
    }
}
