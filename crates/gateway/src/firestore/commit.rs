//! Commit.

use model::{DatabaseName, Status};
use service::{Call, Commit, Service};
use wire::firestore::CommitRequest;

use crate::from_proto::{transaction, write};
use crate::grpc::frames::Frames;
use crate::to_proto;

pub(super) async fn handle(service: &Service, call: &Call, request: CommitRequest) -> Result<Frames, Status> {
    let database = DatabaseName::parse(&request.database)?;
    let writes = request.writes.into_iter().map(|write| write::write(&database, write));
    let writes = writes.collect::<Result<_, _>>()?;
    let transaction = transaction::token(request.transaction);
    let committed = service.commit(call, Commit { database, writes, transaction }).await?;
    Ok(Frames::message(&to_proto::commit_response(&committed)))
}
