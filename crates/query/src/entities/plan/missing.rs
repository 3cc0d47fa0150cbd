//! Which queries need a declared index, by production's rules, and what is said when it is missing.

use database::{ColumnKind, IndexDefinition, IndexScope};
use model::Status;
use model::entity::key::kind_of;
use model::entity::validate::KEY_PROPERTY;
use model::query::Direction;

use crate::entities::check::Leaf;
use crate::entities::normal::{Disjunct, Normal};

/// The index that production asks for to answer one disjunct. None when its built-in indexes do: without a kind,
/// for equalities alone, and for one property without an ancestor.
pub(super) fn required(query: &Normal, disjunct: &Disjunct) -> Option<IndexDefinition> {
    let kind = query.source.kind.as_deref().filter(|_| !disjunct.is_one_key())?;
    let pinned = |name: &String| disjunct.pins.contains_key(name) && !disjunct.ranges.contains_key(name);
    let mut columns: Vec<(String, Direction)> = Vec::new();
    for column in query.columns() {
        if let Some(name) = column.name.as_ref().filter(|name| !pinned(name)) {
            columns.push((name.clone(), column.direction));
        }
    }
    // Ranges that an explicit order by key leaves out of the order.
    let placed = |name: &String| query.columns().iter().any(|column| column.name.as_ref() == Some(name));
    for name in disjunct.ranges.keys().filter(|name| !placed(name)) {
        columns.insert(0, (name.clone(), Direction::Ascending));
    }
    let ancestor = query.source.ancestor.is_some();
    let by_key_descending =
        columns.is_empty() && query.order[query.key_at()].direction == Direction::Descending;
    let own = |name: &&String| !columns.iter().any(|(column, _)| column == *name);
    let equal = disjunct.pins.keys().filter(own).map(|name| (name.clone(), Direction::Ascending));
    let mut all: Vec<(String, Direction)> = equal.collect();
    if by_key_descending {
        all.push((KEY_PROPERTY.to_owned(), Direction::Descending));
    } else if columns.is_empty() || (!ancestor && all.is_empty() && columns.len() == 1) {
        return None;
    }
    all.extend(columns);
    Some(IndexDefinition::of_kind(kind, ancestor, all))
}

impl Disjunct {
    /// True when it asks for one key, which is looked up.
    fn is_one_key(&self) -> bool {
        self.conditions.iter().any(Leaf::names_key)
    }
}

/// The refusal, with the index as `index.yaml` has it.
pub(super) fn status(missing: &IndexDefinition) -> Status {
    let message = format!("no matching index found. recommended index is:\n{}", yaml(missing));
    Status::failed_precondition(message)
}

/// An index as an entry of `index.yaml`.
pub fn yaml(index: &IndexDefinition) -> String {
    let kind = kind_of(&index.collection_id).unwrap_or_default();
    let mut text = format!("- kind: {kind}\n");
    if index.scope == IndexScope::Recursive {
        text.push_str("  ancestor: yes\n");
    }
    text.push_str("  properties:\n");
    for column in &index.columns {
        text.push_str(&format!("  - name: {}\n", column.path.first()));
        if column.kind == ColumnKind::Descending {
            text.push_str("    direction: desc\n");
        }
    }
    text
}
