//! Refuses what production refuses, in production's words and order.
//!
//! Field paths and names are parsed before they come here; what is checked is how they are used.

mod aggregations;
mod filters;
pub(crate) mod nearest;

use model::path::check_collection_id;
use model::query::{Cursor, Direction, Order, StructuredQuery};
use model::{DatabaseName, FieldPath, Parent, Status, Value, limits};

use crate::dnf::{self, Leaf};

pub(crate) use aggregations::aliases;

/// Checks a whole query and answers its filter as disjuncts: none when there is no filter.
///
/// # Errors
/// INVALID_ARGUMENT, or FAILED_PRECONDITION for a vector that has no cosine distance.
pub(crate) fn query<'a>(
    query: &'a StructuredQuery,
    database: &DatabaseName,
) -> Result<Vec<Vec<Leaf<'a>>>, Status> {
    collection(query)?;
    paths(query)?;
    let disjuncts = filters::check(query, database)?;
    orders(query)?;
    components(query, &disjuncts)?;
    for cursor in [&query.start_at, &query.end_at].into_iter().flatten() {
        check_cursor(cursor, &query.order_by, database)?;
    }
    if query.offset < 0 {
        return Err(Status::invalid_argument("offset is negative"));
    }
    if query.limit.is_some_and(|limit| limit < 0) {
        return Err(Status::invalid_argument("limit is negative"));
    }
    if let Some(find) = &query.find_nearest {
        nearest::check(find)?;
    }
    Ok(disjuncts)
}

fn collection(query: &StructuredQuery) -> Result<(), Status> {
    let Some(id) = &query.from.collection_id else {
        return Ok(());
    };
    if id.len() > limits::MAX_ID_BYTES {
        let message = format!("The query kind is longer than {} bytes.", limits::MAX_ID_BYTES);
        return Err(Status::invalid_argument(message));
    }
    check_collection_id(id)
}

/// No path may name a reserved field; `__name__` alone is legal.
fn paths(query: &StructuredQuery) -> Result<(), Status> {
    let selected = query.select.iter().flatten();
    let ordered = query.order_by.iter().map(|order| &order.path);
    let searched = query.find_nearest.iter().map(|find| &find.field);
    selected.chain(ordered).chain(searched).try_for_each(FieldPath::check_not_reserved)
}

fn orders(query: &StructuredQuery) -> Result<(), Status> {
    let orders = &query.order_by;
    for (n, order) in orders.iter().enumerate() {
        if n > 0 && orders[n - 1].path.is_document_name() {
            return Err(Status::invalid_argument("order by clause cannot contain more fields after the key"));
        }
        if orders[..n].iter().any(|earlier| earlier.path == order.path) {
            let message = format!("order by clause cannot contain duplicate fields {}", order.path);
            return Err(Status::invalid_argument(message));
        }
    }
    let by_name = |order: &Order| order.path.is_document_name() && order.direction == Direction::Ascending;
    if query.from.collection_id.is_none() && !orders.iter().all(by_name) {
        return Err(Status::invalid_argument("kind is required for all orders except __key__ ascending"));
    }
    Ok(())
}

/// The cap on filters, orders and the ancestor together, counted over all disjuncts.
fn components(query: &StructuredQuery, disjuncts: &[Vec<Leaf<'_>>]) -> Result<(), Status> {
    let filters: usize = disjuncts.iter().map(Vec::len).sum();
    let orders = query.order_by.len();
    let (ancestor, words) = match query.parent {
        Parent::Root => (0, "no"),
        Parent::Document(_) => (1, "one"),
    };
    let max = limits::MAX_QUERY_COMPONENTS;
    if filters + orders + ancestor <= max {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "The query may not have more than {max} filters + sort orders + ancestor total. Currently there are \
         {filters} filters, {orders} sort orders, and {words} ancestor filter."
    )))
}

fn check_cursor(cursor: &Cursor, orders: &[Order], database: &DatabaseName) -> Result<(), Status> {
    if cursor.values.len() > orders.len() {
        return Err(Status::invalid_argument("Cursor has too many values."));
    }
    for (value, order) in cursor.values.iter().zip(orders) {
        if order.path.is_document_name() && !matches!(value, Value::Reference(_)) {
            return Err(Status::invalid_argument("Cursor __key__ value is not a document reference."));
        }
        own_database(value, database)?;
    }
    Ok(())
}

/// A reference that a query compares with must be of the database it runs on.
fn own_database(value: &Value, database: &DatabaseName) -> Result<(), Status> {
    match value {
        Value::Reference(name) if name.database != *database => Err(Status::invalid_argument(format!(
            "The request was for database '{database}' but was attempting to access database '{}'.",
            name.database
        ))),
        _ => Ok(()),
    }
}

/// True when the filter has more disjuncts than production allows; answers how many.
fn too_many_disjuncts(filter: &model::query::Filter) -> Option<u64> {
    let count = dnf::tree(filter).count();
    (count > limits::MAX_DISJUNCTIONS as u64).then_some(count)
}
