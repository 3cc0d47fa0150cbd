//! Figures over the results of a query for entities.

use std::time::Instant;

use bytes::Bytes;
use database::{Mode, View};
use model::entity::query::{EntityAggregationQuery, GqlStatement};
use model::entity::{EntityValue, Partition};
use model::{Status, Timestamp};
use query::entities::{prepare_entities, prepare_entity_aggregation};

use super::{Asked, EntityMoment};
use crate::blocking::Length;
use crate::reader::Reader;
use crate::run_query::{Explain, Explained, no_plan};
use crate::{Call, Service, across};

/// What to compute, where, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateEntities {
    pub partition: Partition,
    pub asked: Asked<EntityAggregationQuery>,
    pub at: EntityMoment,
    pub explain: Explain,
}

/// The figures by alias.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityFigures {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    pub read_time: Timestamp,
    /// None when only the plan was asked for.
    pub figures: Option<Vec<(String, EntityValue)>>,
    /// What GQL was read as.
    pub parsed: Option<EntityAggregationQuery>,
    pub explained: Option<Explained>,
}

impl Service {
    /// Answers the figures.
    pub async fn aggregate_entities(
        &self,
        call: &Call,
        request: AggregateEntities,
    ) -> Result<EntityFigures, Status> {
        let AggregateEntities { partition, asked, at, explain } = request;
        let name = partition.database_name();
        self.authorise_moment(call, &name, &at)?;
        let (query, parsed) = match asked {
            Asked::Query(query) => (query, None),
            Asked::Gql(gql) => match query::parse_gql(&gql, &partition)? {
                GqlStatement::Aggregation(query) => (query.clone(), Some(query)),
                GqlStatement::Query(_) => {
                    let text = "The GQL query aggregates nothing; run it as a query.";
                    return Err(Status::invalid_argument(text));
                }
            },
        };
        let prepared = prepare_entity_aggregation(&query, &name)?;
        let ancestor = || prepare_entities(&query.query, &name).ok()?.ancestor();
        let at = self.moment_of(&name, ancestor, at);
        let (reader, transaction) = Reader::open(self.of_entities(&name)?, at)?;
        let missing = self.options.missing_index;
        let suggestions = self.suggestions.clone();
        if reader.mode() == Mode::Native {
            across::not_explained(explain)?;
            let compute = move |view: &View| across::entities::aggregate(view, &query, missing, &suggestions);
            let (figures, read_time) = self.work.read(call, &reader, Length::Long, compute).await?;
            return Ok(EntityFigures {
                transaction,
                read_time,
                figures: Some(figures),
                parsed,
                explained: None,
            });
        }
        let compute = move |view: &View| {
            let started = Instant::now();
            let plan = prepared.plan(view.indexes(), view.read_time(), missing);
            let plan = if explain == Explain::Plan { plan.map_err(no_plan)? } else { plan? };
            if let Some(index) = plan.suggested() {
                suggestions.note(view.database(), index);
            }
            let result = if explain == Explain::Plan { None } else { Some(plan.execute(view)?) };
            Ok((result, plan.summary(), started.elapsed()))
        };
        let ((result, plan, spent), read_time) = self.work.read(call, &reader, Length::Long, compute).await?;
        let explained = match explain {
            Explain::No => None,
            Explain::Plan | Explain::Analyze => {
                Some(Explained { plan, ran: result.as_ref().map(|result| (result.stats, spent)) })
            }
        };
        let figures = result.map(|result| result.properties);
        Ok(EntityFigures { transaction, read_time, figures, parsed, explained })
    }
}
