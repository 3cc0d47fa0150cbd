//! ReserveIds.

use model::Status;
use service::{Call, Service};
use wire::datastore::ReserveIdsRequest;

use super::from_proto::{self, key};
use crate::calls::empty;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: ReserveIdsRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let keys: Vec<_> = request.keys.into_iter().map(|one| key::key(&database, one)).collect();
    service.reserve_ids(call, &database, &keys).await?;
    Ok(empty())
}
