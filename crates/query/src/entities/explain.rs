//! What a plan reads and what an execution has read, as production's explain reports it.

use database::NameSource;

use super::plan::{EntityPlan, Step};
use crate::execute::Meter;
use crate::explain::{ExecutionStats, IndexUse, PlanSummary};
use crate::plan::{IndexRead, Node, name_properties, properties};

impl EntityPlan {
    /// The indexes it reads.
    pub fn summary(&self) -> PlanSummary {
        let mut indexes_used = Vec::new();
        match &self.step {
            Step::Nothing | Step::Metadata(_) => {}
            Step::Rows(node) | Step::First(node) | Step::Confirm(node) => {
                self.collect(node, &mut indexes_used);
            }
            Step::Sort(nodes) => nodes.iter().for_each(|node| self.collect(node, &mut indexes_used)),
        }
        PlanSummary { indexes_used }
    }

    fn collect(&self, node: &Node, used: &mut Vec<IndexUse>) {
        match node {
            Node::Names(read) => {
                let kindless = matches!(read.source, NameSource::Kindless { .. });
                let query_scope = if kindless { "Includes ancestors" } else { "Collection group" };
                used.push(IndexUse { query_scope, properties: name_properties(read.direction) });
            }
            Node::Index(read) => used.push(self.index(read)),
            Node::Merge(reads) => used.extend(reads.iter().map(|read| self.index(read))),
            Node::Union(inputs) => inputs.iter().for_each(|input| self.collect(input, used)),
            Node::Nothing
            | Node::Fetch(_)
            | Node::Filter(_)
            | Node::Sort { .. }
            | Node::Having { .. }
            | Node::Page { .. }
            | Node::Nearest { .. }
            | Node::Project { .. } => {}
        }
    }

    fn index(&self, read: &IndexRead) -> IndexUse {
        let ancestor = self.query.source.ancestor.is_some();
        let query_scope = if ancestor { "Includes ancestors" } else { "Collection group" };
        IndexUse { query_scope, properties: properties(read) }
    }
}

/// The figures of an execution.
pub(super) fn stats(meter: &Meter, returned: u64, skipped: u64) -> ExecutionStats {
    let billable = returned + skipped;
    ExecutionStats {
        results_returned: returned,
        read_operations: billable.max(1),
        index_entries_scanned: meter.index_entries,
        documents_scanned: meter.documents,
        documents_billable: billable,
        index_entries_billable: 0,
        min_query_cost: u64::from(billable == 0),
        knn_vector_index_entries_billable: None,
    }
}
