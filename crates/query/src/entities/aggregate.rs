//! Count, sum and average over the results of a query for entities, several in one pass.
//!
//! A count alone looks no entity up where an index has the query's rows. With sums and averages, only entities that
//! have an indexed value of every aggregated property take part, in every figure; each of an entity's values counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use database::{IndexDefinition, IndexSet, View};
use model::entity::indexed::indexed_values;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityQuery, PropertyOrder,
};
use model::entity::validate::{KEY_PROPERTY, check_property_name};
use model::entity::{EntityValue, body};
use model::query::Direction;
use model::{DatabaseName, Status, Timestamp, Value, limits};

use super::execute::{EntityExecution, Next};
use super::normal::Normal;
use super::plan::{self, EntityPlan, Purpose, Setting};
use crate::aggregate::number::Total;
use crate::damage;
use crate::execute::Found;
use crate::explain::{ExecutionStats, PlanSummary};
use crate::plan::MissingIndex;

/// A checked aggregation query in normal form.
#[derive(Clone, Debug)]
pub struct PreparedEntityAggregation {
    query: Arc<Normal>,
    /// The same in the order of the aggregated properties, as production reads it.
    ordered: Arc<Normal>,
    /// A part of the results depends on their order.
    is_part: bool,
    figures: Vec<EntityAggregation>,
}

/// How an aggregation query is answered.
#[derive(Clone, Debug)]
pub struct EntityAggregationPlan {
    plan: EntityPlan,
    figures: Vec<EntityAggregation>,
}

/// The figures, by alias, in the order they were asked for.
#[derive(Clone, Debug)]
pub struct EntityAggregationResult {
    pub properties: Vec<(String, EntityValue)>,
    pub stats: ExecutionStats,
    pub read_time: Timestamp,
}

/// Checks and normalises.
///
/// # Errors
/// INVALID_ARGUMENT with production's text.
pub fn prepare_entity_aggregation(
    query: &EntityAggregationQuery,
    database: &DatabaseName,
) -> Result<PreparedEntityAggregation, Status> {
    let figures = figures(&query.aggregations)?;
    if query.query.nearest.is_some() {
        return Err(Status::invalid_argument("find_nearest cannot be used in an aggregation query."));
    }
    let is_part = query.query.limit.is_some() || query.query.offset > 0;
    let ordered = Normal::of(&ordered_for(&figures, &query.query), database)?;
    let query = Normal::of(&query.query, database)?;
    Ok(PreparedEntityAggregation { query: Arc::new(query), ordered: Arc::new(ordered), is_part, figures })
}

/// Production reads an index over the aggregated properties, so where no order is asked for, it is theirs.
fn ordered_for(figures: &[EntityAggregation], query: &EntityQuery) -> EntityQuery {
    let mut query = query.clone();
    if query.order.is_empty() && query.distinct_on.is_empty() && query.kind.is_some() {
        let names: BTreeSet<&String> = figures.iter().filter_map(aggregated).collect();
        let order = |name: &String| PropertyOrder { name: name.clone(), direction: Direction::Ascending };
        query.order = names.into_iter().map(order).collect();
    }
    query
}

fn figures(aggregations: &[EntityAggregation]) -> Result<Vec<EntityAggregation>, Status> {
    if aggregations.is_empty() {
        return Err(Status::invalid_argument("Aggregations can not be empty."));
    }
    if aggregations.len() > limits::MAX_AGGREGATIONS {
        return Err(Status::invalid_argument(format!(
            "The maximum number of aggregations allowed in an aggregation query is {}. Received: {}",
            limits::MAX_AGGREGATIONS,
            aggregations.len()
        )));
    }
    let mut aliases = BTreeSet::new();
    let mut unnamed = 0;
    let mut figures = aggregations.to_vec();
    for figure in &mut figures {
        operand(&figure.kind)?;
        if figure.alias.is_empty() {
            unnamed += 1;
            figure.alias = format!("property_{unnamed}");
        } else {
            check_property_name(&figure.alias)?;
        }
        if !aliases.insert(figure.alias.clone()) {
            let message = format!("Aggregation aliases contain duplicate alias: {}.", figure.alias);
            return Err(Status::invalid_argument(message));
        }
    }
    Ok(figures)
}

fn operand(kind: &EntityAggregationKind) -> Result<(), Status> {
    match kind {
        EntityAggregationKind::Count { up_to: Some(up_to) } if *up_to < 0 => Err(Status::invalid_argument(
            "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
        )),
        EntityAggregationKind::Count { .. } => Ok(()),
        EntityAggregationKind::Sum(name) | EntityAggregationKind::Average(name) => match name.as_str() {
            "" => Err(Status::invalid_argument("Empty aggregation field.")),
            KEY_PROPERTY => {
                let message = "Aggregations are not supported for the property: __key__";
                Err(Status::invalid_argument(message))
            }
            _ => Ok(()),
        },
    }
}

