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

/// A condition as it was written: ANDs and ORs over comparisons.
#[derive(Clone, Debug)]
pub(crate) enum Tree<L> {
    And(Vec<Tree<L>>),
    Or(Vec<Tree<L>>),
    Leaf(L),
}

impl<L: Clone> Tree<L> {
    /// How many disjuncts it has, without making them.
    pub fn count(&self) -> u64 {
        match self {
            Tree::And(parts) => parts.iter().map(Tree::count).fold(1, u64::saturating_mul),
            Tree::Or(parts) => parts.iter().map(Tree::count).fold(0, u64::saturating_add),
            Tree::Leaf(_) => 1,
        }
    }

    /// The disjuncts; the caller has looked at [`Tree::count`] before.
    pub fn expand(self) -> Vec<Vec<L>> {
        match self {
            Tree::And(parts) => parts.into_iter().map(Tree::expand).fold(vec![Vec::new()], conjunction),
            Tree::Or(parts) => parts.into_iter().flat_map(Tree::expand).collect(),
            Tree::Leaf(leaf) => vec![vec![leaf]],
        }
    }
}

/// Every pair of a left and a right disjunct, joined. Long conjunctions grow in place.
fn conjunction<L: Clone>(mut left: Vec<Vec<L>>, right: Vec<Vec<L>>) -> Vec<Vec<L>> {
    if let [only] = right.as_slice() {
        left.iter_mut().for_each(|leaves| leaves.extend_from_slice(only));
        return left;
    }
    let both = |l: &Vec<L>, r: &Vec<L>| [l.as_slice(), r].concat();
    left.iter().flat_map(|l| right.iter().map(move |r| both(l, r))).collect()
}

/// A filter with its list operators as ORs.
pub(crate) fn tree(filter: &Filter) -> Tree<Leaf<'_>> {
    match filter {
        Filter::And(filters) => Tree::And(filters.iter().map(tree).collect()),
        Filter::Or(filters) => Tree::Or(filters.iter().map(tree).collect()),
        Filter::Field { path, operator, value } => match (expanded(*operator), value) {
            (Some(each), Value::Array(values)) => {
                let leaf = |value| Tree::Leaf(Leaf { path, test: Test::Compare(each, value) });
                Tree::Or(values.iter().map(leaf).collect())
            }
            (_, value) => Tree::Leaf(Leaf { path, test: Test::Compare(*operator, value) }),
        },
        Filter::Unary { path, operator } => Tree::Leaf(Leaf { path, test: Test::Is(*operator) }),
    }
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
