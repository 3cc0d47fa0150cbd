//! A query for entities, answered in one bounded batch: the caller goes on from its end with another query.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use database::{Mode, View};
use model::entity::query::{EntityQuery, GqlQuery, GqlStatement};
use model::entity::{Key, Partition};
use model::{DatabaseName, FieldPath, Status, Timestamp};
use query::MissingIndex;
use query::entities::{EntityBatch, EntityPlan, PreparedEntities, RowContent, prepare_entities};

use super::EntityMoment;
use super::lookup::masked;
use crate::blocking::Length;
use crate::reader::{Consistency, Reader};
use crate::run_query::{Explain, Explained, no_plan};
use crate::suggestions::Suggestions;
use crate::{Call, ReadAt, Service, across};

/// What to ask, where, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryEntities {
    pub partition: Partition,
    pub asked: Asked<EntityQuery>,
    /// The properties of whole entities to answer; None for all.
    pub mask: Option<Vec<FieldPath>>,
    pub at: EntityMoment,
    pub explain: Explain,
}

/// A question as it was put.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked<Q> {
    Query(Q),
    Gql(GqlQuery),
}

/// A batch of results.
#[derive(Clone, Debug)]
pub struct EntityAnswer {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    pub read_time: Timestamp,
    /// None when only the plan was asked for.
    pub batch: Option<EntityBatch>,
    /// What GQL was read as.
    pub parsed: Option<EntityQuery>,
    pub explained: Option<Explained>,
}

/// What is to be done.
struct Task {
    prepared: PreparedEntities,
    mask: Option<Vec<FieldPath>>,
    missing: MissingIndex,
    explain: Explain,
    suggestions: Arc<Suggestions>,
}

/// What one run gives.
struct Outcome {
    batch: Option<EntityBatch>,
    /// When it was asked for.
    explained: Option<Explained>,
}

impl Service {
    /// Answers a batch of results.
    pub async fn query_entities(&self, call: &Call, request: QueryEntities) -> Result<EntityAnswer, Status> {
        let QueryEntities { partition, asked, mask, at, explain } = request;
        let name = partition.database_name();
        self.authorise_moment(call, &name, &at)?;
        let (query, parsed) = match asked {
            Asked::Query(query) => (query, None),
            Asked::Gql(gql) => match query::parse_gql(&gql, &partition)? {
                GqlStatement::Query(query) => (query.clone(), Some(query)),
                GqlStatement::Aggregation(_) => {
                    let text = "The GQL query aggregates; run it as an aggregation query.";
                    return Err(Status::invalid_argument(text));
                }
            },
        };
        if mask.is_some() && !query.projection.is_empty() {
            let text = "property masks are not allowed on projection queries";
            return Err(Status::invalid_argument(text));
        }
        let prepared = if self.crosses(&name, Mode::Datastore)? {
            // Cursors of documents are others, and read where they are used.
            prepare_entities(&EntityQuery { start: None, end: None, ..query.clone() }, &name)?
        } else {
            prepare_entities(&query, &name)?
        };
        let at = self.moment_of(&name, || prepared.ancestor(), at);
        let (reader, transaction) = Reader::open(self.of_entities(&name)?, at)?;
        let missing = self.options.missing_index;
        let suggestions = self.suggestions.clone();
        if reader.mode() == Mode::Native {
            across::not_explained(explain)?;
            let run = move |view: &View| {
                let mut batch = across::entities::batch(view, &query, missing, &suggestions)?;
                mask_rows(&mut batch, mask.as_deref(), view.database())?;
                Ok(batch)
            };
            let (batch, read_time) = self.work.read(call, &reader, Length::Long, run).await?;
            return Ok(EntityAnswer { transaction, read_time, batch: Some(batch), parsed, explained: None });
        }
        let task = Task { prepared, mask, missing, explain, suggestions };
        let short = reader.view().filter(|_| task.prepared.wants_few()).and_then(|view| {
            let outcome = self.work.here(view, |view| task.short(view))?;
            Some(outcome.map(|outcome| (outcome, view.read_time())))
        });
        let (Outcome { batch, explained }, read_time) = match short {
            Some(outcome) => outcome?,
            None => {
                let run = move |view: &View| task.run(&task.plan(view)?, view);
                self.work.read(call, &reader, Length::Long, run).await?
            }
        };
        Ok(EntityAnswer { transaction, read_time, batch, parsed, explained })
    }

    /// When a query reads: below an ancestor always the newest state, whatever was asked for.
    pub(super) fn moment_of(
        &self,
        database: &DatabaseName,
        ancestor: impl FnOnce() -> Option<Key>,
        at: EntityMoment,
    ) -> Consistency {
        match at {
            _ if self.eventual.is_strong() => at.strong(),
            EntityMoment::Eventual | EntityMoment::At(ReadAt::Now) => match ancestor() {
                Some(ancestor) => {
                    self.eventual.apply(database, std::iter::once(&ancestor));
                    ReadAt::Now.into()
                }
                None => self.eventual.global(database).into(),
            },
            EntityMoment::At(ReadAt::Time(_) | ReadAt::Transaction(_)) | EntityMoment::NewTransaction(_) => {
                at.strong()
            }
        }
    }
}

impl Task {
    fn plan(&self, view: &View) -> Result<EntityPlan, Status> {
        let plan = self.prepared.plan(view.indexes(), view.read_time(), self.missing);
        let plan = if self.explain == Explain::Plan { plan.map_err(no_plan)? } else { plan? };
        if let Some(index) = plan.suggested() {
            self.suggestions.note(view.database(), index);
        }
        Ok(plan)
    }

    /// The outcome, if the plan is short; None if not.
    fn short(&self, view: &View) -> Result<Option<Outcome>, Status> {
        let plan = self.plan(view)?;
        if plan.is_short() { self.run(&plan, view).map(Some) } else { Ok(None) }
    }

    fn run(&self, plan: &EntityPlan, view: &View) -> Result<Outcome, Status> {
        let explained = |ran| (self.explain != Explain::No).then(|| Explained { plan: plan.summary(), ran });
        if self.explain == Explain::Plan {
            return Ok(Outcome { batch: None, explained: explained(None) });
        }
        let started = Instant::now();
        let mut batch = plan.execute(view).batch()?;
        let ran = Some((batch.stats, started.elapsed()));
        mask_rows(&mut batch, self.mask.as_deref(), view.database())?;
        Ok(Outcome { batch: Some(batch), explained: explained(ran) })
    }
}

fn mask_rows(
    batch: &mut EntityBatch,
    mask: Option<&[FieldPath]>,
    database: &DatabaseName,
) -> Result<(), Status> {
    let Some(mask) = mask else { return Ok(()) };
    for row in &mut batch.rows {
        if let RowContent::Entity(body) = &mut row.content {
            *body = masked(body, &row.key.key(database), mask)?;
        }
    }
    Ok(())
}
