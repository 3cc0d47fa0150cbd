//! Values of properties.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Key, body};
use crate::body::BodyError;
use crate::{GeoPoint, Timestamp};

/// An entity: its key and its properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub key: Key,
    pub properties: Properties,
}

/// An entity as a database holds it; its version is the update time in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEntity {
    pub key: Key,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    /// The canonical bytes of its properties: see [`body`].
    pub body: Bytes,
}

impl StoredEntity {
    /// All properties, decoded. An error means damaged bytes: they were canonical when stored.
    pub fn properties(&self) -> Result<Properties, BodyError> {
        body::decode(&self.body)
    }
}

/// By name, in the order of their UTF-8 bytes. A dot in a name is part of it.
pub type Properties = BTreeMap<String, Property>;

/// A value, and what is remembered with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub value: EntityValue,
    /// `exclude_from_indexes`: of the whole value; elements of an array have their own.
    pub excluded: bool,
    /// A hint that is stored and returned; 0 for none.
    pub meaning: i32,
}

/// One value. `PartialEq` is identity of type and value, not the equality of queries.
#[derive(Clone, Debug)]
pub enum EntityValue {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Timestamp(Timestamp),
    Key(Key),
    String(String),
    Blob(Bytes),
    GeoPoint(GeoPoint),
    Entity(EmbeddedEntity),
    /// No arrays among the elements.
    Array(Vec<Property>),
}

/// An entity as a value: its key may be missing or incomplete.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedEntity {
    pub key: Option<Key>,
    pub properties: Properties,
}

impl PartialEq for EntityValue {
    fn eq(&self, other: &Self) -> bool {
        use EntityValue as V;
        match (self, other) {
            (V::Null, V::Null) => true,
            (V::Boolean(a), V::Boolean(b)) => a == b,
            (V::Integer(a), V::Integer(b)) => a == b,
            (V::Double(a), V::Double(b)) => a.to_bits() == b.to_bits(),
            (V::Timestamp(a), V::Timestamp(b)) => a == b,
            (V::Key(a), V::Key(b)) => a == b,
            (V::String(a), V::String(b)) => a == b,
            (V::Blob(a), V::Blob(b)) => a == b,
            (V::GeoPoint(a), V::GeoPoint(b)) => a == b,
            (V::Entity(a), V::Entity(b)) => a == b,
            (V::Array(a), V::Array(b)) => a == b,
            _ => false,
        }
    }
}

impl From<EntityValue> for Property {
    /// Indexed, without a meaning.
    fn from(value: EntityValue) -> Self {
        Property { value, excluded: false, meaning: 0 }
    }
}
