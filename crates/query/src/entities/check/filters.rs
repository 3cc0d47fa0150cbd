//! The checks of filters: each comparison on its own, then the ancestor, then how many disjuncts there are.

use std::collections::BTreeSet;

use model::entity::query::{EntityFilter, EntityQuery, PropertyOperator};
use model::entity::validate::{KEY_PROPERTY, KeyUse, check_database, check_filter_value, check_key};
use model::entity::{EntityValue, Key, Property};
use model::{DatabaseName, Status, limits};

use super::{Checked, text};
use crate::dnf::Tree;

/// One comparison of a disjunct. `In` never stands here: each of its values is an equality.
#[derive(Clone, Debug)]
pub(in crate::entities) struct Leaf {
    pub name: String,
    pub operator: PropertyOperator,
    /// The operand; of `NotIn` several.
    pub values: Vec<EntityValue>,
    /// It came out of an `In`.
    listed: bool,
}

impl Leaf {
    /// True when it asks for one key.
    pub fn names_key(&self) -> bool {
        self.name == KEY_PROPERTY && self.operator == PropertyOperator::Equal
    }

    /// An equality that was written as one.
    pub fn is_plain_equality(&self) -> bool {
        self.operator == PropertyOperator::Equal && !self.listed
    }
}

/// True for the comparisons that put their property into the query's order.
fn is_inequality(operator: PropertyOperator) -> bool {
    match operator {
        PropertyOperator::LessThan
        | PropertyOperator::LessThanOrEqual
        | PropertyOperator::GreaterThan
        | PropertyOperator::GreaterThanOrEqual
        | PropertyOperator::NotEqual
        | PropertyOperator::NotIn => true,
        PropertyOperator::Equal | PropertyOperator::In | PropertyOperator::HasAncestor => false,
    }
}

pub(super) fn check(query: &EntityQuery, database: &DatabaseName) -> Result<Checked, Status> {
    let Some(filter) = &query.filter else {
        return Ok(Checked { disjuncts: vec![Vec::new()], ancestor: None, inequalities: Vec::new() });
    };
    comparisons(filter, query, database)?;
    exclusions(filter)?;
    let tree = tree(filter);
    let count = tree.count();
    if count > limits::MAX_DISJUNCTIONS as u64 {
        return Err(Status::invalid_argument(format!(
            "Too many disjunctions after normalization. Result had {count} disjunctions which is more than \
             the maximum of {}",
            limits::MAX_DISJUNCTIONS
        )));
    }
    let mut disjuncts = tree.expand();
    let ancestor = ancestor(&mut disjuncts)?;
    let inequalities = inequalities(&disjuncts)?;
    Ok(Checked { disjuncts, ancestor, inequalities })
}

/// Checks each comparison, and that no AND or OR is empty.
fn comparisons(filter: &EntityFilter, query: &EntityQuery, database: &DatabaseName) -> Result<(), Status> {
    match filter {
        EntityFilter::And(filters) | EntityFilter::Or(filters) => {
            if filters.is_empty() {
                let message = "A composite filter must have at least one sub-filter.";
                return Err(Status::invalid_argument(message));
            }
            filters.iter().try_for_each(|filter| comparisons(filter, query, database))
        }
        EntityFilter::Property { name, operator, value } => {
            text("property.name", name)?;
            if query.kind.is_none() && name != KEY_PROPERTY {
                return Err(Status::invalid_argument(format!("kind is required for filter: {name}")));
            }
            comparison(name, *operator, value, query, database)
        }
    }
}

fn comparison(
    name: &str,
    operator: PropertyOperator,
    value: &Property,
    query: &EntityQuery,
    database: &DatabaseName,
) -> Result<(), Status> {
    match operator {
        PropertyOperator::HasAncestor => has_ancestor(name, value, query, database),
        PropertyOperator::In => {
            let values = listed(value, "IN")?;
            if values.len() > limits::MAX_IN_VALUES {
                return Err(Status::invalid_argument(format!(
                    "IN supports up to {} values. There are {} values in the IN filter in your query.",
                    limits::MAX_IN_VALUES,
                    values.len()
                )));
            }
            values.iter().try_for_each(|value| operand(name, value, database))
        }
        PropertyOperator::NotIn => {
            let values = listed(value, "NOT_IN")?;
            if values.len() > limits::MAX_NOT_IN_VALUES {
                let message = format!("NOT_IN supports up to {} values.", limits::MAX_NOT_IN_VALUES);
                return Err(Status::invalid_argument(message));
            }
            values.iter().try_for_each(|value| operand(name, value, database))
        }
        PropertyOperator::LessThan
        | PropertyOperator::LessThanOrEqual
        | PropertyOperator::GreaterThan
        | PropertyOperator::GreaterThanOrEqual
        | PropertyOperator::Equal
        | PropertyOperator::NotEqual => operand(name, value, database),
    }
}

fn has_ancestor(
    name: &str,
    value: &Property,
    query: &EntityQuery,
    database: &DatabaseName,
) -> Result<(), Status> {
    if name != KEY_PROPERTY {
        return Err(Status::invalid_argument("property must be __key__"));
    }
    let EntityValue::Key(key) = &value.value else {
        return Err(Status::invalid_argument("HAS_ANCESTOR requires a key value"));
    };
    check_key(key, KeyUse::Read)?;
    check_database(key, database)?;
    if *key.partition.namespace != *query.namespace {
        return Err(Status::invalid_argument(format!(
            "The query namespace is '{}' but ancestor namespace is '{}'.",
            query.namespace, key.partition.namespace
        )));
    }
    Ok(())
}

