//! The indexes of a database at one moment, and where each one's entries stand.

use std::sync::Arc;

use model::encoding::{id_length, push_id, value_length};
use model::entity::key::{collection_id, namespace_path};
use model::query::Direction;
use model::{CollectionPath, Document, DocumentPath, FieldPath, entity};

use super::declared::{Column, ColumnKind, DeclaredIndex, FieldOverride, IndexScope};
use super::entities::{all_property_entries, declared_entity_entries};
use super::entries::{automatic_entries_of_field, declared_entries, name_bytes};
use crate::error::Damage;
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
    /// Of entities: one property of one kind.
    Property,
    /// Of entities: every property of one kind; an entry begins with the property's name.
    EveryProperty,
    /// Of entities: a declared index below a namespace or an ancestor.
    DeclaredEntities(Arc<DeclaredIndex>),
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

    /// The index of one property of a kind's entities. An entry is the value's bytes (see
    /// [`model::entity::encoding`]), then the bytes of the entity's whole path: so the entries of a value are in key
    /// order, and an ancestor's descendants are a range of them.
    pub fn property(&self, namespace: &str, kind: &str, property: &str) -> IndexSource {
        let mut source = self.properties(namespace, kind);
        push_id(&mut source.prefix, property);
        source.columns = vec![Column { path: FieldPath::single(property), kind: ColumnKind::Ascending }];
        source.kind = SourceKind::Property;
        source
    }

    /// The indexes of all properties of a kind's entities: an entry begins with the property's name as an id, and
    /// goes on as in [`IndexSet::property`].
    pub fn properties(&self, namespace: &str, kind: &str) -> IndexSource {
        let (namespace, kind) = (namespace_path(namespace), collection_id(kind));
        IndexSource {
            prefix: indexes::properties(self.number, namespace.document_id(), &kind),
            columns: Vec::new(),
            name_direction: Direction::Ascending,
            scope: Scope::Group { collection_id: kind.into_owned() },
            kind: SourceKind::EveryProperty,
        }
    }

    /// The declared indexes of a kind that hold the entities of one namespace or, with `ancestor`, those of the
    /// ancestor and below. An entry is the values' bytes in the columns' directions, then the entity's path, inverted
    /// with an [`END`] where [`IndexSource::name_direction`] is descending.
    ///
    /// [`END`]: model::encoding::END
    pub fn entity_composites(
        &self,
        namespace: &str,
        kind: &str,
        ancestor: Option<&DocumentPath>,
    ) -> Vec<(Arc<DeclaredIndex>, IndexSource)> {
        let kind = collection_id(kind);
        let scope = if ancestor.is_some() { IndexScope::Recursive } else { IndexScope::CollectionGroup };
        let parent = ancestor.cloned().unwrap_or_else(|| namespace_path(namespace));
        let mine = self
            .declared
            .iter()
            .filter(|index| index.definition.scope == scope && index.definition.collection_id == kind);
        mine.map(|index| (index.clone(), self.entity_source(index, &parent))).collect()
    }

    fn entity_source(&self, index: &Arc<DeclaredIndex>, parent: &DocumentPath) -> IndexSource {
        IndexSource {
            prefix: indexes::declared_below(self.number, index.id, parent),
            columns: index.definition.value_columns().to_vec(),
            name_direction: index.definition.name_direction(),
            scope: Scope::Group { collection_id: index.definition.collection_id.clone() },
            kind: SourceKind::DeclaredEntities(index.clone()),
        }
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

    /// True when `key` is one of the entries that a document, or an entity, has here.
    pub(crate) fn holds(
        &self,
        number: DatabaseNumber,
        document: &Document,
        key: &[u8],
    ) -> Result<bool, Damage> {
        let path = &document.path;
        let fields = || document.fields().map_err(|_| Damage::DocumentRow);
        let properties = || entity::body::decode(&document.body).map_err(|_| Damage::DocumentRow);
        let entries = match &self.kind {
            SourceKind::Automatic(kind) => {
                automatic_entries_of_field(&self.prefix, *kind, &self.columns[0].path, path, &fields()?)
            }
            SourceKind::Declared(index) => declared_entries(number, index, path, &fields()?),
            SourceKind::Property | SourceKind::EveryProperty => {
                all_property_entries(number, path, &properties()?)
            }
            SourceKind::DeclaredEntities(index) => {
                declared_entity_entries(number, index, path, &properties()?)
            }
        };
        Ok(entries.iter().any(|entry| entry == key))
    }

    /// The bytes by which the name of `path` ends an entry.
    pub fn name_bytes(&self, path: &DocumentPath) -> Vec<u8> {
        name_bytes(self.scope.index_scope(), self.name_direction, path)
    }

    /// The length of the columns' values that the bytes of an entry begin with.
    pub(crate) fn values_length(&self, bytes: &[u8]) -> Result<usize, Damage> {
        let mut at = 0;
        let rest = |at: usize| bytes.get(at..).ok_or(Damage::IndexEntry);
        let of_entities = match &self.kind {
            SourceKind::Automatic(_) | SourceKind::Declared(_) => false,
            SourceKind::Property | SourceKind::DeclaredEntities(_) => true,
            SourceKind::EveryProperty => {
                let name = id_length(bytes).map_err(|_| Damage::IndexEntry)?;
                let value = entity::encoding::value_length(rest(name)?, false);
                return Ok(name + value.map_err(|_| Damage::IndexEntry)?);
            }
        };
        for column in &self.columns {
            let descending = match column.kind {
                ColumnKind::Vector { .. } => continue,
                ColumnKind::Descending => true,
                ColumnKind::Ascending | ColumnKind::Contains => false,
            };
            let length = match of_entities {
                true => entity::encoding::value_length(rest(at)?, descending),
                false => value_length(rest(at)?, descending),
            };
            at += length.map_err(|_| Damage::IndexEntry)?;
        }
        Ok(at)
    }
}
