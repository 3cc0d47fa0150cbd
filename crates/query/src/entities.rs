//! Queries for entities: check, normalise, plan, execute in batches; aggregations, cursors, metadata.
//!
//! The journey of a RunQuery of the Datastore API:
//!
//! 1. [`prepare_entities`] checks the query as production does (`check::query`) and brings it into normal form
//!    (`Normal::of`): disjuncts of pinned values and ranges, a complete order, cursors as positions in it.
//! 2. [`PreparedEntities::plan`] looks for indexes and makes an [`EntityPlan`], a tree that prints itself; a missing
//!    index is an error or a suggestion, as [`MissingIndex`] says.
//! 3. [`EntityPlan::execute`] opens it over a [`database::View`]; [`EntityExecution::batch`] answers one bounded
//!    batch. The next one is a query of its own, from the batch's end cursor on: nothing is kept in between.
//!
//! The reads are those of documents (`crate::execute`): entities are rows of the same spaces. What differs is which
//! rows are results, and the order of values: see [`normal`] and [`place`].

mod aggregate;
mod batch;
mod check;
mod cursor;
mod execute;
mod explain;
mod metadata;
mod nearest;
mod normal;
mod place;
mod plan;

pub use aggregate::{
    EntityAggregationPlan, EntityAggregationResult, PreparedEntityAggregation, prepare_entity_aggregation,
};
pub use batch::{EntityBatch, EntityRow, MoreResults, ResultType, RowContent};
pub use execute::EntityExecution;
pub use plan::{EntityPlan, index_yaml};

use std::sync::Arc;

use database::{IndexSet, View};
use model::entity::query::EntityQuery;
use model::{DatabaseName, Status, Timestamp};

use crate::plan::MissingIndex;
use normal::Normal;
use plan::{Purpose, Setting};

/// A checked query for entities in normal form; it needs no view yet.
#[derive(Clone, Debug)]
pub struct PreparedEntities(Arc<Normal>);

/// Checks and normalises a query for entities of `database`, whose namespace the query names.
///
/// # Errors
/// INVALID_ARGUMENT with production's text, also for a cursor that is of another query.
pub fn prepare_entities(query: &EntityQuery, database: &DatabaseName) -> Result<PreparedEntities, Status> {
    Normal::of(query, database).map(|normal| PreparedEntities(Arc::new(normal)))
}

impl PreparedEntities {
    /// True when few results are asked for: only then can its plan be short.
    pub fn wants_few(&self) -> bool {
        plan::wants_few(&self.0)
    }

    /// Plans the query with these indexes, as they are at `read_time`.
    ///
    /// # Errors
    /// FAILED_PRECONDITION with production's text and the index to declare, when one is missing and
    /// [`MissingIndex::Require`] asks for it.
    pub fn plan(
        &self,
        indexes: &IndexSet,
        read_time: Timestamp,
        missing: MissingIndex,
    ) -> Result<EntityPlan, Status> {
        plan::plan(&self.0, Purpose::Results, Setting { indexes, read_time, missing })
    }

    /// What its results hold.
    pub fn result_type(&self) -> ResultType {
        ResultType::of(&self.0.output)
    }

    /// The key that all results are, or lie below, if the query names one: who reads one entity group.
    pub fn ancestor(&self) -> Option<model::entity::Key> {
        let path = self.0.source.ancestor.as_ref()?;
        model::entity::Key::of_document_path(&self.0.database, path)
    }
}

impl EntityPlan {
    /// Starts answering over a view, whose indexes the plan was made with.
    pub fn execute(&self, view: &View) -> EntityExecution {
        EntityExecution::new(self, view)
    }
}

/// Checks, plans and answers one batch.
///
/// # Errors
/// Those of [`prepare_entities`], [`PreparedEntities::plan`] and [`EntityExecution::batch`].
pub fn run_entity_query(
    view: &View,
    query: &EntityQuery,
    missing: MissingIndex,
) -> Result<(EntityPlan, EntityBatch), Status> {
    let plan = prepare_entities(query, view.database())?.plan(view.indexes(), view.read_time(), missing)?;
    let batch = plan.execute(view).batch()?;
    Ok((plan, batch))
}
