//! Queries and aggregations.

use bytes::Bytes;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    NearestEntities, PropertyOperator, PropertyOrder,
};
use model::query::{Direction, DistanceMeasure};
use model::{DatabaseName, Status};
use wire::datastore::aggregation_query::aggregation::Operator as AggregationOperator;
use wire::datastore::aggregation_query::{Aggregation, QueryType};
use wire::datastore::filter::FilterType;
use wire::datastore::{
    self as proto, PropertyReference, composite_filter, find_nearest, property_filter, property_order,
};

use super::value;

/// A query in one namespace of a database.
pub(crate) fn query(
    database: &DatabaseName,
    namespace: &str,
    query: proto::Query,
) -> Result<EntityQuery, Status> {
    let mut kinds = query.kind.into_iter();
    let kind = kinds.next().map(|kind| kind.name);
    if kinds.next().is_some() {
        return Err(Status::invalid_argument("multiple kinds not supported"));
    }
    Ok(EntityQuery {
        namespace: namespace.to_owned(),
        kind,
        filter: query.filter.map(|one| filter(database, one)).transpose()?,
        order: query.order.into_iter().map(order).collect(),
        projection: query.projection.into_iter().map(|one| name(one.property)).collect(),
        distinct_on: query.distinct_on.into_iter().map(|one| one.name).collect(),
        start: cursor(query.start_cursor),
        end: cursor(query.end_cursor),
        offset: query.offset,
        limit: query.limit,
        nearest: query.find_nearest.map(|one| nearest(database, one)).transpose()?,
    })
}

/// A query and what to compute over it.
pub(crate) fn aggregation_query(
    database: &DatabaseName,
    namespace: &str,
    query: proto::AggregationQuery,
) -> Result<EntityAggregationQuery, Status> {
    let Some(QueryType::NestedQuery(nested)) = query.query_type else {
        let text = "one of fields aggregation_query and gql_query must be set";
        return Err(Status::invalid_argument(text));
    };
    Ok(EntityAggregationQuery {
        query: self::query(database, namespace, nested)?,
        aggregations: query.aggregations.into_iter().map(aggregation).collect::<Result<_, _>>()?,
    })
}

fn aggregation(aggregation: Aggregation) -> Result<EntityAggregation, Status> {
    let kind = match aggregation.operator {
        Some(AggregationOperator::Count(count)) => EntityAggregationKind::Count { up_to: count.up_to },
        Some(AggregationOperator::Sum(sum)) => EntityAggregationKind::Sum(name(sum.property)),
        Some(AggregationOperator::Avg(average)) => EntityAggregationKind::Average(name(average.property)),
        None => return Err(Status::invalid_argument("Operator field in Aggregation is not set.")),
    };
    Ok(EntityAggregation { alias: aggregation.alias, kind })
}

fn cursor(bytes: Bytes) -> Option<Bytes> {
    (!bytes.is_empty()).then_some(bytes)
}

fn name(property: Option<PropertyReference>) -> String {
    property.unwrap_or_default().name
}

fn order(order: proto::PropertyOrder) -> PropertyOrder {
    let direction = match property_order::Direction::try_from(order.direction) {
        Ok(property_order::Direction::Descending) => Direction::Descending,
        Ok(property_order::Direction::Ascending | property_order::Direction::Unspecified) | Err(_) => {
            Direction::Ascending
        }
    };
    PropertyOrder { name: name(order.property), direction }
}

/// Recursion is bounded by the reader of messages.
fn filter(database: &DatabaseName, filter: proto::Filter) -> Result<EntityFilter, Status> {
    match filter.filter_type {
        Some(FilterType::CompositeFilter(composite)) => {
            let operator = composite_filter::Operator::try_from(composite.op);
            let filters = composite.filters.into_iter().map(|one| self::filter(database, one));
            let filters = filters.collect::<Result<_, _>>()?;
            match operator {
                Ok(composite_filter::Operator::And) => Ok(EntityFilter::And(filters)),
                Ok(composite_filter::Operator::Or) => Ok(EntityFilter::Or(filters)),
                Ok(composite_filter::Operator::Unspecified) | Err(_) => {
                    Err(Status::invalid_argument("a composite filter must specify an operator"))
                }
            }
        }
        Some(FilterType::PropertyFilter(property)) => property_filter(database, property),
        None => Err(Status::invalid_argument("a filter must have exactly one of its fields set")),
    }
}

fn property_filter(database: &DatabaseName, filter: proto::PropertyFilter) -> Result<EntityFilter, Status> {
    use property_filter::Operator as Wire;
    let name = name(filter.property);
    let operator = match Wire::try_from(filter.op) {
        Ok(Wire::LessThan) => PropertyOperator::LessThan,
        Ok(Wire::LessThanOrEqual) => PropertyOperator::LessThanOrEqual,
        Ok(Wire::GreaterThan) => PropertyOperator::GreaterThan,
        Ok(Wire::GreaterThanOrEqual) => PropertyOperator::GreaterThanOrEqual,
        Ok(Wire::Equal) => PropertyOperator::Equal,
        Ok(Wire::In) => PropertyOperator::In,
        Ok(Wire::NotEqual) => PropertyOperator::NotEqual,
        Ok(Wire::HasAncestor) => PropertyOperator::HasAncestor,
        Ok(Wire::NotIn) => PropertyOperator::NotIn,
        Ok(Wire::Unspecified) | Err(_) => {
            return Err(Status::invalid_argument("a property filter must specify an operator"));
        }
    };
    let value = value::property(database, &name, filter.value.unwrap_or_default())?;
    Ok(EntityFilter::Property { name, operator, value })
}

fn nearest(database: &DatabaseName, nearest: proto::FindNearest) -> Result<NearestEntities, Status> {
    use find_nearest::DistanceMeasure as Wire;
    let measure = match Wire::try_from(nearest.distance_measure) {
        Ok(Wire::Euclidean) => DistanceMeasure::Euclidean,
        Ok(Wire::Cosine) => DistanceMeasure::Cosine,
        Ok(Wire::DotProduct) => DistanceMeasure::DotProduct,
        Ok(Wire::Unspecified) | Err(_) => {
            return Err(Status::invalid_argument("Distance measure must be specified."));
        }
    };
    let property = name(nearest.vector_property);
    let vector = value::property(database, &property, nearest.query_vector.unwrap_or_default())?.value;
    let result_property = nearest.distance_result_property;
    Ok(NearestEntities {
        property,
        vector,
        measure,
        limit: nearest.limit.unwrap_or_default(),
        result_property: (!result_property.is_empty()).then_some(result_property),
        threshold: nearest.distance_threshold,
    })
}
