//! From a normal query to a tree of reads and steps.
//!
//! Each disjunct is planned on its own, and the results are merged in the query's order:
//!
//! 1. [`choose`] finds indexes whose entries are *exactly* the disjunct's matches in the query's
//!    order: a pinned value for each leading column, then the order's columns. Several that end in
//!    the same columns are merged by leapfrog. Without any condition, documents are read by name.
//! 2. Where no such index exists, the policy decides: [`MissingIndex::Require`] answers with
//!    production's error and link ([`missing`]); [`MissingIndex::Suggest`] takes the cheapest legal
//!    way ([`fallback`]: read, filter, sort in memory) and names the index that would help.
//!
//! The printed tree is the form that tests compare.

mod choose;
mod fallback;
mod link;
mod missing;
mod print;
mod read;
mod short;

pub(crate) use choose::fewest;
pub(crate) use print::{name_properties, properties};
pub(crate) use read::{Cuts, IndexRead, KeyColumn, NameRead, Pinned, PinnedBy, ValueLength, directed};
pub(crate) use short::is_few;

use database::{IndexDefinition, IndexSet};
use model::query::{AggregationKind, FindNearest, Order};
use model::{FieldPath, Status, Timestamp};

use crate::normal::{Cut, Disjunct, Normal};
use crate::source::Source;
use choose::Chooser;
use missing::Shortfall;

/// What a query without a fitting index is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingIndex {
    /// FAILED_PRECONDITION, as production.
    Require,
    /// The result, by the cheapest legal plan, and the index to add.
    Suggest,
}

/// How a query is answered: a tree that prints itself.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) root: Node,
    pub(crate) source: Source,
    pub(crate) suggested: Option<IndexDefinition>,
}

/// One step; its rows come out in the query's order unless it says otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// No rows.
    Nothing,
    /// Documents by name.
    Names(NameRead),
    /// Entries of one index.
    Index(IndexRead),
    /// What several indexes agree on; all end in the same columns.
    Merge(Vec<IndexRead>),
    /// What any of the inputs has, each document once.
    Union(Vec<Node>),
    /// Looks the documents up.
    Fetch(Box<Node>),
    /// Keeps what matches the whole disjunct, has every field of the order and lies between the
    /// cuts; gives rows their keys. Does not order them.
    Filter(Box<Filter>),
    /// Orders rows by their keys, in memory; with `keep`, only the first so many.
    Sort { input: Box<Node>, keep: Option<u64> },
    /// Keeps documents that have all these fields.
    Having { input: Box<Node>, fields: Vec<FieldPath> },
    /// Leaves rows out at the front, and ends early.
    Page { input: Box<Node>, offset: u64, limit: Option<u64> },
    /// The documents nearest to a vector, nearest first.
    Nearest { input: Box<Node>, find: FindNearest },
    /// Only some fields of each document.
    Project { input: Box<Node>, fields: Vec<FieldPath> },
}

/// What [`Node::Filter`] asks of its rows.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub input: Node,
    pub disjunct: Disjunct,
    pub order: Vec<Order>,
    pub start: Option<Cut>,
    pub end: Option<Cut>,
}

/// What a plan's rows are for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    Documents,
    Aggregation(&'a [AggregationKind]),
}

/// What a plan is made for, apart from the query.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub indexes: &'a IndexSet,
    pub read_time: Timestamp,
    pub missing: MissingIndex,
}

/// Plans a query.
///
/// # Errors
/// FAILED_PRECONDITION when an index is missing and required.
pub(crate) fn plan(query: &Normal, purpose: Purpose<'_>, setting: Setting<'_>) -> Result<Plan, Status> {
    let aggregated = match purpose {
        Purpose::Documents => Vec::new(),
        Purpose::Aggregation(kinds) => aggregated_fields(kinds),
    };
    let widened = query.with_columns(&aggregated);
    let (mut input, mut suggested) = disjuncts(&widened, setting)?;
    if suggested.is_some() && widened.order != query.order {
        // The aggregated fields are looked at in the documents: the plain query may have its index.
        input = disjuncts(query, setting)?.0;
    }
    if !matches!(purpose, Purpose::Documents) || query.nearest.is_some() {
        input = unsorted(input, query);
    }
    let needs_documents = !aggregated.is_empty() || matches!(purpose, Purpose::Documents);
    if !aggregated.is_empty() {
        input = Node::Having { input: Box::new(fetched(input)), fields: aggregated };
    }
    let mut root = paged(input, query);
    if needs_documents {
        root = fetched(root);
    }
    if let Some(find) = &query.nearest {
        root = Node::Nearest { input: Box::new(fetched(root)), find: find.clone() };
    }
    if let (Purpose::Documents, Some(fields)) = (purpose, &query.select) {
        root = Node::Project { input: Box::new(root), fields: fields.clone() };
    }
    if query.limit == Some(0) {
        root = Node::Nothing;
        suggested = None;
    }
    Ok(Plan { root, source: query.source.clone(), suggested })
}

