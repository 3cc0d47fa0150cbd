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

use model::{DocumentPath, Status};
use std::sync::Arc;

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
/// kind. Not sorted.
pub(super) fn entity_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    properties: &Properties,
) -> Vec<Vec<u8>> {
    all_entries(indexes, path, &indexed_values(properties))
}

/// The same, for an entity that is to be stored: see [`check_entries`].
pub(crate) fn checked_entity_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    properties: &Properties,
) -> Result<Vec<Vec<u8>>, Status> {
    let values = indexed_values(properties);
    check_values(indexes, path, &values)?;
    Ok(all_entries(indexes, path, &values))
}

fn all_entries(indexes: &IndexSet, path: &DocumentPath, values: &IndexedValues<'_>) -> Vec<Vec<u8>> {
    let mut entries = property_entries(indexes.number(), path, values);
    for index in indexes_of(indexes, path) {
        entries.extend(declared(indexes.number(), index, path, values));
    }
    entries
}

/// The keys of the entries that an entity has in one declared index. An entity that was there before the index and
/// would have more entries in it than an entity may have at all has none.
pub(super) fn declared_entity_entries(
    number: DatabaseNumber,
    index: &DeclaredIndex,
    path: &DocumentPath,
    properties: &Properties,
) -> Vec<Vec<u8>> {
    declared(number, index, path, &indexed_values(properties))
}

/// The keys of the entries that an entity has in the indexes of its properties.
pub(super) fn all_property_entries(
    number: DatabaseNumber,
    path: &DocumentPath,
    properties: &Properties,
) -> Vec<Vec<u8>> {
    property_entries(number, path, &indexed_values(properties))
}

/// Refuses an entity with too many indexed values, or too many or too large entries in declared indexes.
pub(super) fn check_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    properties: &Properties,
) -> Result<(), Status> {
    check_values(indexes, path, &indexed_values(properties))
}

fn check_values(indexes: &IndexSet, path: &DocumentPath, values: &IndexedValues<'_>) -> Result<(), Status> {
    let mut entries = values.values().map(Vec::len).sum::<usize>();
    let mut bytes = 0usize;
    for index in indexes_of(indexes, path) {
        let Some(columns) = columns(index, values) else { continue };
        let weight = Weight::of(index, path, &columns);
        entries = entries.saturating_add(weight.entries);
        bytes = bytes.saturating_add(weight.bytes);
    }
    if entries > MAX_ENTRIES {
        return Err(Status::invalid_argument(format!(
            "Too many indexed properties: an entity may have {MAX_ENTRIES} index entries. Exclude properties from \
             indexes."
        )));
    }
    if bytes > MAX_DECLARED_BYTES {
        return Err(Status::invalid_argument(format!(
            "Index entries too large: an entity may have {MAX_DECLARED_BYTES} bytes of entries in composite indexes."
        )));
    }
    Ok(())
}

fn indexes_of<'a>(indexes: &'a IndexSet, path: &'a DocumentPath) -> impl Iterator<Item = &'a DeclaredIndex> {
    let mine = |index: &&Arc<DeclaredIndex>| index.definition.collection_id == path.collection_id();
    indexes.declared().iter().filter(mine).map(|index| &**index)
}

/// What an entity's entries in one declared index come to, told without making them.
struct Weight {
    entries: usize,
    bytes: usize,
}

impl Weight {
    /// Each row of the columns' product once for each parent. Saturates.
    fn of(index: &DeclaredIndex, path: &DocumentPath, columns: &[Vec<Vec<u8>>]) -> Weight {
        let rows = columns.iter().fold(1usize, |rows, column| rows.saturating_mul(column.len()));
        let entries = rows.saturating_mul(parents(index.definition.scope, path).count());
        let longest = |column: &Vec<Vec<u8>>| column.iter().map(Vec::len).max().unwrap_or(0);
        let row = columns.iter().map(longest).sum::<usize>() + path.as_str().len();
        Weight { entries, bytes: entries.saturating_mul(row) }
    }
}

fn property_entries(number: DatabaseNumber, path: &DocumentPath, values: &IndexedValues<'_>) -> Vec<Vec<u8>> {
    let namespace = path.ids().nth(1).expect("a path has at least two ids");
    let kind = indexes::properties(number, namespace, path.collection_id());
    let name = name_bytes(Direction::Ascending, path);
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
    entries
}

fn declared(
    number: DatabaseNumber,
    index: &DeclaredIndex,
    path: &DocumentPath,
    values: &IndexedValues<'_>,
) -> Vec<Vec<u8>> {
    let definition = &index.definition;
    let Some(columns) = columns(index, values) else { return Vec::new() };
    if definition.collection_id != path.collection_id()
        || Weight::of(index, path, &columns).entries > MAX_ENTRIES
    {
        return Vec::new();
    }
    let name = name_bytes(definition.name_direction(), path);
    let mut rows = vec![Vec::new()];
    for column in &columns {
        let extended = rows.iter().flat_map(|row| column.iter().map(|value| [&row[..], value].concat()));
        rows = extended.collect();
    }
    let mut keys = Vec::new();
    for parent in parents(definition.scope, path) {
        let prefix = indexes::declared_below(number, index.id, &parent);
        keys.extend(rows.iter().map(|row| [&prefix[..], row, &name].concat()));
    }
    keys
}

/// For each column the bytes of its values; None when the entity lacks one and so is not in the index.
fn columns(index: &DeclaredIndex, values: &IndexedValues<'_>) -> Option<Vec<Vec<Vec<u8>>>> {
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
    index.definition.value_columns().iter().map(encode).collect()
}

/// The paths that an entity's entries are filed under: its namespace's or those of its ancestors and its own.
fn parents(scope: IndexScope, path: &DocumentPath) -> impl Iterator<Item = DocumentPath> {
    let ids: Vec<&str> = path.ids().collect();
    let pairs = match scope {
        IndexScope::Collection | IndexScope::CollectionGroup => 1..=1,
        IndexScope::Recursive => 2..=ids.len() / 2,
    };
    pairs.map(move |pairs| DocumentPath::new(&ids[..2 * pairs].join("/")).expect("an even number of ids"))
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
