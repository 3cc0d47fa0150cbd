//! Rollback.

use model::{DatabaseName, Status};
use service::{Call, Service};
use wire::firestore::RollbackRequest;

use super::empty;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RollbackRequest,
) -> Result<Frames, Status> {
    let database = DatabaseName::parse(&request.database)?;
    service.rollback(call, &database, &request.transaction).await?;
    Ok(empty())
}