impl Plan {
    /// The index that would serve the query, when the plan does without it.
    pub fn suggested(&self) -> Option<&IndexDefinition> {
        self.suggested.as_ref()
    }
}

/// The rows of all disjuncts, and an index that one of them lacks.
fn disjuncts(query: &Normal, setting: Setting<'_>) -> Result<(Node, Option<IndexDefinition>), Status> {
    let chooser = Chooser::new(query, setting);
    let mut inputs = Vec::new();
    let mut suggested = None;
    for disjunct in &query.disjuncts {
        let shortfall = match chooser.exact(disjunct) {
            Ok(node) => {
                inputs.push(node);
                continue;
            }
            Err(shortfall) => shortfall,
        };
        if setting.missing == MissingIndex::Suggest
            && let Shortfall::Vector { .. } = &shortfall
            && let Ok(node) = chooser.exact_without_vector(disjunct)
        {
            suggested = suggested.or_else(|| shortfall.definition(query));
            inputs.push(node);
            continue;
        }
        match (setting.missing, shortfall) {
            // No index in this order can exist, so there is none to ask for.
            (_, Shortfall::Unindexable) => {}
            (MissingIndex::Require, shortfall) => return Err(shortfall.status(query)),
            (MissingIndex::Suggest, shortfall) => {
                suggested = suggested.or_else(|| shortfall.definition(query));
            }
        }
        inputs.push(fallback::plan(&chooser, query, disjunct));
    }
    let node = match inputs.len() {
        0 => Node::Nothing,
        1 => inputs.remove(0),
        _ => Node::Union(inputs),
    };
    Ok((node, suggested))
}

fn paged(input: Node, query: &Normal) -> Node {
    if query.offset == 0 && query.limit.is_none() {
        return input;
    }
    Node::Page { input: Box::new(input), offset: query.offset, limit: query.limit }
}

/// The node with its documents: nothing to do where they were read already.
fn fetched(node: Node) -> Node {
    if node.has_documents() { node } else { Node::Fetch(Box::new(node)) }
}

/// The node without a sort on top, where the order of its rows does not matter.
fn unsorted(node: Node, query: &Normal) -> Node {
    match node {
        Node::Sort { input, keep: None } if query.offset == 0 => *input,
        node => node,
    }
}

fn aggregated_fields(kinds: &[AggregationKind]) -> Vec<FieldPath> {
    let mut fields: Vec<FieldPath> = kinds
        .iter()
        .filter_map(|kind| match kind {
            AggregationKind::Count { .. } => None,
            AggregationKind::Sum(path) | AggregationKind::Average(path) => Some(path.clone()),
        })
        .collect();
    fields.sort();
    fields.dedup();
    fields
}

impl Node {
    /// True when every row comes with its document.
    fn has_documents(&self) -> bool {
        match self {
            Node::Nothing
            | Node::Names(_)
            | Node::Fetch(_)
            | Node::Filter(_)
            | Node::Having { .. }
            | Node::Nearest { .. }
            | Node::Project { .. } => true,
            Node::Index(_) | Node::Merge(_) => false,
            Node::Union(inputs) => inputs.iter().all(Node::has_documents),
            Node::Sort { input, .. } | Node::Page { input, .. } => input.has_documents(),
        }
    }

    /// The nodes below.
    pub(crate) fn inputs(&self) -> Vec<&Node> {
        match self {
            Node::Nothing | Node::Names(_) | Node::Index(_) | Node::Merge(_) => Vec::new(),
            Node::Union(inputs) => inputs.iter().collect(),
            Node::Filter(filter) => vec![&filter.input],
            Node::Fetch(input)
            | Node::Sort { input, .. }
            | Node::Having { input, .. }
            | Node::Page { input, .. }
            | Node::Nearest { input, .. }
            | Node::Project { input, .. } => vec![input],
        }
    }
}
