//! Count, sum and average over the results of a query, several in one pass.
//!
//! A count alone reads index entries and looks no document up. With sums and averages, only
//! documents that have every aggregated field take part, in every figure: production's scan of the
//! index over those fields finds no others.

pub(crate) mod number;

use database::{IndexDefinition, IndexSet, View};
use model::query::{AggregationKind, AggregationQuery};
use model::{DatabaseName, FieldPath, Status, Timestamp, Value, body};

use crate::execute::Execution;
use crate::explain::{ExecutionStats, PlanSummary};
use crate::normal::Normal;
use crate::plan::{MissingIndex, Plan, Purpose, Setting};
use crate::{check, damage};
use number::Total;

/// A checked aggregation query in normal form.
#[derive(Clone, Debug)]
pub struct PreparedAggregation {
    normal: Normal,
    figures: Vec<Figure>,
}

/// How an aggregation query is answered.
#[derive(Clone, Debug)]
pub struct AggregationPlan {
    plan: Plan,
    figures: Vec<Figure>,
}

/// The figures, by alias, in the order they were asked for.
#[derive(Clone, Debug)]
pub struct AggregationResult {
    pub fields: Vec<(String, Value)>,
    pub stats: ExecutionStats,
    /// The index that would serve the query, when the plan does without it.
    pub suggested: Option<IndexDefinition>,
}

#[derive(Clone, Debug)]
struct Figure {
    alias: String,
    kind: AggregationKind,
}

/// Checks and normalises.
///
/// # Errors
/// INVALID_ARGUMENT with production's text.
pub fn prepare_aggregation(
    query: &AggregationQuery,
    database: &DatabaseName,
) -> Result<PreparedAggregation, Status> {
    let normal = Normal::of(&query.query, database)?;
    let aliases = check::aliases(&query.aggregations)?;
    let kinds = query.aggregations.iter().map(|aggregation| aggregation.kind.clone());
    let figures = aliases.into_iter().zip(kinds).map(|(alias, kind)| Figure { alias, kind }).collect();
    Ok(PreparedAggregation { normal, figures })
}

/// Checks, plans and answers.
///
/// # Errors
/// Those of [`prepare_aggregation`], [`PreparedAggregation::plan`] and [`AggregationPlan::execute`].
pub fn run_aggregation(
    view: &View,
    query: &AggregationQuery,
    missing: MissingIndex,
) -> Result<AggregationResult, Status> {
    let prepared = prepare_aggregation(query, view.database())?;
    prepared.plan(view.indexes(), view.read_time(), missing)?.execute(view)
}

impl PreparedAggregation {
    /// Plans the query; sums and averages ask for their fields in the index.
    ///
    /// # Errors
    /// FAILED_PRECONDITION as for [`crate::Prepared::plan`].
    pub fn plan(
        &self,
        indexes: &IndexSet,
        read_time: Timestamp,
        missing: MissingIndex,
    ) -> Result<AggregationPlan, Status> {
        let kinds: Vec<AggregationKind> = self.figures.iter().map(|figure| figure.kind.clone()).collect();
        let setting = Setting { indexes, read_time, missing };
        let plan = crate::plan::plan(&self.normal, Purpose::Aggregation(&kinds), setting)?;
        Ok(AggregationPlan { plan, figures: self.figures.clone() })
    }
}

impl AggregationPlan {
    /// The plan of the query below the aggregations.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The indexes it reads.
    pub fn summary(&self) -> PlanSummary {
        self.plan.summary()
    }

    /// Answers over a view.
    ///
    /// # Errors
    /// What the view answers.
    pub fn execute(&self, view: &View) -> Result<AggregationResult, Status> {
        let mut rows = Execution::new(&self.plan, view, false);
        let most = self.most_rows();
        let mut count: u64 = 0;
        let mut totals: Vec<(FieldPath, Total)> = Vec::new();
        for figure in &self.figures {
            if let AggregationKind::Sum(path) | AggregationKind::Average(path) = &figure.kind
                && !totals.iter().any(|(listed, _)| listed == path)
            {
                totals.push((path.clone(), Total::default()));
            }
        }
        while most.is_none_or(|most| count < most) {
            let Some(row) = rows.next_row()? else { break };
            count += 1;
            if totals.is_empty() {
                continue;
            }
            let document = rows.document(row)?;
            for (path, total) in &mut totals {
                if let Some(value) = body::find(&document.body, path).map_err(damage)? {
                    total.add(&value);
                }
            }
        }
        let fields = self.figures.iter().map(|figure| (figure.alias.clone(), figure.value(count, &totals)));
        Ok(AggregationResult {
            fields: fields.collect(),
            stats: ExecutionStats::of_aggregation(rows.meter(), totals.is_empty()),
            suggested: self.plan.suggested().cloned(),
        })
    }

    /// How many rows can make a difference: known when every figure is a bounded count.
    fn most_rows(&self) -> Option<u64> {
        let bounds = self.figures.iter().map(|figure| match figure.kind {
            AggregationKind::Count { up_to } => up_to.map(bound),
            AggregationKind::Sum(_) | AggregationKind::Average(_) => None,
        });
        bounds.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }
}

fn bound(up_to: i64) -> u64 {
    u64::try_from(up_to).expect("checked not to be negative")
}

impl Figure {
    fn value(&self, count: u64, totals: &[(FieldPath, Total)]) -> Value {
        let total = |path: &FieldPath| {
            let found = totals.iter().find(|(listed, _)| listed == path);
            &found.expect("every summed field has a total").1
        };
        match &self.kind {
            AggregationKind::Count { up_to } => {
                let counted = up_to.map_or(count, |up_to| count.min(bound(up_to)));
                Value::Integer(i64::try_from(counted).expect("fewer documents than that"))
            }
            AggregationKind::Sum(path) => total(path).sum(),
            AggregationKind::Average(path) => total(path).average(),
        }
    }
}
