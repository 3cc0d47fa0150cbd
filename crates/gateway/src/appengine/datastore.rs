//! `datastore_v3`: the datastore as App Engine's `db` and `ndb` know it.

mod allocate_ids;
mod delete;
mod get;
mod put;
pub(super) mod query;
mod run_query;
mod transaction;

mod open_queries;
mod open_transactions;

use bytes::Bytes;
use model::entity::write::{EntityCommitResult, Mutation, MutationOperation};
use model::{Status, Timestamp};
use service::{Call, CommitEntities, EntityCommitMode, ReadAt, Service};

use super::codec::{self, Nothing};
use super::home::Home;
use super::messages::datastore::{Cursor, Transaction};
use super::refusal::Refusal;
use crate::Gateway;
use open_queries::OpenQueries;
use open_transactions::OpenTransactions;

/// What is kept between the calls of apps.
#[derive(Default)]
pub(super) struct Held {
    transactions: OpenTransactions,
    queries: OpenQueries,
}

/// What every method needs.
struct Context<'a> {
    service: &'a Service,
    held: &'a Held,
    call: &'a Call,
}

/// Answers a call.
pub(super) async fn call(
    gateway: &Gateway,
    call: &Call,
    method: &str,
    request: &[u8],
) -> Result<Bytes, Refusal> {
    let context = Context { service: &gateway.service, held: &gateway.bridge.held, call };
    let answer = match method {
        "Get" => codec::write(&get::run(&context, codec::read(request)?).await?),
        "Put" => codec::write(&put::run(&context, codec::read(request)?).await?),
        "Delete" => codec::write(&delete::run(&context, codec::read(request)?).await?),
        "RunQuery" => codec::write(&run_query::run(&context, codec::read(request)?).await?),
        "Next" => codec::write(&run_query::next(&context, codec::read(request)?).await?),
        "Count" => codec::write(&run_query::count(&context, codec::read(request)?).await?),
        "AllocateIds" => codec::write(&allocate_ids::run(&context, codec::read(request)?).await?),
        "BeginTransaction" => codec::write(&transaction::begin(&context, codec::read(request)?).await?),
        "Commit" => codec::write(&transaction::commit(&context, codec::read(request)?).await?),
        "Rollback" => {
            transaction::rollback(&context, codec::read(request)?).await?;
            codec::write(&Nothing)
        }
        "DeleteCursor" => {
            context.held.queries.forget(codec::read::<Cursor>(request)?.cursor.0);
            codec::write(&Nothing)
        }
        // Composite indexes are not declared on this wire, and writing an entity anew changes nothing.
        "GetIndices" | "Touch" => codec::write(&Nothing),
        _ => return Err(Refusal::no_method("datastore_v3", method)),
    };
    Ok(answer.into())
}

impl Context<'_> {
    /// Does `writes`, in their order.
    async fn commit(
        &self,
        home: &Home,
        writes: Vec<MutationOperation>,
        mode: EntityCommitMode,
    ) -> Result<EntityCommitResult, Status> {
        let mutations = writes.into_iter().map(Mutation::from).collect();
        let commit = CommitEntities { database: home.database.clone(), mutations, mode };
        self.service.commit_entities(self.call, commit).await
    }

    /// When a call reads that names a transaction, a time, or neither.
    fn moment(
        &self,
        home: &Home,
        transaction: Option<&Transaction>,
        read_time: Option<i64>,
    ) -> Result<ReadAt, Status> {
        match (transaction, read_time) {
            (Some(transaction), _) => {
                let token = self.held.transactions.token(transaction.handle.0, home)?;
                Ok(ReadAt::Transaction(token))
            }
            (None, Some(micros)) => {
                let refusal =
                    || Status::invalid_argument("The read time is before year 1 or after year 9999.");
                Timestamp::from_micros(micros).map(ReadAt::Time).ok_or_else(refusal)
            }
            (None, None) => Ok(ReadAt::Now),
        }
    }
}
