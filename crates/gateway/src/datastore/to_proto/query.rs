//! Queries, as an answer to GQL shows what it was read as.

use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    PropertyOperator, PropertyOrder,
};
use model::query::Direction;
use wire::datastore::aggregation_query::aggregation::{Avg, Count, Operator, Sum};
use wire::datastore::aggregation_query::{Aggregation, QueryType};
use wire::datastore::filter::FilterType;
use wire::datastore::{self as proto, PropertyReference, composite_filter, property_filter, property_order};

use super::property;

/// A query that GQL can say; its namespace stands beside it.
pub(crate) fn query(query: &EntityQuery) -> proto::Query {
    let projection = |name: &String| proto::Projection { property: Some(reference(name)) };
    proto::Query {
        projection: query.projection.iter().map(projection).collect(),
        kind: query.kind.iter().map(|name| proto::KindExpression { name: name.clone() }).collect(),
        filter: query.filter.as_ref().map(filter),
        order: query.order.iter().map(order).collect(),
        distinct_on: query.distinct_on.iter().map(|name| reference(name)).collect(),
        start_cursor: query.start.clone().unwrap_or_default(),
        end_cursor: query.end.clone().unwrap_or_default(),
        offset: query.offset,
        limit: query.limit,
        // GQL has no word for it.
        find_nearest: None,
    }
}

/// A query and what is computed over it.
pub(crate) fn aggregation_query(query: &EntityAggregationQuery) -> proto::AggregationQuery {
    proto::AggregationQuery {
        query_type: Some(QueryType::NestedQuery(self::query(&query.query))),
        aggregations: query.aggregations.iter().map(aggregation).collect(),
    }
}

fn aggregation(aggregation: &EntityAggregation) -> Aggregation {
    let operator = match &aggregation.kind {
        EntityAggregationKind::Count { up_to } => Operator::Count(Count { up_to: *up_to }),
        EntityAggregationKind::Sum(name) => Operator::Sum(Sum { property: Some(reference(name)) }),
        EntityAggregationKind::Average(name) => Operator::Avg(Avg { property: Some(reference(name)) }),
    };
    Aggregation { alias: aggregation.alias.clone(), operator: Some(operator) }
}

fn reference(name: &str) -> PropertyReference {
    PropertyReference { name: name.to_owned() }
}

fn order(order: &PropertyOrder) -> proto::PropertyOrder {
    let direction = match order.direction {
        Direction::Ascending => property_order::Direction::Ascending,
        Direction::Descending => property_order::Direction::Descending,
    };
    proto::PropertyOrder { property: Some(reference(&order.name)), direction: direction as i32 }
}

fn filter(filter: &EntityFilter) -> proto::Filter {
    let composite = |operator: composite_filter::Operator, filters: &[EntityFilter]| {
        FilterType::CompositeFilter(proto::CompositeFilter {
            op: operator as i32,
            filters: filters.iter().map(self::filter).collect(),
        })
    };
    let kind = match filter {
        EntityFilter::And(filters) => composite(composite_filter::Operator::And, filters),
        EntityFilter::Or(filters) => composite(composite_filter::Operator::Or, filters),
        EntityFilter::Property { name, operator, value } => {
            FilterType::PropertyFilter(proto::PropertyFilter {
                property: Some(reference(name)),
                op: self::operator(*operator) as i32,
                value: Some(property(value)),
            })
        }
    };
    proto::Filter { filter_type: Some(kind) }
}

fn operator(operator: PropertyOperator) -> property_filter::Operator {
    match operator {
        PropertyOperator::LessThan => property_filter::Operator::LessThan,
        PropertyOperator::LessThanOrEqual => property_filter::Operator::LessThanOrEqual,
        PropertyOperator::GreaterThan => property_filter::Operator::GreaterThan,
        PropertyOperator::GreaterThanOrEqual => property_filter::Operator::GreaterThanOrEqual,
        PropertyOperator::Equal => property_filter::Operator::Equal,
        PropertyOperator::In => property_filter::Operator::In,
        PropertyOperator::NotEqual => property_filter::Operator::NotEqual,
        PropertyOperator::HasAncestor => property_filter::Operator::HasAncestor,
        PropertyOperator::NotIn => property_filter::Operator::NotIn,
    }
}
