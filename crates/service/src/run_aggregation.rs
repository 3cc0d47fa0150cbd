//! Figures over the results of a query.

use std::time::{Duration, Instant};

use bytes::Bytes;
use database::{Mode, View};
use model::query::AggregationQuery;
use model::{DatabaseName, Status, Timestamp, Value};
use query::{AggregationResult, ExecutionStats, PlanSummary};

use crate::authorise::role_to_read;
use crate::blocking::Length;
use crate::reader::{Consistency, Reader};
use crate::run_query::{Explain, Explained, no_plan};
use crate::{Call, Service, across};

/// What to compute, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct RunAggregation {
    pub database: DatabaseName,
    pub query: AggregationQuery,
    pub at: Consistency,
    pub explain: Explain,
}

/// The figures by alias.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationAnswer {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    pub read_time: Timestamp,
    /// None when only the plan was asked for.
    pub fields: Option<Vec<(String, Value)>>,
    pub explained: Option<Explained>,
}

/// What one run gives.
struct Outcome {
    result: Option<AggregationResult>,
    plan: PlanSummary,
    spent: Duration,
}

impl Service {
    /// Answers the figures.
    pub async fn run_aggregation(
        &self,
        call: &Call,
        request: RunAggregation,
    ) -> Result<AggregationAnswer, Status> {
        let RunAggregation { database, query, at, explain } = request;
        let permit = self.permit(call, &database, role_to_read(&at))?;
        permit.reads_at(&at)?;
        permit.explains(explain)?;
        let prepared = query::prepare_aggregation(&query, &database)?;
        let asked = permit.asks(&query.query);
        let (reader, transaction) = Reader::open(self.of_documents(&permit, &database)?, at)?;
        if reader.mode() == Mode::Datastore {
            across::not_explained(explain)?;
            let (missing, suggestions) = (self.options.missing_index, self.suggestions.clone());
            let compute = move |view: &View| across::documents::figures(view, &query, missing, &suggestions);
            let (fields, read_time) = self.work.read(call, &reader, Length::Long, compute).await?;
            return Ok(AggregationAnswer { transaction, read_time, fields: Some(fields), explained: None });
        }
        let missing = self.options.missing_index;
        let suggestions = self.suggestions.clone();
        let compute = move |view: &View| {
            let started = Instant::now();
            asked.prove(view)?;
            let plan = prepared.plan(view.indexes(), view.read_time(), missing);
            let plan = if explain == Explain::Plan { plan.map_err(no_plan)? } else { plan? };
            if let Some(index) = plan.plan().suggested() {
                suggestions.note(view.database(), index);
            }
            let result = if explain == Explain::Plan { None } else { Some(plan.execute(view)?) };
            Ok(Outcome { result, plan: plan.summary(), spent: started.elapsed() })
        };
        let (outcome, read_time) = self.work.read(call, &reader, Length::Long, compute).await?;
        let stats = outcome.result.as_ref().map(|result| (result.stats, outcome.spent));
        let explained = explained(explain, outcome.plan, stats);
        let fields = outcome.result.map(|result| result.fields);
        Ok(AggregationAnswer { transaction, read_time, fields, explained })
    }
}

fn explained(
    explain: Explain,
    plan: PlanSummary,
    ran: Option<(ExecutionStats, Duration)>,
) -> Option<Explained> {
    match explain {
        Explain::No => None,
        Explain::Plan | Explain::Analyze => Some(Explained { plan, ran }),
    }
}