impl PreparedEntityAggregation {
    /// Plans the query with these indexes, as they are at `read_time`.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when an index is missing and required.
    pub fn plan(
        &self,
        indexes: &IndexSet,
        read_time: Timestamp,
        missing: MissingIndex,
    ) -> Result<EntityAggregationPlan, Status> {
        let names: BTreeSet<String> = self.figures.iter().filter_map(aggregated).cloned().collect();
        let purpose = if names.is_empty() { Purpose::Count } else { Purpose::Figures };
        let setting = Setting { indexes, read_time, missing };
        let exact = Setting { missing: MissingIndex::Require, ..setting };
        let mut plan = match (plan::plan(&self.ordered, purpose, exact), missing) {
            (Ok(plan), _) => plan,
            (Err(refusal), MissingIndex::Require) => return Err(refusal),
            // All results are the same in any order, so there is nothing to sort.
            (Err(_), MissingIndex::Suggest) if !self.is_part => plan::plan(&self.query, purpose, setting)?,
            (Err(_), MissingIndex::Suggest) => plan::plan(&self.ordered, purpose, setting)?,
        };
        plan.required = names.into_iter().collect();
        Ok(EntityAggregationPlan { plan, figures: self.figures.clone() })
    }
}

fn aggregated(figure: &EntityAggregation) -> Option<&String> {
    match &figure.kind {
        EntityAggregationKind::Count { .. } => None,
        EntityAggregationKind::Sum(name) | EntityAggregationKind::Average(name) => Some(name),
    }
}

impl EntityAggregationPlan {
    /// How the query below is answered.
    pub fn plan(&self) -> &EntityPlan {
        &self.plan
    }

    /// The index that would serve the query, when the plan does without it.
    pub fn suggested(&self) -> Option<&IndexDefinition> {
        self.plan.suggested()
    }

    /// The indexes it reads.
    pub fn summary(&self) -> PlanSummary {
        self.plan.summary()
    }

    /// Computes the figures over a view.
    ///
    /// # Errors
    /// What the view answers; RESOURCE_EXHAUSTED when a sort in memory grows too large.
    pub fn execute(&self, view: &View) -> Result<EntityAggregationResult, Status> {
        let mut execution = self.plan.execute(view);
        let window = self.plan.query.window.clone();
        let end = window.end.as_ref().and_then(|end| end.edge(&self.plan.query.order));
        let most = window.limit.unwrap_or(u64::MAX).min(self.enough());
        let mut totals = vec![Total::default(); self.figures.len()];
        let mut counted = 0;
        let mut skipped = 0;
        while counted < most {
            match execution.next()? {
                Next::End => break,
                Next::Rejected(_) => {}
                Next::Result(row) if end.as_ref().is_some_and(|end| row.key >= *end) => break,
                Next::Result(_) if skipped < window.offset => skipped += 1,
                Next::Result(row) => {
                    counted += 1;
                    self.add(row.found, &mut execution, &mut totals)?;
                }
            }
        }
        let figures = self.figures.iter().zip(&totals);
        let properties =
            figures.map(|(figure, total)| (figure.alias.clone(), value(&figure.kind, total, counted)));
        Ok(EntityAggregationResult {
            properties: properties.collect(),
            stats: ExecutionStats::of_aggregation(execution.run.meter, self.plan.required.is_empty()),
            read_time: execution.read_time(),
        })
    }

    /// How many results suffice: counts that stop need no more.
    fn enough(&self) -> u64 {
        let up_to = self.figures.iter().map(|figure| match figure.kind {
            EntityAggregationKind::Count { up_to: Some(up_to) } => {
                u64::try_from(up_to).expect("checked not to be negative")
            }
            EntityAggregationKind::Count { up_to: None }
            | EntityAggregationKind::Sum(_)
            | EntityAggregationKind::Average(_) => u64::MAX,
        });
        up_to.max().unwrap_or(u64::MAX)
    }

    fn add(&self, found: Found, execution: &mut EntityExecution, totals: &mut [Total]) -> Result<(), Status> {
        if self.plan.required.is_empty() {
            return Ok(());
        }
        let document = execution.entity(found)?;
        let properties = body::decode(&document.body).map_err(damage)?;
        let indexed = indexed_values(&properties);
        for (figure, total) in self.figures.iter().zip(totals) {
            let Some(name) = aggregated(figure) else { continue };
            for value in indexed.get(name.as_str()).into_iter().flatten() {
                match value.as_ref() {
                    EntityValue::Integer(number) => total.add(&Value::Integer(*number)),
                    EntityValue::Double(number) => total.add(&Value::Double(*number)),
                    EntityValue::Timestamp(time) => total.add(&Value::Integer(time.micros())),
                    EntityValue::Null
                    | EntityValue::Boolean(_)
                    | EntityValue::Key(_)
                    | EntityValue::String(_)
                    | EntityValue::Blob(_)
                    | EntityValue::GeoPoint(_)
                    | EntityValue::Entity(_)
                    | EntityValue::Array(_) => {}
                }
            }
        }
        Ok(())
    }
}

fn value(kind: &EntityAggregationKind, total: &Total, counted: u64) -> EntityValue {
    let value = match kind {
        EntityAggregationKind::Count { up_to } => {
            let counted = i64::try_from(counted).unwrap_or(i64::MAX);
            return EntityValue::Integer(up_to.map_or(counted, |up_to| counted.min(up_to)));
        }
        EntityAggregationKind::Sum(_) => total.sum(),
        EntityAggregationKind::Average(_) => total.average(),
    };
    match value {
        Value::Integer(number) => EntityValue::Integer(number),
        Value::Double(number) => EntityValue::Double(number),
        _ => EntityValue::Null,
    }
}
