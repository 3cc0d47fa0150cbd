//! Declared indexes: composites, and single-field indexes that replace the automatic ones.

use model::entity::key::collection_id;
use model::entity::validate::KEY_PROPERTY;
use model::query::Direction;
use model::{FieldPath, Timestamp};

use crate::keys::indexes::SingleFieldKind;

/// What `firestore.indexes.json` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexFile {
    pub indexes: Vec<IndexDefinition>,
    pub overrides: Vec<FieldOverride>,
}

/// One declared index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexDefinition {
    pub collection_id: String,
    pub scope: IndexScope,
    /// Without the trailing `__name__`, which is implied.
    pub columns: Vec<Column>,
}

/// The single-field indexes of one field, in place of the automatic ones.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldOverride {
    pub collection_id: String,
    /// None stands for `*`: every field of the collection group that has no override of its own.
    pub field: Option<FieldPath>,
    pub indexes: Vec<SingleFieldIndex>,
}

/// One single-field index of an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SingleFieldIndex {
    pub scope: IndexScope,
    pub kind: SingleFieldKind,
}

/// Whether an index covers each collection on its own or the whole group. An index of entities covers the group (the
/// kind) in each namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexScope {
    Collection,
    CollectionGroup,
    /// Of entities only: the group, with entries for each ancestor (`ancestor: yes`).
    Recursive,
}

/// One column of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    pub path: FieldPath,
    pub kind: ColumnKind,
}

/// What a column holds of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    Ascending,
    Descending,
    /// One entry for each distinct element of the array.
    Contains,
    /// No bytes: the index holds the documents whose field is a vector of this dimension.
    Vector {
        dimension: u32,
    },
}

/// A declared index of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredIndex {
    /// Unique in its database, never used again after the index is dropped.
    pub id: u32,
    pub definition: IndexDefinition,
    pub state: IndexState,
}

/// Whether queries may use an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Writes maintain it already; documents from before are being added.
    Building,
    /// Complete for reads at this time or later.
    Ready { since: Timestamp },
}

impl IndexDefinition {
    /// An index of entities, as `index.yaml` declares it. Columns are the names of properties, dots and all; what
    /// follows `__key__`, which gives the trailing key its direction, means nothing.
    pub fn of_kind(
        kind: &str,
        ancestor: bool,
        columns: impl IntoIterator<Item = (String, Direction)>,
    ) -> Self {
        let mut definition = IndexDefinition {
            collection_id: collection_id(kind).into_owned(),
            scope: if ancestor { IndexScope::Recursive } else { IndexScope::CollectionGroup },
            columns: Vec::new(),
        };
        for (name, direction) in columns {
            let kind = match direction {
                Direction::Ascending => ColumnKind::Ascending,
                Direction::Descending => ColumnKind::Descending,
            };
            definition.columns.push(Column { path: FieldPath::single(&name), kind });
            if name == KEY_PROPERTY {
                break;
            }
        }
        definition
    }

    /// The columns without `__key__`, which entries end with in any case.
    pub fn value_columns(&self) -> &[Column] {
        match self.columns.split_last() {
            Some((last, before)) if last.path.segments() == [KEY_PROPERTY] => before,
            Some(_) | None => &self.columns,
        }
    }

    /// The direction of the trailing name column: that of the last ordered column.
    pub fn name_direction(&self) -> Direction {
        let last = self.columns.iter().rev().find_map(|column| match column.kind {
            ColumnKind::Ascending => Some(Direction::Ascending),
            ColumnKind::Descending => Some(Direction::Descending),
            ColumnKind::Contains | ColumnKind::Vector { .. } => None,
        });
        last.unwrap_or(Direction::Ascending)
    }
}

impl DeclaredIndex {
    /// True when the index is complete for reads at `time`.
    pub fn serves(&self, time: Timestamp) -> bool {
        matches!(self.state, IndexState::Ready { since } if since <= time)
    }
}
