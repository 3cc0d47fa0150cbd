//! Commit.

use model::Status;
use service::{Call, CommitEntities, EntityCommitMode, Service, TransactionMode};
use wire::datastore::CommitRequest;
use wire::datastore::commit_request::{Mode, TransactionSelector};

use super::from_proto::{self, mutation, read};
use super::to_proto;
use crate::grpc::frames::Frames;

pub(super) async fn handle(service: &Service, call: &Call, request: CommitRequest) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let mode = mode(request.mode, request.transaction_selector)?;
    let mutations = request.mutations.into_iter().map(|one| mutation::mutation(&database, one));
    let mutations = mutations.collect::<Result<_, _>>()?;
    let committed = service.commit_entities(call, CommitEntities { database, mutations, mode }).await?;
    Ok(Frames::message(&to_proto::commit_response(&committed)))
}

/// A transaction and no other way to commit, or the other way round; the first is meant when nothing is said.
fn mode(mode: i32, selector: Option<TransactionSelector>) -> Result<EntityCommitMode, Status> {
    let transactional = match Mode::try_from(mode) {
        Ok(Mode::NonTransactional) => false,
        Ok(Mode::Transactional | Mode::Unspecified) | Err(_) => true,
    };
    match (transactional, selector) {
        (true, Some(TransactionSelector::Transaction(token))) => {
            read::token(token).map(EntityCommitMode::Transaction)
        }
        (true, Some(TransactionSelector::SingleUseTransaction(options))) => {
            match read::mode(Some(options))? {
                TransactionMode::ReadWrite { .. } => Ok(EntityCommitMode::SingleUse),
                TransactionMode::ReadOnly { .. } => {
                    let text = "single_use_transaction in a commit request must be READ_WRITE.";
                    Err(Status::invalid_argument(text))
                }
            }
        }
        (true, None) => Err(Status::invalid_argument("transactional commit requires a transaction")),
        (false, None) => Ok(EntityCommitMode::NonTransactional),
        (false, Some(_)) => {
            Err(Status::invalid_argument("non-transaction commit cannot specify a transaction"))
        }
    }
}
