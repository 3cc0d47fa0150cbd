//! From this wire's queries to the model's.

use bytes::Bytes;
use model::Status;
use model::entity::query::{EntityFilter, EntityQuery, PropertyOperator, PropertyOrder};
use model::entity::{EntityValue, Property};
use model::query::Direction;

use crate::appengine::codec::Group;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{CompiledCursor, Filter, Order, Position, Query};
use crate::appengine::to_model;

const KEY: &str = "__key__";
const DESCENDING: i32 = 2;

/// What a query asks for. Errors are the client's: an operator that is not served, an ancestor of another app.
pub(in crate::appengine) fn entity_query(home: &Home, query: &Query) -> Result<EntityQuery, Status> {
    if query.search_query.is_some() {
        return Err(Status::invalid_argument("Text search is not served; filter by properties."));
    }
    let ancestor = query.ancestor.as_ref().map(|ancestor| {
        let value = EntityValue::Key(home.key(ancestor)?).into();
        Ok(condition(KEY, PropertyOperator::HasAncestor, value))
    });
    let filters = query.filter.iter().map(|Group(filter)| self::filter(filter));
    let filters: Vec<_> = ancestor.into_iter().chain(filters).collect::<Result<_, Status>>()?;
    let projection =
        if query.keys_only == Some(true) { vec![KEY.to_owned()] } else { query.property_name.clone() };
    Ok(EntityQuery {
        namespace: query.name_space.clone().unwrap_or_default(),
        kind: query.kind.clone().filter(|kind| !kind.is_empty()),
        filter: (!filters.is_empty()).then_some(EntityFilter::And(filters)),
        order: query.order.iter().map(|Group(order)| self::order(order)).collect(),
        projection,
        distinct_on: query.group_by_property_name.clone(),
        start: query.compiled_cursor.as_ref().and_then(position),
        end: query.end_compiled_cursor.as_ref().and_then(position),
        offset: query.offset.unwrap_or_default(),
        limit: query.limit,
        nearest: None,
    })
}

/// True for a query whose end is the very beginning: a cursor without a position, as clients send it.
pub(super) fn ends_at_the_beginning(query: &Query) -> bool {
    query.end_compiled_cursor.as_ref().is_some_and(|cursor| position(cursor).is_none())
}

/// A position as clients keep it.
pub(super) fn cursor(position: Bytes) -> CompiledCursor {
    CompiledCursor { position: Some(Group(Position { start_key: Some(position) })) }
}

/// A position as the service knows it; None for the beginning.
fn position(cursor: &CompiledCursor) -> Option<Bytes> {
    cursor.position.as_ref()?.0.start_key.clone()
}

fn filter(filter: &Filter) -> Result<EntityFilter, Status> {
    let operator = match filter.op {
        1 => PropertyOperator::LessThan,
        2 => PropertyOperator::LessThanOrEqual,
        3 => PropertyOperator::GreaterThan,
        4 => PropertyOperator::GreaterThanOrEqual,
        5 => PropertyOperator::Equal,
        6 => PropertyOperator::In,
        9 => PropertyOperator::NotEqual,
        10 => PropertyOperator::NotIn,
        other => {
            let text = format!("The filter operator {other} is not served; compare or use IN instead.");
            return Err(Status::invalid_argument(text));
        }
    };
    let name = filter.property.first().map(|property| property.name.as_str());
    let name = name.ok_or_else(|| Status::invalid_argument("A filter names no property."))?;
    let mut values = filter.property.iter().map(to_model::operand).collect::<Result<Vec<_>, _>>()?;
    let value = match operator {
        PropertyOperator::In | PropertyOperator::NotIn => EntityValue::Array(values).into(),
        PropertyOperator::LessThan
        | PropertyOperator::LessThanOrEqual
        | PropertyOperator::GreaterThan
        | PropertyOperator::GreaterThanOrEqual
        | PropertyOperator::Equal
        | PropertyOperator::NotEqual
        | PropertyOperator::HasAncestor => {
            let count = values.len();
            let text = format!("Filter has {count} properties, expected 1");
            values.pop().filter(|_| count == 1).ok_or_else(|| Status::invalid_argument(text))?
        }
    };
    Ok(condition(name, operator, value))
}

fn condition(name: &str, operator: PropertyOperator, value: Property) -> EntityFilter {
    EntityFilter::Property { name: name.to_owned(), operator, value }
}

fn order(order: &Order) -> PropertyOrder {
    let is_descending = order.direction == Some(DESCENDING);
    let direction = if is_descending { Direction::Descending } else { Direction::Ascending };
    PropertyOrder { name: order.property.clone(), direction }
}
