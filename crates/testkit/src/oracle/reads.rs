//! Answers to every kind of read, by looking at all documents of the time.

use std::cmp::Ordering;

use database::{Column, ColumnKind, IndexDefinition, IndexScope, NameSource, Scope, SingleFieldKind};
use model::order::compare;
use model::query::Direction;
use model::value::get_field;
use model::{CollectionPath, DocumentPath, FieldPath, Parent, Timestamp, Value};

use super::{Kept, Oracle};
use crate::notation::{show_fields, show_time};

/// A declared index over one collection, or over its whole group.
pub struct Declared<'a> {
    pub definition: &'a IndexDefinition,
    pub scope: &'a Scope,
}

/// Values in the order of an index, and the document.
type Entry = (Vec<Value>, DocumentPath);

impl Oracle {
    /// The documents of a source, in the order of their names.
    pub fn scan(&self, source: &NameSource, time: Timestamp) -> Vec<(&DocumentPath, &Kept)> {
        self.documents(time).filter(|(path, _)| contains(source, path)).collect()
    }

    /// The documents in an automatic index: those that have the field, in order of its value, then their names.
    pub fn single_field(
        &self,
        scope: &Scope,
        field: &FieldPath,
        kind: SingleFieldKind,
        time: Timestamp,
    ) -> Vec<Entry> {
        let kind = match kind {
            SingleFieldKind::Ordered => ColumnKind::Ascending,
            SingleFieldKind::Contains => ColumnKind::Contains,
        };
        self.entries(scope, &[Column { path: field.clone(), kind }], Direction::Ascending, time)
    }

    /// The entries of a declared index.
    pub fn declared(&self, index: &Declared<'_>, time: Timestamp) -> Vec<Entry> {
        let definition = index.definition;
        self.entries(index.scope, &definition.columns, definition.name_direction(), time)
    }

    fn entries(&self, scope: &Scope, columns: &[Column], name: Direction, time: Timestamp) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, kept) in self.documents(time).filter(|(path, _)| in_scope(scope, path)) {
            let mut rows = vec![Vec::new()];
            for column in columns {
                let values = column_values(column, kept);
                rows = rows
                    .iter()
                    .flat_map(|row| {
                        values.iter().map(|value| [&row[..], std::slice::from_ref(value)].concat())
                    })
                    .collect();
            }
            entries.extend(rows.into_iter().map(|row| (row, path.clone())));
        }
        entries.sort_by(|left, right| compare_entries(left, right, columns, name));
        entries.dedup_by(|left, right| compare_entries(left, right, columns, name).is_eq());
        entries
    }

    /// The ids of the collections directly below `parent`.
    pub fn collection_ids(&self, parent: &Parent, time: Timestamp) -> Vec<String> {
        let depth = parent.ids().count();
        let below = self.documents(time).filter(|(path, _)| parent.contains(path));
        let ids = below.map(|(path, _)| path.ids().nth(depth).expect("it lies below").to_owned());
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The documents of a collection, and the names that only lead to others.
    pub fn names(&self, collection: &CollectionPath, time: Timestamp) -> Vec<(DocumentPath, bool)> {
        let depth = collection.ids().count();
        let parent = collection.parent();
        let mut names: Vec<(DocumentPath, bool)> = Vec::new();
        for (path, _) in self.documents(time).filter(|(path, _)| parent.contains(path)) {
            if !path.ids().take(depth).eq(collection.ids()) {
                continue;
            }
            let name = collection.document(path.ids().nth(depth).expect("it lies below the collection"));
            let whole = name == *path;
            match names.iter_mut().find(|(found, _)| *found == name) {
                Some((_, present)) => *present |= whole,
                None => names.push((name, whole)),
            }
        }
        names.sort_by(|(left, _), (right, _)| left.cmp(right));
        names
    }
}

fn contains(source: &NameSource, path: &DocumentPath) -> bool {
    match source {
        NameSource::Collection(collection) => path.collection() == *collection,
        NameSource::Group { collection_id, parent } => {
            path.collection_id() == collection_id && parent.contains(path)
        }
        NameSource::Kindless { parent } => parent.contains(path),
        NameSource::Children { parent } => path.collection().parent() == *parent,
    }
}

fn in_scope(scope: &Scope, path: &DocumentPath) -> bool {
    match scope {
        Scope::Collection(collection) => path.collection() == *collection,
        Scope::Group { collection_id } => path.collection_id() == collection_id,
    }
}

fn column_values(column: &Column, kept: &Kept) -> Vec<Value> {
    match (column.kind, get_field(&kept.fields, column.path.segments())) {
        (ColumnKind::Ascending | ColumnKind::Descending, Some(value)) => vec![value.clone()],
        (ColumnKind::Contains, Some(Value::Array(elements))) => elements.clone(),
        (ColumnKind::Vector { dimension }, Some(Value::Vector(numbers)))
            if numbers.len() == dimension as usize =>
        {
            // It has no bytes, so it decides nothing.
            vec![Value::Null]
        }
        (_, _) => Vec::new(),
    }
}

fn compare_entries(left: &Entry, right: &Entry, columns: &[Column], name: Direction) -> Ordering {
    for ((column, a), b) in columns.iter().zip(&left.0).zip(&right.0) {
        let order = match column.kind {
            ColumnKind::Descending => compare(b, a),
            ColumnKind::Ascending | ColumnKind::Contains | ColumnKind::Vector { .. } => compare(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
    match name {
        Direction::Ascending => left.1.cmp(&right.1),
        Direction::Descending => right.1.cmp(&left.1),
    }
}

/// The scopes that an index can be scanned over: its group, or those of `collections` that it covers.
pub fn scopes(definition: &IndexDefinition, collections: &[CollectionPath]) -> Vec<Scope> {
    match definition.scope {
        IndexScope::Recursive => Vec::new(),
        IndexScope::CollectionGroup => vec![Scope::Group { collection_id: definition.collection_id.clone() }],
        IndexScope::Collection => {
            let own = collections.iter().filter(|collection| collection.id() == definition.collection_id);
            own.cloned().map(Scope::Collection).collect()
        }
    }
}

/// A document in one line, the same for the oracle's and the database's.
pub fn show(path: &DocumentPath, create: Timestamp, update: Timestamp, fields: &model::Fields) -> String {
    format!("{path} {}..{} {}", show_time(create), show_time(update), show_fields(fields))
}
