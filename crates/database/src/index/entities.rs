//! The entries of an entity: one for each of its indexed values, and its rows in the declared indexes of its kind.
//!
//! ```text
//!   Task 5 of the default namespace, {tag: ["a", "b"], done: false}
//!     04 ! Task done false   ns/!/Task/5
//!     04 ! Task tag  "a"     ns/!/Task/5
//!     04 ! Task tag  "b"     ns/!/Task/5
//!   and in the index 7 on tag, done with ancestors
//!     03 7 ns/!/Task/5 "a" false ns/!/Task/5   …and the same with "b"
//! ```
//! Every entry ends with the whole path, so entries of one value are in key order, and those of an ancestor's
//! descendants are one range of them.

use model::DocumentPath;
use model::Status;
use model::encoding::{END, push_id, push_ids};
use model::entity::Properties;
use model::entity::encoding::{push_value, push_value_descending};
use model::entity::indexed::{IndexedValues, indexed_values};
use model::query::Direction;

use super::declared::{Column, ColumnKind, DeclaredIndex, IndexScope};
use super::set::IndexSet;
use crate::keys::{DatabaseNumber, indexes};

/// Indexed values and entries in declared indexes of one entity (limits page).
const MAX_ENTRIES: usize = 20_000;
/// Bytes of the entries in declared indexes of one entity (limits page).
const MAX_DECLARED_BYTES: usize = 2 << 20;

/// The keys of all entries that an entity has: in the indexes of its properties and in the declared indexes of its
/// kind. Not sorted. INVALID_ARGUMENT when there are too many.
pub(crate) fn entity_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    properties: &Properties,
) -> Result<Vec<Vec<u8>>, Status> {
    let values = indexed_values(properties);
    let mut room = Room { entries: MAX_ENTRIES, bytes: MAX_DECLARED_BYTES };
    let mut entries = property_entries(indexes.number(), path, &values, &mut room)?;
    let mine =
        indexes.declared().iter().filter(|index| index.definition.collection_id == path.collection_id());
    for index in mine {
        entries.extend(declared(indexes.number(), index, path, &values, &mut room)?);
    }
    Ok(entries)
}

/// The keys of the entries that an entity has in one declared index.
pub(crate) fn declared_entity_entries(
    number: DatabaseNumber,
    index: &DeclaredIndex,
    path: &DocumentPath,
    properties: &Properties,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut room = Room { entries: MAX_ENTRIES, bytes: MAX_DECLARED_BYTES };
    declared(number, index, path, &indexed_values(properties), &mut room)
}

/// The keys of the entries that an entity has in the indexes of its properties.
pub(super) fn all_property_entries(
    number: DatabaseNumber,
    path: &DocumentPath,
    properties: &Properties,
) -> Vec<Vec<u8>> {
    let mut room = Room { entries: usize::MAX, bytes: usize::MAX };
    property_entries(number, path, &indexed_values(properties), &mut room).unwrap_or_default()
}

/// What the limits still leave.
struct Room {
    entries: usize,
    bytes: usize,
}

impl Room {
    fn take_entries(&mut self, count: Option<usize>) -> Result<(), Status> {
        let left = count.and_then(|count| self.entries.checked_sub(count));
        self.entries = left.ok_or_else(|| {
            Status::invalid_argument(format!(
                "Too many indexed properties: an entity may have {MAX_ENTRIES} index entries. Exclude properties from \
                 indexes."
            ))
        })?;
        Ok(())
    }

    fn take_bytes(&mut self, bytes: Option<usize>) -> Result<(), Status> {
        let left = bytes.and_then(|bytes| self.bytes.checked_sub(bytes));
        self.bytes = left.ok_or_else(|| {
            Status::invalid_argument(format!(
                "Index entries too large: an entity may have {MAX_DECLARED_BYTES} bytes of entries in composite indexes."
            ))
        })?;
        Ok(())
    }
}

