//! The methods of `google.firestore.v1.Firestore`: a file for each, and the table that finds it.

mod batch_get_documents;
mod batch_write;
mod begin_transaction;
mod commit;
mod create_document;
mod delete_document;
pub(crate) mod explain;
mod get_document;
mod list_collection_ids;
mod list_documents;
pub(crate) mod listen;
mod partition_query;
mod rollback;
mod run_aggregation_query;
mod run_query;
mod update_document;
pub(crate) mod write;

use bytes::Bytes;
use model::Status;
use service::{Call, Service};
use wire::methods::Method;

use crate::calls::{empty, read, unimplemented};
use crate::grpc::answer::Answer;

/// Answers a call of `method` with the message `bytes`.
pub(crate) async fn handle(
    service: &Service,
    call: &Call,
    method: Method,
    bytes: Bytes,
) -> Result<Answer, Status> {
    // The futures of long reads are large; boxed, they do not make those of all others large, which
    // are moved and zeroed for every call.
    let whole = match method {
        Method::BatchGetDocuments => return batch_get_documents::handle(service, call, read(bytes)?).await,
        Method::RunQuery => return Box::pin(run_query::handle(service, call, read(bytes)?)).await,
        Method::RunAggregationQuery => {
            Box::pin(run_aggregation_query::handle(service, call, read(bytes)?)).await
        }
        Method::GetDocument => get_document::handle(service, call, read(bytes)?).await,
        Method::ListDocuments => Box::pin(list_documents::handle(service, call, read(bytes)?)).await,
        Method::CreateDocument => create_document::handle(service, call, read(bytes)?).await,
        Method::UpdateDocument => update_document::handle(service, call, read(bytes)?).await,
        Method::DeleteDocument => delete_document::handle(service, call, read(bytes)?).await,
        Method::BeginTransaction => begin_transaction::handle(service, call, read(bytes)?).await,
        Method::Commit => commit::handle(service, call, read(bytes)?).await,
        Method::Rollback => rollback::handle(service, call, read(bytes)?).await,
        Method::PartitionQuery => Box::pin(partition_query::handle(service, call, read(bytes)?)).await,
        Method::ListCollectionIds => Box::pin(list_collection_ids::handle(service, call, read(bytes)?)).await,
        Method::BatchWrite => batch_write::handle(service, call, read(bytes)?).await,
        // The last two are conversations, and never come here.
        Method::ExecutePipeline | Method::Write | Method::Listen => return Err(unimplemented(method)),
        // Those of the other service go to `datastore`.
        Method::Lookup
        | Method::QueryEntities
        | Method::AggregateEntities
        | Method::BeginForEntities
        | Method::CommitEntities
        | Method::RollbackEntities
        | Method::AllocateIds
        | Method::ReserveIds => return Err(unimplemented(method)),
    };
    whole.map(Answer::Whole)
}

/// A request's field that must be there.
fn required<T>(field: Option<T>, name: &str) -> Result<T, Status> {
    field.ok_or_else(|| Status::invalid_argument(format!("The request must have the field `{name}`.")))
}
