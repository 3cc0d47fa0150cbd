//! `Indexes`: one row for each value that a query can find a document by.

use model::encoding::{END, push_id, push_ids};
use model::{CollectionPath, DocumentPath, FieldPath};

use super::DatabaseNumber;

const ORDERED: u8 = 0x01;
const CONTAINS: u8 = 0x02;
const DECLARED: u8 = 0x03;
const PROPERTY: u8 = 0x04;

/// What an automatic index holds of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum SingleFieldKind {
    /// The value as a whole; serves both directions.
    Ordered,
    /// Each distinct element of an array.
    Contains,
}

/// What the automatic entries of one field of one collection begin with.
pub fn automatic(
    number: DatabaseNumber,
    kind: SingleFieldKind,
    collection: &CollectionPath,
    field: &FieldPath,
) -> Vec<u8> {
    let mut key = automatic_collection(number, kind, collection);
    push_field(&mut key, field.segments());
    key
}

/// What the automatic entries of all fields of one collection begin with.
pub fn automatic_collection(
    number: DatabaseNumber,
    kind: SingleFieldKind,
    collection: &CollectionPath,
) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&number.prefix());
    key.push(match kind {
        SingleFieldKind::Ordered => ORDERED,
        SingleFieldKind::Contains => CONTAINS,
    });
    push_ids(&mut key, collection.ids());
    key.push(END);
    key
}

/// Appends a field's path to a collection's prefix.
pub fn push_field(key: &mut Vec<u8>, segments: &[String]) {
    segments.iter().for_each(|segment| push_id(key, segment));
    key.push(END);
}

/// What the entries of all properties of one kind of a namespace begin with. Both are ids of document paths.
pub fn properties(number: DatabaseNumber, namespace_id: &str, kind_id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&number.prefix());
    key.push(PROPERTY);
    push_id(&mut key, namespace_id);
    push_id(&mut key, kind_id);
    key
}

/// What the entries of a declared index of a datastore-mode database begin with, for the keys below `parent`: the
/// path of a namespace or, where the index has entries for each ancestor, of an ancestor.
pub fn declared_below(number: DatabaseNumber, index: u32, parent: &DocumentPath) -> Vec<u8> {
    let mut key = declared(number, index, None);
    push_ids(&mut key, parent.ids());
    key.push(END);
    key
}

/// What the entries of a declared index begin with; a collection-scope index has a part for each
/// collection.
pub fn declared(number: DatabaseNumber, index: u32, collection: Option<&CollectionPath>) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&number.prefix());
    key.push(DECLARED);
    key.extend_from_slice(&index.to_be_bytes());
    if let Some(collection) = collection {
        push_ids(&mut key, collection.ids());
        key.push(END);
    }
    key
}

/// The number of the declared index that a key belongs to, if it belongs to one.
pub fn declared_number(key: &[u8]) -> Option<u32> {
    let rest = key.get(super::NUMBER_BYTES..)?;
    let (&tag, rest) = rest.split_first()?;
    if tag != DECLARED {
        return None;
    }
    rest.first_chunk::<4>().map(|number| u32::from_be_bytes(*number))
}
