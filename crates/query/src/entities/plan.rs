//! From a normal form to a tree of reads.
//!
//! A disjunct has an *exact* read when indexes hold its rows in the query's order: a pinned value for each leading
//! column, then the order's columns; several that end in the same columns are merged by leapfrog. What of these rows
//! is a result (an entity counts once, at its first row) is told in one of three ways:
//!
//! - `rows`: each is one, because nothing of the order but the key is open, or all that is open is exploded;
//! - `first`: the first of an entity is one. It takes a list of those seen, and a read from the beginning;
//! - `confirm`: the entity is looked up, and tells where it stands.
//!
//! Where a disjunct has none, [`MissingIndex`] decides as for documents: `sort` reads candidates in any order, looks
//! each up and sorts in memory. Which queries need a declared index is not what we could do without, but what
//! production's table says: see [`missing`].

mod choose;
mod missing;
mod print;

use std::sync::Arc;

use database::{IndexDefinition, IndexSet};
use model::{Parent, Status, Timestamp};

use super::metadata::MetadataKind;
use super::normal::{Normal, Output};
use crate::plan::{MissingIndex, Node, is_few};
use crate::source::Source;
use choose::Chooser;

pub use missing::yaml as index_yaml;

/// How a query for entities is answered: a tree that prints itself.
#[derive(Clone, Debug)]
pub struct EntityPlan {
    pub(super) query: Arc<Normal>,
    pub(super) source: Source,
    pub(super) step: Step,
    /// Properties that a result must have for reasons outside the query.
    pub(super) required: Vec<String>,
    pub(super) suggested: Option<IndexDefinition>,
}

/// How rows become results, in the query's order.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// There are none.
    Nothing,
    /// Each row is one.
    Rows(Node),
    /// The first row of each is one.
    First(Node),
    /// A row is one if the entity stands there.
    Confirm(Node),
    /// The entities of all rows, in memory.
    Sort(Vec<Node>),
    /// What is computed of the others.
    Metadata(MetadataKind),
}

/// What the results are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Purpose {
    Results,
    /// Only how many.
    Count,
    /// Sums of what the entities hold.
    Figures,
}

/// What a plan is made for, apart from the query.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub indexes: &'a IndexSet,
    pub read_time: Timestamp,
    pub missing: MissingIndex,
}

/// Plans a query.
///
/// # Errors
/// FAILED_PRECONDITION when an index is missing and required.
pub(super) fn plan(
    query: &Arc<Normal>,
    purpose: Purpose,
    setting: Setting<'_>,
) -> Result<EntityPlan, Status> {
    if let Some(kind) = query.metadata {
        return Ok(EntityPlan {
            query: query.clone(),
            source: Source::Kindless { parent: Parent::Root },
            step: Step::Metadata(kind),
            required: Vec::new(),
            suggested: None,
        });
    }
    let parent = Parent::Document(query.source.root());
    let source = match &query.source.kind {
        Some(kind) => {
            Source::Group { collection_id: model::entity::key::collection_id(kind).into_owned(), parent }
        }
        None => Source::Kindless { parent },
    };
    let chooser = Chooser::new(query, &source, setting);
    let mut exact = Vec::new();
    let mut inexact = Vec::new();
    let mut suggested = None;
    for disjunct in &query.disjuncts {
        let wanted = chooser.wanted(disjunct);
        let missing = missing::required(query, disjunct);
        let found = match &missing {
            Some(_) => chooser.declared(&wanted),
            None => chooser.exact(&wanted),
        };
        if let (None, Some(missing)) = (&found, missing) {
            if setting.missing == MissingIndex::Require {
                return Err(missing::status(&missing));
            }
            suggested = suggested.or(Some(missing));
        }
        match found.or_else(|| chooser.exact(&wanted)) {
            Some(node) => exact.push(node),
            None => inexact.push(chooser.candidates(&wanted)),
        }
    }
    let step = if inexact.is_empty() {
        ordered(query, purpose, exact)
    } else {
        exact.extend(inexact);
        Step::Sort(exact)
    };
    Ok(EntityPlan { query: query.clone(), source, step, required: Vec::new(), suggested })
}

/// Results of reads that are each in the query's order.
fn ordered(query: &Normal, purpose: Purpose, mut nodes: Vec<Node>) -> Step {
    let alternatives = nodes.len();
    let node = match alternatives {
        0 => return Step::Nothing,
        1 => nodes.remove(0),
        _ => Node::Union(nodes),
    };
    if purpose == Purpose::Figures {
        return Step::Confirm(node);
    }
    let settled = |name: &String| {
        let disjunct = &query.disjuncts[0];
        query.exploded.contains(name)
            || (disjunct.pins.contains_key(name) && !disjunct.ranges.contains_key(name))
    };
    // Rows of one disjunct differ in its open columns; those of several also in what each of them pins.
    let names: Vec<&String> = query.columns().iter().filter_map(|column| column.name.as_ref()).collect();
    if names.is_empty() || (alternatives == 1 && names.into_iter().all(settled)) {
        return Step::Rows(node);
    }
    let without_entities = purpose == Purpose::Count || query.output == Output::Keys;
    if without_entities && query.window.start.is_none() { Step::First(node) } else { Step::Confirm(node) }
}

/// True when few results are asked for.
pub(super) fn wants_few(query: &Normal) -> bool {
    is_few(query.window.offset, query.window.limit)
}

impl EntityPlan {
    /// True when it needs about as many reads as it has results, and has few: see [`crate::plan`].
    pub fn is_short(&self) -> bool {
        let query = &self.query;
        let is_direct = match &self.step {
            Step::Nothing => true,
            Step::Rows(node) | Step::First(node) | Step::Confirm(node) => node.is_direct(),
            Step::Sort(_) | Step::Metadata(_) => false,
        };
        is_direct && wants_few(query) && query.distinct == 0 && query.nearest.is_none()
    }

    /// The index that would serve the query, when the plan does without it.
    pub fn suggested(&self) -> Option<&IndexDefinition> {
        self.suggested.as_ref()
    }
}
