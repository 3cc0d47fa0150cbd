//! Disjunctive normal form: a filter as an OR of ANDs of single comparisons.
//!
//! `IN` is an OR of equalities, `ARRAY_CONTAINS_ANY` an OR of containments; each disjunct is then
//! planned on its own. `NOT_IN` and `!=` stay whole: they are holes in one range.

use model::query::{FieldOperator, Filter, UnaryOperator};
use model::{FieldPath, Value};

/// One comparison of a disjunct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    pub path: &'a FieldPath,
    pub test: Test<'a>,
}

/// What a comparison asks of its field. `In` and `ArrayContainsAny` never stand here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test<'a> {
    Compare(FieldOperator, &'a Value),
    Is(UnaryOperator),
}

/// How many disjuncts a filter has, without making them.
pub(crate) fn count(filter: &Filter) -> u64 {
    match filter {
        Filter::And(filters) => filters.iter().map(count).fold(1, u64::saturating_mul),
        Filter::Or(filters) => filters.iter().map(count).fold(0, u64::saturating_add),
        Filter::Field { operator, value, .. } => match (expanded(*operator), value) {
            (Some(_), Value::Array(values)) => values.len() as u64,
            (_, _) => 1,
        },
        Filter::Unary { .. } => 1,
    }
}

/// The disjuncts; the caller has looked at [`count`] before.
pub(crate) fn expand(filter: &Filter) -> Vec<Vec<Leaf<'_>>> {
    match filter {
        Filter::And(filters) => filters.iter().map(expand).fold(vec![Vec::new()], conjunction),
        Filter::Or(filters) => filters.iter().flat_map(expand).collect(),
        Filter::Field { path, operator, value } => match (expanded(*operator), value) {
            (Some(each), Value::Array(values)) => {
                values.iter().map(|value| vec![Leaf { path, test: Test::Compare(each, value) }]).collect()
            }
            (_, value) => vec![vec![Leaf { path, test: Test::Compare(*operator, value) }]],
        },
        Filter::Unary { path, operator } => vec![vec![Leaf { path, test: Test::Is(*operator) }]],
    }
}

/// Every pair of a left and a right disjunct, joined. Long conjunctions grow in place.
fn conjunction<'a>(mut left: Vec<Vec<Leaf<'a>>>, right: Vec<Vec<Leaf<'a>>>) -> Vec<Vec<Leaf<'a>>> {
    if let [only] = right.as_slice() {
        left.iter_mut().for_each(|leaves| leaves.extend_from_slice(only));
        return left;
    }
    let both = |l: &Vec<Leaf<'a>>, r: &Vec<Leaf<'a>>| [l.as_slice(), r].concat();
    left.iter().flat_map(|l| right.iter().map(move |r| both(l, r))).collect()
}

/// The operator that each value of a list operator is compared with.
fn expanded(operator: FieldOperator) -> Option<FieldOperator> {
    match operator {
        FieldOperator::In => Some(FieldOperator::Equal),
        FieldOperator::ArrayContainsAny => Some(FieldOperator::ArrayContains),
        FieldOperator::LessThan
        | FieldOperator::LessThanOrEqual
        | FieldOperator::GreaterThan
        | FieldOperator::GreaterThanOrEqual
        | FieldOperator::Equal
        | FieldOperator::NotEqual
        | FieldOperator::ArrayContains
        | FieldOperator::NotIn => None,
    }
}

/// Calls `visit` with every comparison of a filter as it was written.
pub(crate) fn each_leaf<'a>(filter: &'a Filter, visit: &mut impl FnMut(Leaf<'a>)) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().for_each(|filter| each_leaf(filter, visit));
        }
        Filter::Field { path, operator, value } => {
            visit(Leaf { path, test: Test::Compare(*operator, value) });
        }
        Filter::Unary { path, operator } => visit(Leaf { path, test: Test::Is(*operator) }),
    }
}

impl Leaf<'_> {
    /// True for the comparisons that put their field into the query's order.
    pub fn is_inequality(&self) -> bool {
        match self.test {
            Test::Compare(operator, _) => match operator {
                FieldOperator::LessThan
                | FieldOperator::LessThanOrEqual
                | FieldOperator::GreaterThan
                | FieldOperator::GreaterThanOrEqual
                | FieldOperator::NotEqual
                | FieldOperator::NotIn => true,
                FieldOperator::Equal
                | FieldOperator::ArrayContains
                | FieldOperator::In
                | FieldOperator::ArrayContainsAny => false,
            },
            Test::Is(operator) => match operator {
                UnaryOperator::IsNotNan | UnaryOperator::IsNotNull => true,
                UnaryOperator::IsNan | UnaryOperator::IsNull => false,
            },
        }
    }
}
