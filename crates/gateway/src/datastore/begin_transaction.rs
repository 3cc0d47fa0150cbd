//! BeginTransaction.

use model::Status;
use service::{Call, Service};
use wire::datastore::{BeginTransactionRequest, BeginTransactionResponse};

use super::from_proto::{self, read};
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: BeginTransactionRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let mode = read::mode(request.transaction_options)?;
    let transaction = service.begin_for_entities(call, &database, &mode).await?;
    Ok(Frames::message(&BeginTransactionResponse { transaction }))
}
