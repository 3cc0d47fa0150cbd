//! Structured queries. What a query may ask is for the `query` room to check; here only what the
//! domain types cannot say is refused.

use model::query::{
    Aggregation, AggregationKind, AggregationQuery, Cursor, Direction, DistanceMeasure, FieldOperator,
    Filter, FindNearest, Order, Selector, StructuredQuery, UnaryOperator,
};
use model::{FieldPath, Parent, Status, Value};
use wire::firestore::structured_aggregation_query::{
    Aggregation as ProtoAggregation, QueryType, aggregation::Operator,
};
use wire::firestore::structured_query::{
    self as proto, composite_filter, field_filter, filter::FilterType, find_nearest, unary_filter,
};

/// A query below `parent`.
pub(crate) fn structured_query(
    parent: Parent,
    query: wire::firestore::StructuredQuery,
) -> Result<StructuredQuery, Status> {
    Ok(StructuredQuery {
        parent,
        from: selector(query.from)?,
        select: query.select.map(projection).transpose()?.flatten(),
        filter: query.r#where.map(filter).transpose()?,
        order_by: query.order_by.into_iter().map(order).collect::<Result<_, _>>()?,
        start_at: query.start_at.map(cursor).transpose()?,
        end_at: query.end_at.map(cursor).transpose()?,
        offset: query.offset,
        limit: query.limit,
        find_nearest: query.find_nearest.map(nearest).transpose()?,
    })
}

/// An aggregation query below `parent`.
pub(crate) fn aggregation_query(
    parent: Parent,
    query: wire::firestore::StructuredAggregationQuery,
) -> Result<AggregationQuery, Status> {
    let Some(QueryType::StructuredQuery(structured)) = query.query_type else {
        return Err(only_structured());
    };
    let query_part = structured_query(parent, structured)?;
    let aggregations = query.aggregations.into_iter().map(aggregation).collect::<Result<_, _>>()?;
    Ok(AggregationQuery { query: query_part, aggregations })
}

/// Production's answer to a request without a query.
pub(crate) fn only_structured() -> Status {
    Status::invalid_argument("only structured queries are supported")
}

fn selector(from: Vec<proto::CollectionSelector>) -> Result<Selector, Status> {
    let mut from = from.into_iter();
    let first = from.next().unwrap_or_default();
    if from.next().is_some() {
        return Err(Status::invalid_argument(
            "StructuredQuery.from cannot have more than one collection selector.",
        ));
    }
    let collection_id = (!first.collection_id.is_empty()).then_some(first.collection_id);
    Ok(Selector { collection_id, all_descendants: first.all_descendants })
}

/// A projection that names no fields is none.
fn projection(projection: proto::Projection) -> Result<Option<Vec<FieldPath>>, Status> {
    if projection.fields.is_empty() {
        return Ok(None);
    }
    projection.fields.into_iter().map(|field| path(Some(field))).collect::<Result<_, _>>().map(Some)
}

fn path(field: Option<proto::FieldReference>) -> Result<FieldPath, Status> {
    let path = FieldPath::parse(&field.unwrap_or_default().field_path)?;
    path.check_not_reserved()?;
    Ok(path)
}

fn filter(filter: proto::Filter) -> Result<Filter, Status> {
    match filter.filter_type {
        Some(FilterType::CompositeFilter(composite)) => composite_filter(composite),
        Some(FilterType::FieldFilter(field)) => field_filter(field),
        Some(FilterType::UnaryFilter(unary)) => unary_filter(unary),
        None => Err(Status::invalid_argument("Unsupported filter type.")),
    }
}

fn composite_filter(composite: proto::CompositeFilter) -> Result<Filter, Status> {
    let filters = |composite: proto::CompositeFilter| {
        composite.filters.into_iter().map(filter).collect::<Result<_, _>>()
    };
    match composite_filter::Operator::try_from(composite.op) {
        Ok(composite_filter::Operator::And) => Ok(Filter::And(filters(composite)?)),
        Ok(composite_filter::Operator::Or) => Ok(Filter::Or(filters(composite)?)),
        Ok(composite_filter::Operator::Unspecified) | Err(_) => {
            Err(Status::invalid_argument("Unsupported CompositeFilter operator."))
        }
    }
}

