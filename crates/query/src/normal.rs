//! A query in normal form: what the planner works on.
//!
//! - the filter is a list of disjuncts; each holds, for each field, the set of values it accepts;
//! - the order is complete: explicit orders, then the fields of inequalities, then the name;
//! - cursors are cuts in the order's keys;
//! - what can never match (`== null`, `< NaN`, `a = 1 and a = 2`) is gone.
//!
//! A *key* is the position of a document in the query's order: the encoded value of each order
//! column, inverted where the column descends, and the name at the end. Keys compare as bytes.

mod condition;
mod cut;
mod disjunct;
mod order;

pub(crate) use condition::{Condition, Operator, ShowValue};
pub(crate) use cut::{Cut, Edge, KeyPart, Tail, encoded};
pub(crate) use disjunct::{Constraint, Disjunct};

use model::query::{FindNearest, Order, StructuredQuery};
use model::{DatabaseName, FieldPath, Status};

use crate::check;
use crate::source::Source;

/// A checked query in normal form.
#[derive(Clone, Debug)]
pub(crate) struct Normal {
    pub database: DatabaseName,
    pub source: Source,
    /// What matches is what any of these accepts; with none, nothing does.
    pub disjuncts: Vec<Disjunct>,
    /// Complete; the last one is the name.
    pub order: Vec<Order>,
    /// The query itself orders by name, so nothing can come before it.
    pub(crate) name_is_explicit: bool,
    pub start: Option<Cut>,
    pub end: Option<Cut>,
    pub offset: u64,
    pub limit: Option<u64>,
    /// None: whole documents.
    pub select: Option<Vec<FieldPath>>,
    pub nearest: Option<FindNearest>,
    /// More than one field is under an inequality: the missing-index error says so.
    pub several_inequalities: bool,
}

impl Normal {
    /// Checks and normalises.
    pub fn of(query: &StructuredQuery, database: &DatabaseName) -> Result<Self, Status> {
        let leaves = check::query(query, database)?;
        let source = Source::of(query);
        let (order, several_inequalities) = order::complete(&query.order_by, &leaves);
        let disjuncts = leaves.iter().filter_map(|leaves| Disjunct::of(leaves, &source)).collect();
        let cut = |cursor: &Option<_>| cursor.as_ref().and_then(|at| Cut::at(at, &order, &source));
        let name_is_explicit = query.order_by.iter().any(|order| order.path.is_document_name());
        Ok(Normal {
            name_is_explicit,
            database: database.clone(),
            disjuncts,
            start: cut(&query.start_at),
            end: cut(&query.end_at),
            offset: u64::try_from(query.offset).expect("checked not to be negative"),
            limit: query.limit.map(|limit| u64::try_from(limit).expect("checked not to be negative")),
            select: query.select.clone().filter(|fields| !fields.is_empty()),
            nearest: query.find_nearest.clone(),
            order,
            source,
            several_inequalities,
        })
    }

    /// The query with more columns in its order, just before the name: an index for it holds only
    /// documents that have them. Unchanged when the query itself orders by name.
    pub fn with_columns(&self, fields: &[FieldPath]) -> Self {
        let mut widened = self.clone();
        if self.name_is_explicit {
            return widened;
        }
        let name = widened.order.pop().expect("an order ends with the name");
        for path in fields {
            if !widened.order.iter().any(|order| order.path == *path) {
                widened.order.push(Order { path: path.clone(), direction: name.direction });
            }
        }
        widened.order.push(name);
        widened
    }
}
