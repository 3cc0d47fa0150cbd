//! The cheapest legal plan for a disjunct that no index serves: read, filter, sort in memory.
//!
//! In this order: the indexes of its pinned fields, merged; the index of a field under a range;
//! the documents by name. All documents that match are among what is read; the filter drops the rest.
//! What is read in the query's order already needs no sort.

use model::FieldPath;

use super::choose::Chooser;
use super::{Filter, Node, fetched};
use crate::normal::{Disjunct, Normal};

pub(super) fn plan(chooser: &Chooser<'_>, query: &Normal, disjunct: &Disjunct) -> Node {
    let (read, by_name) = match chooser.pinned_only(disjunct) {
        Some(read) => (read, true),
        None => match ranged(chooser, disjunct) {
            Some(read) => (read, false),
            None => (chooser.by_name(disjunct), true),
        },
    };
    let filter = Filter {
        input: fetched(read),
        disjunct: disjunct.clone(),
        order: query.order.clone(),
        start: query.start.clone(),
        end: query.end.clone(),
    };
    let filtered = Node::Filter(Box::new(filter));
    if by_name && chooser.is_by_name(disjunct) {
        return filtered;
    }
    let keep = query.limit.map(|limit| limit.saturating_add(query.offset));
    Node::Sort { input: Box::new(filtered), keep }
}

/// A read of one field's range; one with two ends or a class before one that only has holes.
fn ranged(chooser: &Chooser<'_>, disjunct: &Disjunct) -> Option<Node> {
    let mut fields: Vec<(&FieldPath, usize)> =
        disjunct.fields.iter().map(|(path, one)| (path, one.spans.as_slice().len())).collect();
    fields.sort_by_key(|(_, spans)| *spans);
    fields.into_iter().find_map(|(path, _)| chooser.ranged_only(disjunct, path))
}
