//! Results against an oracle: every document is filtered in memory, sorted, and cut.
//!
//! The oracle knows values and their order, nothing of encodings, indexes and plans.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use model::order::{TypeClass, compare, equal};
use model::query::{Cursor, Direction, FieldOperator, Filter, Order, StructuredQuery, UnaryOperator};
use model::value::get_field;
use model::{DocumentPath, FieldPath, Fields, Value};

use crate::text;

pub type Documents = BTreeMap<DocumentPath, Fields>;

/// The paths that the query selects, in its order.
pub fn answer(documents: &Documents, query: &StructuredQuery) -> Vec<DocumentPath> {
    let order = complete_order(query);
    let mut found: Vec<(&DocumentPath, Vec<Value>)> = documents
        .iter()
        .filter(|(path, _)| selects(query, path))
        .filter(|(path, fields)| query.filter.as_ref().is_none_or(|filter| matches(filter, path, fields)))
        .filter_map(|(path, fields)| {
            let key: Option<Vec<Value>> =
                order.iter().map(|order| field(&order.path, path, fields)).collect();
            Some((path, key?))
        })
        .collect();
    found.sort_by(|(_, a), (_, b)| compare_keys(a, b, &order));
    let start = |key: &[Value], cursor: &Cursor| match compare_keys(key, &cursor.values, &order) {
        Ordering::Less => false,
        Ordering::Equal => cursor.before,
        Ordering::Greater => true,
    };
    let end = |key: &[Value], cursor: &Cursor| match compare_keys(key, &cursor.values, &order) {
        Ordering::Less => true,
        Ordering::Equal => !cursor.before,
        Ordering::Greater => false,
    };
    found.retain(|(_, key)| query.start_at.as_ref().is_none_or(|cursor| start(key, cursor)));
    found.retain(|(_, key)| query.end_at.as_ref().is_none_or(|cursor| end(key, cursor)));
    let paths = found.into_iter().map(|(path, _)| path.clone()).skip(query.offset as usize);
    paths.take(query.limit.map_or(usize::MAX, |limit| limit as usize)).collect()
}

/// The explicit orders, the fields under inequalities, the name.
fn complete_order(query: &StructuredQuery) -> Vec<Order> {
    let mut order = query.order_by.clone();
    let direction = order.last().map_or(Direction::Ascending, |last| last.direction);
    if order.last().is_some_and(|last| last.path.is_document_name()) {
        return order;
    }
    let mut fields = BTreeSet::new();
    query.filter.iter().for_each(|filter| inequalities(filter, &mut fields));
    for path in fields.into_iter().chain([FieldPath::document_name()]) {
        if !order.iter().any(|listed| listed.path == path) {
            order.push(Order { path, direction });
        }
    }
    order
}

fn inequalities(filter: &Filter, fields: &mut BTreeSet<FieldPath>) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().for_each(|filter| inequalities(filter, fields));
        }
        Filter::Field { path, operator, .. } => {
            use FieldOperator::{
                GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual, NotEqual, NotIn,
            };
            let ranges = [LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, NotEqual, NotIn];
            if ranges.contains(operator) && !path.is_document_name() {
                fields.insert(path.clone());
            }
        }
        Filter::Unary { path, operator } => {
            if matches!(operator, UnaryOperator::IsNotNan | UnaryOperator::IsNotNull) {
                fields.insert(path.clone());
            }
        }
    }
}

fn compare_keys(a: &[Value], b: &[Value], order: &[Order]) -> Ordering {
    let columns = a.iter().zip(b).zip(order).map(|((a, b), order)| match order.direction {
        Direction::Ascending => compare(a, b),
        Direction::Descending => compare(a, b).reverse(),
    });
    columns.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn selects(query: &StructuredQuery, path: &DocumentPath) -> bool {
    let direct = path.collection().parent() == query.parent;
    let kind = query.from.collection_id.as_ref().is_none_or(|id| path.collection_id() == id);
    let place = if query.from.all_descendants { query.parent.contains(path) } else { direct };
    kind && place
}

fn field(path: &FieldPath, document: &DocumentPath, fields: &Fields) -> Option<Value> {
    if path.is_document_name() {
        return Some(Value::Reference(text::database().document(document)));
    }
    get_field(fields, path.segments()).cloned()
}

fn matches(filter: &Filter, document: &DocumentPath, fields: &Fields) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| matches(filter, document, fields)),
        Filter::Or(filters) => filters.iter().any(|filter| matches(filter, document, fields)),
        Filter::Field { path, operator, value } => {
            field(path, document, fields).is_some_and(|held| compares(&held, *operator, value))
        }
        Filter::Unary { path, operator } => {
            let Some(held) = field(path, document, fields) else { return false };
            let null = matches!(held, Value::Null);
            match operator {
                UnaryOperator::IsNull => null,
                UnaryOperator::IsNan => held.is_nan(),
                UnaryOperator::IsNotNull => !null,
                UnaryOperator::IsNotNan => !null && !held.is_nan(),
            }
        }
    }
}

fn compares(held: &Value, operator: FieldOperator, value: &Value) -> bool {
    let special = |value: &Value| matches!(value, Value::Null) || value.is_nan();
    let same = |a: &Value, b: &Value| !special(b) && equal(a, b);
    let ranged = |wanted: fn(Ordering) -> bool| {
        let class = TypeClass::of(held) == TypeClass::of(value);
        class && !special(value) && !held.is_nan() && wanted(compare(held, value))
    };
    let list = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        other => panic!("not a list: {other:?}"),
    };
    let contains = |wanted: &Value| match (held, wanted) {
        (_, Value::Array(_)) => false,
        (Value::Array(values), wanted) => values.iter().any(|one| same(one, wanted)),
        _ => false,
    };
    match operator {
        FieldOperator::Equal => same(held, value),
        FieldOperator::NotEqual => {
            !matches!(value, Value::Null) && !matches!(held, Value::Null) && !same(held, value)
        }
        FieldOperator::LessThan => ranged(Ordering::is_lt),
        FieldOperator::LessThanOrEqual => ranged(Ordering::is_le),
        FieldOperator::GreaterThan => ranged(Ordering::is_gt),
        FieldOperator::GreaterThanOrEqual => ranged(Ordering::is_ge),
        FieldOperator::In => list(value).iter().any(|one| same(held, one)),
        FieldOperator::NotIn => {
            let values = list(value);
            let null = matches!(held, Value::Null) || values.iter().any(|one| matches!(one, Value::Null));
            !null && !values.iter().any(|one| same(held, one))
        }
        FieldOperator::ArrayContains => contains(value),
        FieldOperator::ArrayContainsAny => list(value).iter().any(contains),
    }
}
