//! The API boundary: every operation, protocol-neutral. One file for each: authorise, do, result.
//!
//! The journey of a query, as of every read:
//!
//! 1. `Service::run_query` asks what the caller may do (`authorise`) and checks the query (`query::prepare`).
//! 2. `Reader::open` finds the moment to read at, and begins a transaction if one was asked for.
//! 3. `QueryAnswer::next` proves the query by the security rules, for whom they concern, on the very view that it reads.
//!    It executes a bounded part on a blocking thread and gives it out; the next part runs when the caller asks for it, so a
//!    slow client holds no thread.
//!
//! A listener's journey stands in [`watch`]; [`ListenStream`] adds who may ask for what.
//!
//! What stands here knows neither protobuf nor HTTP. It needs tokio's multi-threaded runtime: reads in
//! transactions block where they stand.

mod across;
mod authorise;
mod batch_get;
mod batch_write;
mod blocking;
mod commit;
mod control;
mod create_document;
mod delete_document;
mod door;
mod entities;
mod get_document;
mod list_collection_ids;
mod list_documents;
mod listen;
mod memcache;
mod page_token;
mod partition_query;
mod preconditions;
mod reader;
mod rulesets;
mod run_aggregation;
mod run_query;
mod suggestions;
mod transactions;
mod update_document;
mod write_stream;

use std::sync::Arc;
use std::time::Instant;

use database::{IndexDefinition, Store};
use host::Host;
use identity::Door;
use model::{DatabaseName, Principal, Timestamp};

pub use ::query::entities::{EntityBatch, EntityRow, MoreResults, ResultType, RowContent};
pub use batch_get::{BatchGetAnswer, BatchGetDocuments, GotDocuments};
pub use batch_write::BatchWrite;
pub use commit::Commit;
pub use create_document::CreateDocument;
pub use database::{Concurrency, ReadAt, TransactionMode};
pub use delete_document::DeleteDocument;
pub use door::{AccessToken, Called, Credentials, Refusal, Remembered};
pub use entities::{
    AggregateEntities, Asked, CommitEntities, EntityAnswer, EntityCommitMode, EntityFigures, EntityMoment,
    LookedUp, Lookup, QueryEntities,
};
pub use get_document::GetDocument;
pub use list_collection_ids::{ListCollectionIds, ListedCollectionIds};
pub use list_documents::{ListDocuments, ListedDocuments};
pub use listen::{
    Bloom, ChangedDocument, ListenEvent, ListenStream, Resume, Target, TargetChange, TargetKind,
};
pub use memcache::{
    CacheKey, CacheStats, CacheValue, Cached, Memcache, SetOutcome, SetPolicy, Step, Stepped,
};
pub use partition_query::{Partition, Partitioned};
pub use query::{ExecutionStats, IndexUse, Listed, MissingIndex, PlanSummary};
pub use reader::Consistency;
pub use rules::{Covered, Issue, Observed, Position, Severity, Value as RuleValue};
pub use rulesets::{CoverageReport, RulesOf};
pub use run_aggregation::{AggregationAnswer, RunAggregation};
pub use run_query::{Explain, Explained, QueryAnswer, QueryStep, RunQuery};
pub use update_document::UpdateDocument;
pub use write_stream::{ResumeWrites, WriteAnswer, WriteStream};

/// All operations over one store.
pub struct Service {
    store: Arc<Store>,
    host: Host,
    options: Options,
    door: Arc<Door>,
    authority: Arc<authorise::Authority>,
    work: blocking::Work,
    suggestions: Arc<suggestions::Suggestions>,
    hubs: Arc<watch::Hubs>,
    write_streams: write_stream::WriteStreams,
    memcache: Memcache,
    eventual: entities::Eventual,
    cross_api: bool,
}

/// Policies of the operations.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What becomes of a query whose index is not there.
    pub missing_index: MissingIndex,
}

/// What every call brings besides its request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The moment after which nobody waits for the answer.
    pub deadline: Instant,
    /// Who calls.
    pub principal: Principal,
}

impl Service {
    /// The operations over `store` for development: whoever calls is believed, and until rules are set everybody may do
    /// everything.
    pub fn new(store: Arc<Store>, host: Host, options: Options) -> Self {
        let door = Arc::new(Door::development(host.clone()));
        Self::behind(door, store, host, options)
    }

    /// The operations over `store` for those whom the door lets in. When it verifies callers, end users may do nothing
    /// until rules are set.
    pub fn behind(door: Arc<Door>, store: Arc<Store>, host: Host, options: Options) -> Self {
        let authority = Arc::new(authorise::Authority::new(door.is_development(), host.clone()));
        let suggestions = Arc::<suggestions::Suggestions>::default();
        let noted = suggestions.clone();
        let watching = watch::Options {
            missing_index: options.missing_index,
            suggest: Arc::new(move |database, index| noted.note(database, index)),
        };
        let hubs = watch::Hubs::new(store.clone(), watching);
        let (work, write_streams) = (blocking::Work::new(), write_stream::WriteStreams::default());
        let memcache = Memcache::new(host.clone());
        let eventual = entities::Eventual::new(host.clone(), 1.0);
        Service {
            store,
            host,
            options,
            door,
            authority,
            work,
            suggestions,
            hubs,
            write_streams,
            memcache,
            eventual,
            cross_api: false,
        }
    }

    /// The same, where global queries for entities find only this part (0 to 1) of what was just written, as in the
    /// old Datastore.
    #[must_use]
    pub fn with_datastore_consistency(self, odds: f64) -> Self {
        Service { eventual: entities::Eventual::new(self.host.clone(), odds), ..self }
    }

    /// The indexes that queries would have liked, by database.
    pub fn suggested_indexes(&self) -> Vec<(DatabaseName, IndexDefinition)> {
        self.suggestions.all()
    }

    /// The cache beside the databases.
    pub fn memcache(&self) -> &Memcache {
        &self.memcache
    }

    /// Bytes that nobody can guess: the name of what one client may hold.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        self.host.secret()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.host.now_micros()).unwrap_or(Timestamp::MAX)
    }
}
