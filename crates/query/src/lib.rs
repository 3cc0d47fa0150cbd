//! Queries: normalise, plan, explain, execute.
//!
//! The journey of a RunQuery:
//!
//! 1. [`prepare`] checks the query as production does (`check::query`) and brings it into normal
//!    form (`Normal::of`): disjuncts of value sets, a complete order, cursors as cuts in keys.
//! 2. [`Prepared::plan`] looks for indexes (`Chooser::exact`) and makes a [`Plan`], a tree that
//!    prints itself; a missing index is an error or a suggestion, as [`MissingIndex`] says.
//! 3. [`Plan::execute`] opens the tree over a [`database::View`]; [`Execution::next`] pulls one
//!    document at a time, reading what that document needs and no more.
//!
//! [`run_query`] and [`run_aggregation`] do all of it. Listeners make a [`Matcher`] of the first step's
//! outcome, and ask it about one document at a time. This room knows no wire and no principals; inside a
//! transaction the same code runs on a view that records its reads.

mod aggregate;
mod check;
mod dnf;
pub mod entities;
mod execute;
mod explain;
mod gql;
mod list;
mod matcher;
mod normal;
mod partition;
mod plan;
mod source;
mod span;

pub use aggregate::{
    AggregationPlan, AggregationResult, PreparedAggregation, prepare_aggregation, run_aggregation,
};
pub use execute::Execution;
pub use explain::{ExecutionStats, IndexUse, PlanSummary};
pub use gql::parse_gql;
pub use list::{ListPage, ListQuery, Listed, list_documents, parse_order_by};
pub use matcher::{Anchor, AnchoredValues, Filing, Matcher, anchored_values};
pub use partition::{Partitions, partition};
pub use plan::{MissingIndex, Plan};

use database::{IndexSet, View};
use model::body::BodyError;
use model::query::StructuredQuery;
use model::{DatabaseName, Status, Timestamp};

use normal::Normal;
use plan::{Purpose, Setting};

/// A checked query in normal form; it needs no view yet.
#[derive(Clone, Debug)]
pub struct Prepared(Normal);

/// A query that is being answered.
pub struct QueryOutcome {
    /// How; with the index to add, if one is missing.
    pub plan: Plan,
    pub documents: Execution,
}

/// Checks and normalises a query on `database`.
///
/// # Errors
/// INVALID_ARGUMENT with production's text; FAILED_PRECONDITION for a query vector without a
/// cosine distance.
pub fn prepare(query: &StructuredQuery, database: &DatabaseName) -> Result<Prepared, Status> {
    Normal::of(query, database).map(Prepared)
}

impl Prepared {
    /// True when few results are asked for: only then can its plan be short.
    pub fn wants_few(&self) -> bool {
        plan::is_few(self.0.offset, self.0.limit)
    }

    /// Plans the query with these indexes, as they are at `read_time`.
    ///
    /// # Errors
    /// FAILED_PRECONDITION with production's text and link, when an index is missing and
    /// [`MissingIndex::Require`] asks for it.
    pub fn plan(
        &self,
        indexes: &IndexSet,
        read_time: Timestamp,
        missing: MissingIndex,
    ) -> Result<Plan, Status> {
        plan::plan(&self.0, Purpose::Documents, Setting { indexes, read_time, missing })
    }
}

impl Plan {
    /// Starts answering over a view, whose indexes the plan was made with.
    pub fn execute(&self, view: &View) -> Execution {
        Execution::new(self, view, false)
    }

    /// The same for "explain analyze": looks one row beyond the limit, which production counts.
    pub fn analyze(&self, view: &View) -> Execution {
        Execution::new(self, view, true)
    }
}

/// Checks, plans and starts a query.
///
/// # Errors
/// Those of [`prepare`] and [`Prepared::plan`].
pub fn run_query(
    view: &View,
    query: &StructuredQuery,
    missing: MissingIndex,
) -> Result<QueryOutcome, Status> {
    let plan = prepare(query, view.database())?.plan(view.indexes(), view.read_time(), missing)?;
    let documents = plan.execute(view);
    Ok(QueryOutcome { plan, documents })
}

/// A stored body that does not decode.
fn damage(error: BodyError) -> Status {
    Status::internal(format!("A stored document is damaged: {error}."))
}
