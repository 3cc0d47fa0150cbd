//! The methods of `google.datastore.v1.Datastore`: a file for each, and the table that finds it.
//!
//! As for Firestore: parse (`from_proto`), call the `service`, wrap. Stored entities go out through `splice`,
//! around their bytes; all else through `to_proto`.

mod allocate_ids;
mod begin_transaction;
mod commit;
mod from_proto;
mod lookup;
mod reserve_ids;
mod rollback;
mod run_aggregation_query;
mod run_query;
mod splice;
mod to_proto;

use bytes::Bytes;
use model::Status;
use service::{Call, Service};
use wire::methods::Method;

use crate::calls::{read, unimplemented};
use crate::grpc::frames::Frames;
pub(crate) use from_proto::database;

/// Answers a call of `method` with the message `bytes`.
pub(crate) async fn handle(
    service: &Service,
    call: &Call,
    method: Method,
    bytes: Bytes,
) -> Result<Frames, Status> {
    match method {
        Method::Lookup => lookup::handle(service, call, read(bytes)?).await,
        Method::QueryEntities => Box::pin(run_query::handle(service, call, read(bytes)?)).await,
        Method::AggregateEntities => {
            Box::pin(run_aggregation_query::handle(service, call, read(bytes)?)).await
        }
        Method::BeginForEntities => begin_transaction::handle(service, call, read(bytes)?).await,
        Method::CommitEntities => commit::handle(service, call, read(bytes)?).await,
        Method::RollbackEntities => rollback::handle(service, call, read(bytes)?).await,
        Method::AllocateIds => allocate_ids::handle(service, call, read(bytes)?).await,
        Method::ReserveIds => reserve_ids::handle(service, call, read(bytes)?).await,
        // Those of the other service go to `firestore`.
        Method::GetDocument
        | Method::ListDocuments
        | Method::CreateDocument
        | Method::UpdateDocument
        | Method::DeleteDocument
        | Method::BatchGetDocuments
        | Method::BeginTransaction
        | Method::Commit
        | Method::Rollback
        | Method::RunQuery
        | Method::RunAggregationQuery
        | Method::ExecutePipeline
        | Method::PartitionQuery
        | Method::Write
        | Method::Listen
        | Method::ListCollectionIds
        | Method::BatchWrite => Err(unimplemented(method)),
    }
}