fn property_entries(
    number: DatabaseNumber,
    path: &DocumentPath,
    values: &IndexedValues<'_>,
    room: &mut Room,
) -> Result<Vec<Vec<u8>>, Status> {
    room.take_entries(Some(values.values().map(Vec::len).sum()))?;
    let namespace = path.ids().nth(1).unwrap_or_default();
    let kind = indexes::properties(number, namespace, path.collection_id());
    let mut name = Vec::new();
    push_ids(&mut name, path.ids());
    let mut entries = Vec::new();
    for (property, values) in values {
        let mut prefix = kind.clone();
        push_id(&mut prefix, property);
        for value in values {
            let mut key = prefix.clone();
            push_value(&mut key, value);
            key.extend_from_slice(&name);
            entries.push(key);
        }
    }
    Ok(entries)
}

fn declared(
    number: DatabaseNumber,
    index: &DeclaredIndex,
    path: &DocumentPath,
    values: &IndexedValues<'_>,
    room: &mut Room,
) -> Result<Vec<Vec<u8>>, Status> {
    let definition = &index.definition;
    let Some(columns) = columns(definition.value_columns(), values) else { return Ok(Vec::new()) };
    let parents = parents(definition.scope, path);
    let name = name_bytes(definition.name_direction(), path);
    let rows = columns.iter().try_fold(1usize, |rows, column| rows.checked_mul(column.len()));
    let entries = rows.and_then(|rows| rows.checked_mul(parents.len()));
    room.take_entries(entries)?;
    let longest = |column: &Vec<Vec<u8>>| column.iter().map(Vec::len).max().unwrap_or(0);
    let values_bytes: usize = columns.iter().map(longest).sum();
    let mut rows = vec![Vec::with_capacity(values_bytes)];
    for column in &columns {
        let extended = rows.iter().flat_map(|row| column.iter().map(|value| [&row[..], value].concat()));
        rows = extended.collect();
    }
    let mut keys = Vec::new();
    for parent in &parents {
        let prefix = indexes::declared_below(number, index.id, parent);
        for row in &rows {
            room.take_bytes(Some(row.len() + name.len()))?;
            keys.push([&prefix[..], row, &name].concat());
        }
    }
    Ok(keys)
}

/// For each column the bytes of its values; None when the entity lacks one and so is not in the index.
fn columns(columns: &[Column], values: &IndexedValues<'_>) -> Option<Vec<Vec<Vec<u8>>>> {
    let encode = |column: &Column| {
        let name = column.path.segments().first()?;
        let of_name = values.get(name.as_str())?;
        let mut encoded = Vec::with_capacity(of_name.len());
        for value in of_name {
            let mut bytes = Vec::new();
            match column.kind {
                ColumnKind::Descending => push_value_descending(&mut bytes, value),
                ColumnKind::Ascending | ColumnKind::Contains | ColumnKind::Vector { .. } => {
                    push_value(&mut bytes, value)
                }
            };
            encoded.push(bytes);
        }
        Some(encoded)
    };
    columns.iter().map(encode).collect()
}

/// The paths that an entity's entries are filed under.
fn parents(scope: IndexScope, path: &DocumentPath) -> Vec<DocumentPath> {
    let ids: Vec<&str> = path.ids().collect();
    let upto = |pairs: usize| DocumentPath::new(&ids[..2 * pairs].join("/"));
    let pairs = match scope {
        IndexScope::Collection | IndexScope::CollectionGroup => 1..=1,
        IndexScope::Recursive => 2..=ids.len() / 2,
    };
    pairs.filter_map(upto).collect()
}

/// The bytes by which an entry ends: the path, inverted with an [`END`] where the last column descends, so that the
/// deeper of two paths then comes first.
fn name_bytes(direction: Direction, path: &DocumentPath) -> Vec<u8> {
    let mut name = Vec::new();
    push_ids(&mut name, path.ids());
    if direction == Direction::Descending {
        name.push(END);
        name.iter_mut().for_each(|byte| *byte = !*byte);
    }
    name
}
