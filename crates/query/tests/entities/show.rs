//! Queries, values and keys as short text.

use model::entity::query::{
    EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery, GqlStatement, PropertyOperator,
};
use model::entity::{EntityValue, Id, Key, Property};
use model::query::Direction;

pub fn statement(statement: &GqlStatement) -> String {
    match statement {
        GqlStatement::Query(one) => query(one),
        GqlStatement::Aggregation(EntityAggregationQuery { query: one, aggregations }) => {
            let figures = aggregations.iter().map(|figure| {
                let alias = &figure.alias;
                match &figure.kind {
                    EntityAggregationKind::Count { up_to: None } => format!("{alias}=count"),
                    EntityAggregationKind::Count { up_to: Some(n) } => format!("{alias}=count to {n}"),
                    EntityAggregationKind::Sum(name) => format!("{alias}=sum {name}"),
                    EntityAggregationKind::Average(name) => format!("{alias}=avg {name}"),
                }
            });
            format!("{} of {}", figures.collect::<Vec<_>>().join(", "), query(one))
        }
    }
}

pub fn query(query: &EntityQuery) -> String {
    let mut text = query.kind.clone().unwrap_or_else(|| "*".to_owned());
    let mut clause = |word: &str, names: &[String]| {
        if !names.is_empty() {
            text.push_str(&format!(" {word} {}", names.join(",")));
        }
    };
    clause("select", &query.projection);
    clause("distinct", &query.distinct_on);
    clause("where", &query.filter.iter().map(filter).collect::<Vec<_>>());
    let order = query.order.iter().map(|order| match order.direction {
        Direction::Ascending => order.name.clone(),
        Direction::Descending => format!("-{}", order.name),
    });
    clause("order", &order.collect::<Vec<_>>());
    clause("from", &query.start.iter().map(|at| format!("{at:?}")).collect::<Vec<_>>());
    clause("to", &query.end.iter().map(|at| format!("{at:?}")).collect::<Vec<_>>());
    if query.offset != 0 {
        text.push_str(&format!(" offset {}", query.offset));
    }
    query.limit.iter().for_each(|limit| text.push_str(&format!(" limit {limit}")));
    text
}

fn filter(one: &EntityFilter) -> String {
    let all = |filters: &[EntityFilter], word: &str| {
        let parts = filters.iter().map(filter).collect::<Vec<_>>();
        format!("({})", parts.join(word))
    };
    match one {
        EntityFilter::And(filters) => all(filters, " and "),
        EntityFilter::Or(filters) => all(filters, " or "),
        EntityFilter::Property { name, operator, value } => {
            let word = match operator {
                PropertyOperator::LessThan => "<",
                PropertyOperator::LessThanOrEqual => "<=",
                PropertyOperator::GreaterThan => ">",
                PropertyOperator::GreaterThanOrEqual => ">=",
                PropertyOperator::Equal => "=",
                PropertyOperator::In => "in",
                PropertyOperator::NotEqual => "!=",
                PropertyOperator::HasAncestor => "below",
                PropertyOperator::NotIn => "not in",
            };
            format!("{name} {word} {}", property(value))
        }
    }
}

pub fn property(property: &Property) -> String {
    match &property.value {
        EntityValue::Null => "null".to_owned(),
        EntityValue::Boolean(truth) => truth.to_string(),
        EntityValue::Integer(number) => number.to_string(),
        EntityValue::Double(number) => format!("{number:?}"),
        EntityValue::Timestamp(time) => format!("{time:?}"),
        EntityValue::Key(one) => key(one),
        EntityValue::String(text) => format!("{text:?}"),
        EntityValue::Blob(bytes) => format!("{bytes:?}"),
        EntityValue::GeoPoint(point) => format!("({}, {})", point.latitude, point.longitude),
        EntityValue::Entity(entity) => {
            let parts =
                entity.properties.iter().map(|(name, value)| format!("{name}: {}", self::property(value)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        EntityValue::Array(elements) => {
            format!("[{}]", elements.iter().map(self::property).collect::<Vec<_>>().join(", "))
        }
    }
}

pub fn key(key: &Key) -> String {
    let mut text = match &*key.partition.namespace {
        "" => String::new(),
        namespace => format!("{namespace}!"),
    };
    for (n, element) in key.path.iter().enumerate() {
        let slash = if n > 0 { "/" } else { "" };
        let id = match &element.id {
            Some(Id::Number(number)) => number.to_string(),
            Some(Id::Name(name)) => format!("'{name}'"),
            None => "?".to_owned(),
        };
        text.push_str(&format!("{slash}{}:{id}", element.kind));
    }
    text
}
