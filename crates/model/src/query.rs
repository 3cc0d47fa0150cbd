//! Structured queries as the API names them, before any checking or planning.

use crate::{DocumentName, FieldPath, Parent, Value};

/// Which documents, in which order, how many, and which of their fields.
#[derive(Clone, Debug, PartialEq)]
pub struct StructuredQuery {
    pub parent: Parent,
    pub from: Selector,
    pub select: Option<Vec<FieldPath>>,
    pub filter: Option<Filter>,
    pub order_by: Vec<Order>,
    pub start_at: Option<Cursor>,
    pub end_at: Option<Cursor>,
    pub offset: i32,
    pub limit: Option<i32>,
    pub find_nearest: Option<FindNearest>,
}

impl StructuredQuery {
    /// Every document that `from` selects below `parent`.
    pub fn all(parent: Parent, from: Selector) -> Self {
        StructuredQuery {
            parent,
            from,
            select: None,
            filter: None,
            order_by: Vec::new(),
            start_at: None,
            end_at: None,
            offset: 0,
            limit: None,
            find_nearest: None,
        }
    }
}

/// The collections below the parent that are searched.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Selector {
    /// None selects every collection ("kindless").
    pub collection_id: Option<String>,
    /// Not only direct children of the parent, but all below it.
    pub all_descendants: bool,
}

/// A condition on one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Field { path: FieldPath, operator: FieldOperator, value: Value },
    Unary { path: FieldPath, operator: UnaryOperator },
}

/// Comparisons of a field with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOperator {
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    Equal,
    NotEqual,
    ArrayContains,
    In,
    ArrayContainsAny,
    NotIn,
}

/// Tests of a field on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    IsNan,
    IsNull,
    IsNotNan,
    IsNotNull,
}

/// One column of the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub path: FieldPath,
    pub direction: Direction,
}

/// The way a column runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A position in the order: a prefix of the order's columns. At a start, `before` includes the
/// position itself; at an end, `before` excludes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub values: Vec<Value>,
    pub before: bool,
}

/// The nearest documents to a vector, of those that the rest of the query selects.
#[derive(Clone, Debug, PartialEq)]
pub struct FindNearest {
    pub field: FieldPath,
    pub vector: Vec<f64>,
    pub measure: DistanceMeasure,
    pub limit: i32,
    /// A literal field name (dots are not separators) that receives the distance.
    pub result_field: Option<String>,
    pub threshold: Option<f64>,
}

/// How far two vectors are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistanceMeasure {
    Euclidean,
    Cosine,
    DotProduct,
}

/// A query and what to compute over its results.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationQuery {
    pub query: StructuredQuery,
    pub aggregations: Vec<Aggregation>,
}

/// One figure; an empty alias is named by the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    pub alias: String,
    pub kind: AggregationKind,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregationKind {
    /// Stops counting at `up_to`.
    Count {
        up_to: Option<i64>,
    },
    Sum(FieldPath),
    Average(FieldPath),
}

/// A query whose results are to be split into ranges of names.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionQuery {
    pub query: StructuredQuery,
    pub partition_count: i64,
    pub page_size: i32,
    /// The last cursor of the page before.
    pub page_after: Option<DocumentName>,
}

impl Direction {
    /// The other way.
    pub fn reversed(self) -> Self {
        match self {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        }
    }
}
