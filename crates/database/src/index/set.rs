//! The indexes of a database at one moment, and where each one's entries stand.

use std::sync::Arc;

use model::query::Direction;
use model::{CollectionPath, DocumentPath, FieldPath, Fields};

use super::declared::{Column, ColumnKind, DeclaredIndex, FieldOverride, IndexScope};
use super::entries::{automatic_entries_of_field, declared_entries, name_bytes};
use crate::keys::{DatabaseNumber, indexes, indexes::SingleFieldKind};

/// The group whose `*` override holds for every group without one of its own.
pub(crate) const EVERY_GROUP: &str = "__default__";

/// An immutable picture of all indexes; a change makes a new one.
#[derive(Clone, Debug)]
pub struct IndexSet {
    number: DatabaseNumber,
    declared: Vec<Arc<DeclaredIndex>>,
    overrides: Vec<FieldOverride>,
}

/// The documents that one index scan can find.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    Collection(CollectionPath),
    /// The whole group; a restriction to one ancestor is the executor's filter.
    Group {
        collection_id: String,
    },
}

/// One index over one collection or group: where its entries stand and what they hold.
#[derive(Clone, Debug)]
pub struct IndexSource {
    prefix: Vec<u8>,
    columns: Vec<Column>,
    name_direction: Direction,
    scope: Scope,
    kind: SourceKind,
}

#[derive(Clone, Debug)]
enum SourceKind {
    Automatic(SingleFieldKind),
    Declared(Arc<DeclaredIndex>),
}

impl Scope {
    /// The collection group's id.
    pub fn collection_id(&self) -> &str {
        match self {
            Scope::Collection(collection) => collection.id(),
            Scope::Group { collection_id } => collection_id,
        }
    }

    fn index_scope(&self) -> IndexScope {
        match self {
            Scope::Collection(_) => IndexScope::Collection,
            Scope::Group { .. } => IndexScope::CollectionGroup,
        }
    }

    fn collection(&self) -> Option<&CollectionPath> {
        match self {
            Scope::Collection(collection) => Some(collection),
            Scope::Group { .. } => None,
        }
    }
}

impl IndexSet {
    /// The automatic indexes, but for `overrides`, and the declared ones.
    pub fn new(
        number: DatabaseNumber,
        declared: Vec<Arc<DeclaredIndex>>,
        overrides: Vec<FieldOverride>,
    ) -> Self {
        IndexSet { number, declared, overrides }
    }

    /// Every declared index, whatever its state.
    pub fn declared(&self) -> &[Arc<DeclaredIndex>] {
        &self.declared
    }

    /// The overrides in force.
    pub fn overrides(&self) -> &[FieldOverride] {
        &self.overrides
    }

    /// The database these indexes belong to.
    pub fn number(&self) -> DatabaseNumber {
        self.number
    }

    /// True when the automatic indexes of the field exist. Overrides hold for the fields below theirs.
    pub fn is_automatic(&self, collection_id: &str, field: &[String]) -> bool {
        if self.overrides.is_empty() {
            return true;
        }
        let of_group = |group: &str| {
            let mine = self.overrides.iter().filter(move |o| o.collection_id == group);
            mine.filter(|o| o.field.as_ref().is_none_or(|path| field.starts_with(path.segments())))
                .max_by_key(|o| o.field.as_ref().map_or(0, |path| path.segments().len()))
        };
        match of_group(collection_id).or_else(|| of_group(EVERY_GROUP)) {
            // A `*` that lists indexes leaves the automatic ones on: they serve any of the listed.
            Some(found) => found.field.is_none() && !found.indexes.is_empty(),
            None => true,
        }
    }

    /// The index that serves one field over `scope`; None when it is exempted or, for groups, not
    /// enabled.
    pub fn single_field(
        &self,
        scope: &Scope,
        field: &FieldPath,
        kind: SingleFieldKind,
    ) -> Option<(IndexSource, Option<Arc<DeclaredIndex>>)> {
        if let Scope::Collection(collection) = scope
            && self.is_automatic(collection.id(), field.segments())
        {
            return Some((self.automatic(collection, field, kind), None));
        }
        let wanted = |index: &&Arc<DeclaredIndex>| {
            let columns = &index.definition.columns;
            columns.len() == 1 && columns[0].path == *field && single_kind(columns[0].kind) == Some(kind)
        };
        let declared = self.in_scope(scope).find(wanted)?;
        Some((self.source(scope, declared), Some(declared.clone())))
    }

    /// The declared indexes over `scope` of more than one column or with a vector.
    pub fn composites(&self, scope: &Scope) -> Vec<(Arc<DeclaredIndex>, IndexSource)> {
        let composite = |index: &&Arc<DeclaredIndex>| {
            let columns = &index.definition.columns;
            columns.len() > 1 || single_kind(columns[0].kind).is_none()
        };
        self.in_scope(scope).filter(composite).map(|i| (i.clone(), self.source(scope, i))).collect()
    }

    fn in_scope(&self, scope: &Scope) -> impl Iterator<Item = &Arc<DeclaredIndex>> {
        self.declared.iter().filter(|index| {
            index.definition.scope == scope.index_scope()
                && index.definition.collection_id == scope.collection_id()
        })
    }

    fn automatic(
        &self,
        collection: &CollectionPath,
        field: &FieldPath,
        kind: SingleFieldKind,
    ) -> IndexSource {
        let column_kind = match kind {
            SingleFieldKind::Ordered => ColumnKind::Ascending,
            SingleFieldKind::Contains => ColumnKind::Contains,
        };
        IndexSource {
            prefix: indexes::automatic(self.number, kind, collection, field),
            columns: vec![Column { path: field.clone(), kind: column_kind }],
            name_direction: Direction::Ascending,
            scope: Scope::Collection(collection.clone()),
            kind: SourceKind::Automatic(kind),
        }
    }

    fn source(&self, scope: &Scope, index: &Arc<DeclaredIndex>) -> IndexSource {
        IndexSource {
            prefix: indexes::declared(self.number, index.id, scope.collection()),
            columns: index.definition.columns.clone(),
            name_direction: index.definition.name_direction(),
            scope: scope.clone(),
            kind: SourceKind::Declared(index.clone()),
        }
    }
}

fn single_kind(kind: ColumnKind) -> Option<SingleFieldKind> {
    match kind {
        ColumnKind::Ascending | ColumnKind::Descending => Some(SingleFieldKind::Ordered),
        ColumnKind::Contains => Some(SingleFieldKind::Contains),
        ColumnKind::Vector { .. } => None,
    }
}

impl IndexSource {
    /// The index's columns, without the trailing name.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The way the trailing name column runs.
    pub fn name_direction(&self) -> Direction {
        self.name_direction
    }

    /// The documents the index can find.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What the keys of all entries begin with.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The keys of the entries that a document has here.
    pub(crate) fn entries_of(
        &self,
        number: DatabaseNumber,
        path: &DocumentPath,
        fields: &Fields,
    ) -> Vec<Vec<u8>> {
        match &self.kind {
            SourceKind::Automatic(kind) => {
                automatic_entries_of_field(&self.prefix, *kind, &self.columns[0].path, path, fields)
            }
            SourceKind::Declared(index) => declared_entries(number, index, path, fields),
        }
    }

    /// The bytes by which the name of `path` ends an entry.
    pub fn name_bytes(&self, path: &DocumentPath) -> Vec<u8> {
        name_bytes(self.scope.index_scope(), self.name_direction, path)
    }
}
