//! Queries for entities, before any checking or planning.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{EntityValue, Property};
use crate::query::{Direction, DistanceMeasure};

/// Which entities of one namespace, in which order, how many, and what of them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EntityQuery {
    pub namespace: String,
    /// None: entities of every kind.
    pub kind: Option<String>,
    pub filter: Option<EntityFilter>,
    pub order: Vec<PropertyOrder>,
    /// Property names; empty for whole entities. `__key__` alone: keys only.
    pub projection: Vec<String>,
    /// The first result for each combination of these properties.
    pub distinct_on: Vec<String>,
    pub start: Option<Bytes>,
    pub end: Option<Bytes>,
    pub offset: i32,
    pub limit: Option<i32>,
    pub nearest: Option<NearestEntities>,
}

/// A condition on one entity. Property names are as in indexes: a dot reaches into embedded entities.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityFilter {
    And(Vec<EntityFilter>),
    Or(Vec<EntityFilter>),
    Property { name: String, operator: PropertyOperator, value: Property },
}

/// Comparisons of a property with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyOperator {
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    Equal,
    In,
    NotEqual,
    HasAncestor,
    NotIn,
}

/// One column of the order.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyOrder {
    pub name: String,
    pub direction: Direction,
}

/// The nearest entities to a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct NearestEntities {
    pub property: String,
    pub vector: EntityValue,
    pub measure: DistanceMeasure,
    pub limit: i32,
    pub result_property: Option<String>,
    pub threshold: Option<f64>,
}

/// A query and what to compute over its results.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityAggregationQuery {
    pub query: EntityQuery,
    pub aggregations: Vec<EntityAggregation>,
}

/// One figure; an empty alias is named by the server.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityAggregation {
    pub alias: String,
    pub kind: EntityAggregationKind,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityAggregationKind {
    Count { up_to: Option<i64> },
    Sum(String),
    Average(String),
}

/// A query in GQL, with what is bound to its parameters.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GqlQuery {
    pub text: String,
    /// Without it every value must be bound.
    pub allow_literals: bool,
    /// Of `@1`, `@2` and so on.
    pub positional: Vec<GqlParameter>,
    /// Of `@name`.
    pub named: BTreeMap<String, GqlParameter>,
}

/// What a parameter of a GQL query stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum GqlParameter {
    Value(Property),
    Cursor(Bytes),
}

/// What a GQL query asks.
#[derive(Clone, Debug, PartialEq)]
pub enum GqlStatement {
    Query(EntityQuery),
    Aggregation(EntityAggregationQuery),
}