fn listed<'v>(value: &'v Property, operator: &str) -> Result<&'v [Property], Status> {
    match &value.value {
        EntityValue::Array(values) if values.is_empty() => {
            Err(Status::invalid_argument(format!("{operator} requires an non-empty ArrayValue.")))
        }
        EntityValue::Array(values) => Ok(values),
        _ => Err(Status::invalid_argument(format!("{operator} requires an ArrayValue."))),
    }
}

fn operand(name: &str, value: &Property, database: &DatabaseName) -> Result<(), Status> {
    if name != KEY_PROPERTY {
        return check_filter_value(name, value);
    }
    let EntityValue::Key(key) = &value.value else {
        return Err(Status::invalid_argument("__key__ filter value must be a Key"));
    };
    check_key(key, KeyUse::Read)?;
    check_database(key, database)
}

/// One `!=` or `NOT IN` at most, and no `NOT IN` beside alternatives.
fn exclusions(filter: &EntityFilter) -> Result<(), Status> {
    let mut operators = Vec::new();
    let mut has_or = false;
    each(filter, &mut |filter| match filter {
        EntityFilter::Property { operator, .. } => operators.push(*operator),
        EntityFilter::Or(filters) => has_or |= filters.len() > 1,
        EntityFilter::And(_) => {}
    });
    let is_exclusion = |operator: &&PropertyOperator| {
        matches!(operator, PropertyOperator::NotEqual | PropertyOperator::NotIn)
    };
    if operators.iter().filter(is_exclusion).count() > 1 {
        let message = "Only a single 'NOT_EQUAL' or 'NOT_IN' is allowed per query.";
        return Err(Status::invalid_argument(message));
    }
    let alternatives = has_or || operators.contains(&PropertyOperator::In);
    if alternatives && operators.contains(&PropertyOperator::NotIn) {
        let message = "'NOT_IN' cannot be used in the same query with 'IN' or 'OR'.";
        return Err(Status::invalid_argument(message));
    }
    Ok(())
}

fn each<'f>(filter: &'f EntityFilter, visit: &mut impl FnMut(&'f EntityFilter)) {
    visit(filter);
    match filter {
        EntityFilter::And(filters) | EntityFilter::Or(filters) => {
            filters.iter().for_each(|filter| each(filter, visit));
        }
        EntityFilter::Property { .. } => {}
    }
}

fn tree(filter: &EntityFilter) -> Tree<Leaf> {
    match filter {
        EntityFilter::And(filters) => Tree::And(filters.iter().map(tree).collect()),
        EntityFilter::Or(filters) => Tree::Or(filters.iter().map(tree).collect()),
        EntityFilter::Property { name, operator, value } => {
            let leaf = |operator: PropertyOperator, values: Vec<EntityValue>, listed: bool| {
                Tree::Leaf(Leaf { name: name.clone(), operator, values, listed })
            };
            match (operator, &value.value) {
                (PropertyOperator::In, EntityValue::Array(values)) => {
                    let each =
                        values.iter().map(|v| leaf(PropertyOperator::Equal, vec![v.value.clone()], true));
                    Tree::Or(each.collect())
                }
                (_, EntityValue::Array(values)) => {
                    leaf(*operator, values.iter().map(|value| value.value.clone()).collect(), false)
                }
                (_, value) => leaf(*operator, vec![value.clone()], false),
            }
        }
    }
}

/// Takes the ancestor out of the disjuncts: all must have the same.
fn ancestor(disjuncts: &mut [Vec<Leaf>]) -> Result<Option<Key>, Status> {
    let mut found = BTreeSet::new();
    for leaves in disjuncts {
        let mut own = None;
        leaves.retain(|leaf| match (leaf.operator, leaf.values.as_slice()) {
            (PropertyOperator::HasAncestor, [EntityValue::Key(key)]) => {
                found.insert(Some(key.clone()));
                own = Some(());
                false
            }
            (_, _) => true,
        });
        if own.is_none() {
            found.insert(None);
        }
    }
    if found.len() > 1 {
        let message = "All disjunctions must have a common and unique ancestor constraint.";
        return Err(Status::invalid_argument(message));
    }
    Ok(found.pop_first().flatten())
}

fn inequalities(disjuncts: &[Vec<Leaf>]) -> Result<Vec<String>, Status> {
    let unequal = disjuncts.iter().flatten().filter(|leaf| is_inequality(leaf.operator));
    let names: BTreeSet<&String> = unequal.map(|leaf| &leaf.name).collect();
    if names.len() > limits::MAX_INEQUALITY_FIELDS {
        let all: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        return Err(Status::invalid_argument(format!(
            "The query contains {} distinct inequality fields: [{}]. A query may not have more than {} distinct \
             inequality fields.",
            names.len(),
            all.join(", "),
            limits::MAX_INEQUALITY_FIELDS
        )));
    }
    Ok(names.into_iter().cloned().collect())
}