fn field_filter(field: proto::FieldFilter) -> Result<Filter, Status> {
    use field_filter::Operator;
    let operator = match Operator::try_from(field.op) {
        Ok(Operator::LessThan) => FieldOperator::LessThan,
        Ok(Operator::LessThanOrEqual) => FieldOperator::LessThanOrEqual,
        Ok(Operator::GreaterThan) => FieldOperator::GreaterThan,
        Ok(Operator::GreaterThanOrEqual) => FieldOperator::GreaterThanOrEqual,
        Ok(Operator::Equal) => FieldOperator::Equal,
        Ok(Operator::NotEqual) => FieldOperator::NotEqual,
        Ok(Operator::ArrayContains) => FieldOperator::ArrayContains,
        Ok(Operator::In) => FieldOperator::In,
        Ok(Operator::ArrayContainsAny) => FieldOperator::ArrayContainsAny,
        Ok(Operator::NotIn) => FieldOperator::NotIn,
        Ok(Operator::Unspecified) | Err(_) => {
            return Err(Status::invalid_argument("Unknown FieldFilter operator."));
        }
    };
    Ok(Filter::Field { path: path(field.field)?, operator, value: super::value::value(field.value)? })
}

fn unary_filter(unary: proto::UnaryFilter) -> Result<Filter, Status> {
    use unary_filter::Operator;
    let operator = match Operator::try_from(unary.op) {
        Ok(Operator::IsNan) => UnaryOperator::IsNan,
        Ok(Operator::IsNull) => UnaryOperator::IsNull,
        Ok(Operator::IsNotNan) => UnaryOperator::IsNotNan,
        Ok(Operator::IsNotNull) => UnaryOperator::IsNotNull,
        Ok(Operator::Unspecified) | Err(_) => {
            return Err(Status::invalid_argument("Unknown UnaryFilter operator."));
        }
    };
    let field = unary.operand_type.map(|unary_filter::OperandType::Field(field)| field);
    Ok(Filter::Unary { path: path(field)?, operator })
}

fn order(order: proto::Order) -> Result<Order, Status> {
    let direction = match proto::Direction::try_from(order.direction) {
        Ok(proto::Direction::Descending) => Direction::Descending,
        Ok(proto::Direction::Ascending | proto::Direction::Unspecified) | Err(_) => Direction::Ascending,
    };
    Ok(Order { path: path(order.field)?, direction })
}

fn cursor(cursor: wire::firestore::Cursor) -> Result<Cursor, Status> {
    let values = cursor.values.into_iter().map(|value| super::value::value(Some(value)));
    Ok(Cursor { values: values.collect::<Result<_, _>>()?, before: cursor.before })
}

fn nearest(nearest: proto::FindNearest) -> Result<FindNearest, Status> {
    let Value::Vector(vector) = super::value::value(nearest.query_vector)? else {
        return Err(Status::invalid_argument("FindNearest.query_vector must be a vector."));
    };
    let measure = match find_nearest::DistanceMeasure::try_from(nearest.distance_measure) {
        Ok(find_nearest::DistanceMeasure::Euclidean) => DistanceMeasure::Euclidean,
        Ok(find_nearest::DistanceMeasure::Cosine) => DistanceMeasure::Cosine,
        Ok(find_nearest::DistanceMeasure::DotProduct) => DistanceMeasure::DotProduct,
        Ok(find_nearest::DistanceMeasure::Unspecified) | Err(_) => {
            return Err(Status::invalid_argument("Unknown Distance Measure."));
        }
    };
    let result_field = nearest.distance_result_field;
    Ok(FindNearest {
        field: path(nearest.vector_field)?,
        vector,
        measure,
        // Zero is refused with production's text, like every limit outside 1..=1000.
        limit: nearest.limit.unwrap_or(0),
        result_field: (!result_field.is_empty()).then_some(result_field),
        threshold: nearest.distance_threshold,
    })
}

fn aggregation(aggregation: ProtoAggregation) -> Result<Aggregation, Status> {
    let kind = match aggregation.operator {
        Some(Operator::Count(count)) => AggregationKind::Count { up_to: count.up_to },
        Some(Operator::Sum(sum)) => AggregationKind::Sum(path(sum.field)?),
        Some(Operator::Avg(average)) => AggregationKind::Average(path(average.field)?),
        None => return Err(Status::invalid_argument("Operator field in Aggregation is not set.")),
    };
    Ok(Aggregation { alias: aggregation.alias, kind })
}
