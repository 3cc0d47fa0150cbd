//! The complete order of a query.

use std::collections::BTreeSet;

use model::FieldPath;
use model::query::{Direction, Order};

use crate::dnf::Leaf;

/// The explicit orders, then the fields of inequalities by path, then the name; what is added runs
/// in the direction of the last explicit order. Also whether inequalities are on several fields.
pub(super) fn complete(explicit: &[Order], disjuncts: &[Vec<Leaf<'_>>]) -> (Vec<Order>, bool) {
    let inequalities = disjuncts.iter().flatten().filter(|leaf| leaf.is_inequality());
    let fields: BTreeSet<&FieldPath> =
        inequalities.map(|leaf| leaf.path).filter(|path| !path.is_document_name()).collect();
    let mut order = explicit.to_vec();
    let direction = order.last().map_or(Direction::Ascending, |last| last.direction);
    if !order.last().is_some_and(|last| last.path.is_document_name()) {
        for path in &fields {
            if !order.iter().any(|listed| listed.path == **path) {
                order.push(Order { path: (*path).clone(), direction });
            }
        }
        order.push(Order { path: FieldPath::document_name(), direction });
    }
    (order, fields.len() > 1)
}
