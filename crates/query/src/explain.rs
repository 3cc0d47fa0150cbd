//! What a plan reads and what an execution has read, as production's explain reports it.

use database::NameSource;

use crate::execute::{Execution, Meter};
use crate::plan::{Node, Plan, name_properties, properties};

/// The indexes of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSummary {
    /// One for each scan: of a disjunct, of a range, of a member of a merge.
    pub indexes_used: Vec<IndexUse>,
}

/// One scan of one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexUse {
    /// `Collection` or `Collection group`.
    pub query_scope: &'static str,
    /// For instance `(a ASC, b DESC, __name__ DESC)`.
    pub properties: String,
}

/// The figures of "explain analyze". On the wire those below `debug_stats` are strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionStats {
    pub results_returned: u64,
    pub read_operations: u64,
    pub index_entries_scanned: u64,
    pub documents_scanned: u64,
    pub documents_billable: u64,
    pub index_entries_billable: u64,
    /// 1 when nothing was read: that is billed all the same.
    pub min_query_cost: u64,
    /// Only for a nearest-neighbour search.
    pub knn_vector_index_entries_billable: Option<u64>,
}

/// Index entries that an aggregation reads for the price of one document.
const ENTRIES_PER_READ: u64 = 1_000;
/// Vector index entries for the price of one document.
const VECTORS_PER_READ: u64 = 100;

impl Plan {
    /// The indexes it reads.
    pub fn summary(&self) -> PlanSummary {
        let mut indexes_used = Vec::new();
        collect(&self.root, &mut indexes_used);
        PlanSummary { indexes_used }
    }
}

fn collect(node: &Node, used: &mut Vec<IndexUse>) {
    match node {
        Node::Names(read) => {
            let query_scope = match read.source {
                NameSource::Collection(_) => "Collection",
                NameSource::Group { .. } | NameSource::Kindless { .. } | NameSource::Children { .. } => {
                    "Collection group"
                }
            };
            let one = IndexUse { query_scope, properties: name_properties(read.direction) };
            used.extend(std::iter::repeat_n(one, read.ranges.len().max(1)));
        }
        Node::Index(read) => used.extend(read.uses()),
        Node::Merge(reads) => reads.iter().for_each(|read| used.extend(read.uses())),
        Node::Nothing
        | Node::Union(_)
        | Node::Fetch(_)
        | Node::Filter(_)
        | Node::Sort { .. }
        | Node::Having { .. }
        | Node::Page { .. }
        | Node::Nearest { .. }
        | Node::Project { .. } => {}
    }
    node.inputs().into_iter().for_each(|input| collect(input, used));
}

impl crate::plan::IndexRead {
    fn uses(&self) -> impl Iterator<Item = IndexUse> {
        let query_scope = match self.source.scope() {
            database::Scope::Collection(_) => "Collection",
            database::Scope::Group { .. } => "Collection group",
        };
        let one = IndexUse { query_scope, properties: properties(self) };
        std::iter::repeat_n(one, self.ranges.len().max(1))
    }
}

impl Execution {
    /// The figures so far; `returned` is how many documents were pulled.
    pub fn stats(&self, returned: u64) -> ExecutionStats {
        let meter = self.meter();
        let vectors = (meter.vectors > 0).then_some(meter.vectors);
        let billable = returned + meter.skipped;
        let reads = billable + vectors.map_or(0, |vectors| vectors.div_ceil(VECTORS_PER_READ));
        ExecutionStats {
            results_returned: returned,
            read_operations: reads.max(1),
            index_entries_scanned: meter.index_entries,
            documents_scanned: meter.documents,
            documents_billable: billable,
            index_entries_billable: 0,
            min_query_cost: u64::from(reads == 0),
            knn_vector_index_entries_billable: vectors,
        }
    }
}

impl ExecutionStats {
    /// An aggregation bills the index entries it reads. A count looks no document up, though by our
    /// plan it may have come by documents.
    pub(crate) fn of_aggregation(meter: Meter, only_counts: bool) -> Self {
        let reads = meter.index_entries.div_ceil(ENTRIES_PER_READ);
        ExecutionStats {
            results_returned: 1,
            read_operations: reads.max(1),
            index_entries_scanned: meter.index_entries,
            documents_scanned: if only_counts { 0 } else { meter.documents },
            documents_billable: 0,
            index_entries_billable: meter.index_entries,
            min_query_cost: u64::from(reads == 0),
            knn_vector_index_entries_billable: None,
        }
    }
}
