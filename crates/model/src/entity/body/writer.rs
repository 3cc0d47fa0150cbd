//! Writes properties as `google.datastore.v1` messages, byte for byte as protobuf would.

use std::borrow::Cow;

use super::PROPERTIES;
use crate::DatabaseName;
use crate::body::writer::{
    VARINT, push_bytes, push_double, push_entry, push_geo_point, push_message, push_tag, push_timestamp,
    push_varint,
};
use crate::entity::key::{StoredId, StoredKey};
use crate::entity::{EmbeddedEntity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};

pub(super) mod field {
    pub const BOOLEAN: u32 = 1;
    pub const INTEGER: u32 = 2;
    pub const DOUBLE: u32 = 3;
    pub const KEY: u32 = 5;
    pub const ENTITY: u32 = 6;
    pub const GEO_POINT: u32 = 8;
    pub const ARRAY: u32 = 9;
    pub const TIMESTAMP: u32 = 10;
    pub const NULL: u32 = 11;
    pub const MEANING: u32 = 14;
    pub const STRING: u32 = 17;
    pub const BLOB: u32 = 18;
    pub const EXCLUDED: u32 = 19;
    /// `values` of an array.
    pub const ELEMENTS: u32 = 1;
    /// `key` of an entity.
    pub const ENTITY_KEY: u32 = 1;
}

/// What the wire says for the database without a name is nothing.
pub(super) const UNNAMED_DATABASE: &str = "(default)";

pub(super) fn push_properties(out: &mut Vec<u8>, properties: &Properties) {
    for (name, property) in properties {
        push_entry(out, PROPERTIES, name, |out| encode_value(out, property));
    }
}

/// Canonical bytes of one `google.datastore.v1.Value` message.
pub fn encode_value(out: &mut Vec<u8>, property: &Property) {
    push_content(out, &property.value);
    if property.meaning != 0 {
        push_number(out, field::MEANING, i64::from(property.meaning));
    }
    if property.excluded {
        push_number(out, field::EXCLUDED, 1);
    }
}

/// Canonical bytes of one `google.datastore.v1.Key` message.
pub fn encode_key(out: &mut Vec<u8>, key: &Key) {
    let Partition { project, database, namespace } = &key.partition;
    push_message(out, 1, |out| push_partition(out, project, database, namespace));
    for PathElement { kind, id } in &key.path {
        push_message(out, 2, |out| {
            push_text(out, 1, kind);
            match id {
                Some(Id::Number(number)) => push_number(out, 2, *number),
                Some(Id::Name(name)) => push_bytes(out, 3, name.as_bytes()),
                None => {}
            }
        });
    }
}

/// Writes the same bytes for keys as they are stored in a database. Results that follow each other mostly lie below
/// the same parent, so what all of its children begin with is kept.
pub struct StoredKeys<'d> {
    database: &'d DatabaseName,
    /// The path of the parent of the last key, as far as it is one; never empty once there was a key.
    parent: String,
    /// The partition, and the elements of that path.
    head: Vec<u8>,
}

impl<'d> StoredKeys<'d> {
    /// For the keys of one database.
    pub fn of(database: &'d DatabaseName) -> Self {
        StoredKeys { database, parent: String::new(), head: Vec::new() }
    }

    /// Appends one key.
    pub fn encode(&mut self, out: &mut Vec<u8>, key: &StoredKey) {
        if self.parent != key.parent() {
            let DatabaseName { project, database } = self.database;
            self.parent.clear();
            self.parent.push_str(key.parent());
            self.head.clear();
            push_message(&mut self.head, 1, |out| push_partition(out, project, database, &key.namespace()));
            key.elements_above().for_each(|element| push_element(&mut self.head, element));
        }
        out.extend_from_slice(&self.head);
        push_element(out, key.last_element());
    }
}

fn push_element(out: &mut Vec<u8>, (kind, id): (Cow<'_, str>, StoredId<'_>)) {
    push_message(out, 2, |out| {
        push_text(out, 1, &kind);
        match id {
            StoredId::Number(number) => push_number(out, 2, number),
            StoredId::Name(name) => push_bytes(out, 3, name.as_bytes()),
        }
    });
}

fn push_partition(out: &mut Vec<u8>, project: &str, database: &str, namespace: &str) {
    push_text(out, 2, project);
    push_text(out, 3, if database == UNNAMED_DATABASE { "" } else { database });
    push_text(out, 4, namespace);
}

/// A string outside a oneof: not written when it is empty.
fn push_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        push_bytes(out, number, text.as_bytes());
    }
}

fn push_number(out: &mut Vec<u8>, field: u32, number: i64) {
    push_tag(out, field, VARINT);
    push_varint(out, number as u64);
}

fn push_content(out: &mut Vec<u8>, value: &EntityValue) {
    match value {
        EntityValue::Null => push_number(out, field::NULL, 0),
        EntityValue::Boolean(truth) => push_number(out, field::BOOLEAN, i64::from(*truth)),
        EntityValue::Integer(number) => push_number(out, field::INTEGER, *number),
        EntityValue::Double(number) => push_double(out, field::DOUBLE, *number),
        EntityValue::Timestamp(stamp) => {
            push_message(out, field::TIMESTAMP, |out| push_timestamp(out, *stamp))
        }
        EntityValue::Key(key) => push_message(out, field::KEY, |out| encode_key(out, key)),
        EntityValue::String(text) => push_bytes(out, field::STRING, text.as_bytes()),
        EntityValue::Blob(bytes) => push_bytes(out, field::BLOB, bytes),
        EntityValue::GeoPoint(point) => {
            push_message(out, field::GEO_POINT, |out| push_geo_point(out, *point))
        }
        EntityValue::Entity(EmbeddedEntity { key, properties }) => push_message(out, field::ENTITY, |out| {
            if let Some(key) = key {
                push_message(out, field::ENTITY_KEY, |out| encode_key(out, key));
            }
            push_properties(out, properties);
        }),
        EntityValue::Array(elements) => push_message(out, field::ARRAY, |out| {
            for element in elements {
                push_message(out, field::ELEMENTS, |out| encode_value(out, element));
            }
        }),
    }
}
