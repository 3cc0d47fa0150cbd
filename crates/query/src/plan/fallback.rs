//! The cheapest legal plan for a disjunct that no index serves: read, filter, sort in memory.
//!
//! In this order: the indexes of its pinned fields, merged; the index of a field under a range;
//! the documents by name. All documents that match are among what is read; the filter drops the rest.

use super::choose::Chooser;
use super::{Filter, Node, fetched};
use crate::normal::{Disjunct, Normal};

pub(super) fn plan(chooser: &Chooser<'_>, query: &Normal, disjunct: &Disjunct) -> Node {
    let ranged = || disjunct.fields.keys().find_map(|path| chooser.ranged_only(disjunct, path));
    let read = chooser.pinned_only(disjunct).or_else(ranged).unwrap_or_else(|| chooser.by_name(disjunct));
    let filter = Filter {
        input: fetched(read),
        disjunct: disjunct.clone(),
        order: query.order.clone(),
        start: query.start.clone(),
        end: query.end.clone(),
    };
    let keep = query.limit.map(|limit| limit.saturating_add(query.offset));
    Node::Sort { input: Box::new(Node::Filter(Box::new(filter))), keep }
}
