//! The stored form of an entity's properties: the very bytes of `properties` on the wire.
//!
//! A body is a run of `properties` map entries of `google.datastore.v1.Entity` (field 3), sorted by name, each
//! `Value` with its content, then its meaning, then its exclusion. So an answer splices it in without decoding, and
//! two bodies are equal exactly when the properties are.

mod reader;
mod writer;

use bytes::Bytes;

use super::{EntityValue, Key, Properties, Property};
use crate::FieldPath;
use crate::body::reader::{find_entry, keep_entries};

pub use crate::body::BodyError;
pub use writer::{StoredKeys, encode_key, encode_value};

/// Field number of `properties` in `Entity`.
const PROPERTIES: u32 = 3;

/// Canonical bytes of `properties`.
pub fn encode(properties: &Properties) -> Bytes {
    let mut out = Vec::with_capacity(64);
    writer::push_properties(&mut out, properties);
    out.into()
}

/// All properties of a body.
pub fn decode(body: &[u8]) -> Result<Properties, BodyError> {
    reader::properties(body)
}

/// One `google.datastore.v1.Value` message.
pub fn decode_value(bytes: &[u8]) -> Result<Property, BodyError> {
    reader::value(bytes)
}

/// One `google.datastore.v1.Key` message. The unnamed database is `(default)`.
pub fn decode_key(bytes: &[u8]) -> Result<Key, BodyError> {
    reader::key(bytes)
}

/// One property by its whole name, without decoding the others; None when it is not there.
pub fn find(body: &[u8], name: &str) -> Result<Option<Property>, BodyError> {
    find_entry(body, PROPERTIES, name)?.map(reader::value).transpose()
}

/// True when a property of that whole name is there, and in indexes with one value: told without reading the value. A
/// list may have several, an entity and a key may have none; of those it is not told.
pub fn is_single(body: &[u8], name: &str) -> Result<bool, BodyError> {
    find_entry(body, PROPERTIES, name)?.map_or(Ok(false), reader::is_single)
}

/// Only the properties that `mask` names; those that are not there are left out. `__key__` names none.
pub fn project(body: &[u8], mask: &[FieldPath]) -> Result<Bytes, BodyError> {
    if mask.iter().all(|path| path.segments().len() == 1) {
        return keep_entries(body, PROPERTIES, |name| mask.iter().any(|path| path.first() == name));
    }
    let properties = decode(body)?;
    let mut kept = Properties::new();
    for path in mask {
        if let Some(property) = get(&properties, path.segments()) {
            insert(&mut kept, path.segments(), property.clone());
        }
    }
    Ok(encode(&kept))
}

/// The property at `segments` (never empty), going through embedded entities only.
pub fn get<'a>(properties: &'a Properties, segments: &[String]) -> Option<&'a Property> {
    let (first, rest) = segments.split_first()?;
    let property = properties.get(first)?;
    match &property.value {
        _ if rest.is_empty() => Some(property),
        EntityValue::Entity(inner) => get(&inner.properties, rest),
        _ => None,
    }
}

/// Puts `property` at `segments`, making embedded entities on the way; what is none there is replaced.
pub fn insert(properties: &mut Properties, segments: &[String], property: Property) {
    let (first, rest) = segments.split_first().expect("a property path is never empty");
    if rest.is_empty() {
        properties.insert(first.clone(), property);
        return;
    }
    let slot = properties.entry(first.clone()).or_insert_with(|| EntityValue::Null.into());
    if !matches!(slot.value, EntityValue::Entity(_)) {
        *slot =
            EntityValue::Entity(super::EmbeddedEntity { key: None, properties: Properties::new() }).into();
    }
    if let EntityValue::Entity(inner) = &mut slot.value {
        insert(&mut inner.properties, rest, property);
    }
}

/// Removes the property at `segments`, if it is there. Embedded entities that become empty stay.
pub fn remove(properties: &mut Properties, segments: &[String]) {
    let (first, rest) = segments.split_first().expect("a property path is never empty");
    if rest.is_empty() {
        properties.remove(first);
    } else if let Some(Property { value: EntityValue::Entity(inner), .. }) = properties.get_mut(first) {
        remove(&mut inner.properties, rest);
    }
}
