//! `BeginTransaction`, `Commit` and `Rollback`.

use model::Status;
use service::{Concurrency, EntityCommitMode, TransactionMode};

use super::Context;
use crate::appengine::codec::Fixed64;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{
    BeginTransactionRequest, CommitResponse, READ_ONLY, Transaction,
};

/// A transaction may touch any number of entity groups, whatever the client allows itself.
pub(super) async fn begin(
    context: &Context<'_>,
    request: BeginTransactionRequest,
) -> Result<Transaction, Status> {
    let home = Home::of(&request.app, request.database_id.as_deref())?;
    let transactions = &context.held.transactions;
    let mode = if request.mode == Some(READ_ONLY) {
        TransactionMode::ReadOnly { read_time: None }
    } else {
        // What ended too long ago to be known has lost its age, and nothing else.
        let retry = request.previous_transaction.and_then(|before| transactions.ended(before.handle.0));
        TransactionMode::ReadWrite { retry, concurrency: Concurrency::Default }
    };
    let token = context.service.begin_for_entities(context.call, &home.database, &mode).await?;
    let handle = u64::from_le_bytes(context.service.secret());
    if let Err(refusal) = transactions.open(handle, home.clone(), token.clone()) {
        context.service.rollback_entities(context.call, &home.database, &token).await?;
        return Err(refusal);
    }
    Ok(Transaction { handle: Fixed64(handle), app: request.app, database_id: home.database_id() })
}

/// Does all that waited for it.
pub(super) async fn commit(context: &Context<'_>, request: Transaction) -> Result<CommitResponse, Status> {
    let home = home(&request)?;
    let open = context.held.transactions.close(request.handle.0, &home)?;
    let done = context.commit(&home, open.writes, EntityCommitMode::Transaction(open.token)).await?;
    Ok(CommitResponse { commit_time_epoch_micros: Some(done.commit_time.micros()) })
}

/// Forgets all that waited for the commit.
pub(super) async fn rollback(context: &Context<'_>, request: Transaction) -> Result<(), Status> {
    let home = home(&request)?;
    let open = context.held.transactions.close(request.handle.0, &home)?;
    context.service.rollback_entities(context.call, &home.database, &open.token).await
}

fn home(transaction: &Transaction) -> Result<Home, Status> {
    Home::of(&transaction.app, transaction.database_id.as_deref())
}
