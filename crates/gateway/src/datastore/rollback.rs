//! Rollback.

use model::Status;
use service::{Call, Service};
use wire::datastore::RollbackRequest;

use super::from_proto;
use crate::calls::empty;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RollbackRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    if request.transaction.is_empty() {
        return Err(Status::invalid_argument("transaction required"));
    }
    service.rollback_entities(call, &database, &request.transaction).await?;
    Ok(empty())
}
