//! The entries of a document: pure functions from its fields to index keys.

use model::encoding::{END, push_id, push_ids, push_index_value, push_index_value_descending};
use model::limits::MAX_INDEX_ENTRIES;
use model::query::Direction;
use model::value::get_field;
use model::{DocumentPath, FieldPath, Fields, Status, Value};

use super::declared::{Column, ColumnKind, DeclaredIndex, IndexScope};
use super::set::IndexSet;
use crate::keys::{DatabaseNumber, indexes, indexes::SingleFieldKind};

/// The keys of all entries that a document has in the automatic indexes and in the declared indexes
/// of its collection group. Not sorted.
pub(super) fn document_entries(indexes: &IndexSet, path: &DocumentPath, fields: &Fields) -> Vec<Vec<u8>> {
    let number = indexes.number();
    let collection = path.collection();
    let mut id = Vec::new();
    push_id(&mut id, path.document_id());
    let mut walk = Walk {
        indexes,
        collection_id: collection.id(),
        ordered: indexes::automatic_collection(number, SingleFieldKind::Ordered, &collection),
        contains: indexes::automatic_collection(number, SingleFieldKind::Contains, &collection),
        id,
        field: Vec::new(),
        entries: Vec::new(),
    };
    walk.fields(fields);
    let mut entries = walk.entries;
    let mine = indexes.declared().iter().filter(|index| index.definition.collection_id == collection.id());
    mine.for_each(|index| entries.extend(declared_entries(number, index, path, fields)));
    entries
}

/// A walk over the fields of one document, maps included.
struct Walk<'a> {
    indexes: &'a IndexSet,
    collection_id: &'a str,
    ordered: Vec<u8>,
    contains: Vec<u8>,
    id: Vec<u8>,
    field: Vec<String>,
    entries: Vec<Vec<u8>>,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &Fields) {
        for (name, value) in fields {
            self.field.push(name.clone());
            if self.indexes.is_automatic(self.collection_id, &self.field) {
                self.value(value);
            }
            if let Value::Map(inner) = value {
                self.fields(inner);
            }
            self.field.pop();
        }
    }

    fn value(&mut self, value: &Value) {
        let entry = |prefix: &[u8], value: &Value, id: &[u8]| {
            let mut key = Vec::with_capacity(prefix.len() + 64);
            key.extend_from_slice(prefix);
            indexes::push_field(&mut key, &self.field);
            push_index_value(&mut key, value);
            key.extend_from_slice(id);
            key
        };
        self.entries.push(entry(&self.ordered, value, &self.id));
        if let Value::Array(elements) = value {
            let mut keys: Vec<_> = elements.iter().map(|e| entry(&self.contains, e, &self.id)).collect();
            keys.sort_unstable();
            keys.dedup();
            self.entries.extend(keys);
        }
    }
}

/// The entries of one document in one automatic index whose keys begin with `prefix`.
pub(super) fn automatic_entries_of_field(
    prefix: &[u8],
    kind: SingleFieldKind,
    field: &FieldPath,
    path: &DocumentPath,
    fields: &Fields,
) -> Vec<Vec<u8>> {
    let entry = |value: &Value| {
        let mut key = prefix.to_vec();
        push_index_value(&mut key, value);
        push_id(&mut key, path.document_id());
        key
    };
    match (kind, get_field(fields, field.segments())) {
        (SingleFieldKind::Ordered, Some(value)) => vec![entry(value)],
        (SingleFieldKind::Contains, Some(Value::Array(elements))) => elements.iter().map(entry).collect(),
        (_, _) => Vec::new(),
    }
}

/// The entries of one document in one declared index: none unless it has every column.
pub(super) fn declared_entries(
    number: DatabaseNumber,
    index: &DeclaredIndex,
    path: &DocumentPath,
    fields: &Fields,
) -> Vec<Vec<u8>> {
    let definition = &index.definition;
    let collection = match definition.scope {
        IndexScope::Collection => Some(path.collection()),
        IndexScope::CollectionGroup => None,
        // Of entities only: no document is in it.
        IndexScope::Recursive => return Vec::new(),
    };
    let mut keys = vec![indexes::declared(number, index.id, collection.as_ref())];
    for column in &definition.columns {
        keys = with_column(keys, column, fields);
    }
    let name = name_bytes(definition.scope, definition.name_direction(), path);
    keys.iter_mut().for_each(|key| key.extend_from_slice(&name));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The bytes by which an entry ends: the document's id, or its whole path for a group. Inverted, the path needs
/// an [`END`]: of two documents one below the other the deeper one then comes first.
pub(super) fn name_bytes(scope: IndexScope, direction: Direction, path: &DocumentPath) -> Vec<u8> {
    let mut name = Vec::new();
    match scope {
        IndexScope::Collection => push_id(&mut name, path.document_id()),
        IndexScope::CollectionGroup | IndexScope::Recursive => push_ids(&mut name, path.ids()),
    }
    if direction == Direction::Descending {
        if scope != IndexScope::Collection {
            name.push(END);
        }
        name.iter_mut().for_each(|byte| *byte = !*byte);
    }
    name
}

/// Each key extended by the column's value; by each element for a contains column.
fn with_column(mut keys: Vec<Vec<u8>>, column: &Column, fields: &Fields) -> Vec<Vec<u8>> {
    let Some(value) = get_field(fields, column.path.segments()) else {
        return Vec::new();
    };
    match (column.kind, value) {
        (ColumnKind::Ascending, value) => keys.iter_mut().for_each(|key| push_index_value(key, value)),
        (ColumnKind::Descending, value) => {
            keys.iter_mut().for_each(|key| push_index_value_descending(key, value));
        }
        (ColumnKind::Contains, Value::Array(elements)) => {
            let extended = keys.iter().flat_map(|key| {
                elements.iter().map(|element| {
                    let mut key = key.clone();
                    push_index_value(&mut key, element);
                    key
                })
            });
            return extended.collect();
        }
        (ColumnKind::Vector { dimension }, Value::Vector(elements))
            if elements.len() == dimension as usize => {}
        (ColumnKind::Contains | ColumnKind::Vector { .. }, _) => return Vec::new(),
    }
    keys
}

/// Each field counts two entries (one for each direction), each array element two.
pub(super) fn check_entry_count(fields: &Fields) -> Result<(), Status> {
    fn count(value: &Value) -> usize {
        2 + match value {
            Value::Array(elements) => 2 * elements.len(),
            Value::Map(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    let entries: usize = fields.values().map(count).sum();
    if entries > MAX_INDEX_ENTRIES {
        return Err(Status::invalid_argument("too many index entries for entity")
            .with_info("INDEX_ENTRIES_COUNT_LIMIT_EXCEEDED", []));
    }
    Ok(())
}
