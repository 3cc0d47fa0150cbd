//! AllocateIds.

use model::Status;
use service::{Call, Service};
use wire::datastore::{AllocateIdsRequest, AllocateIdsResponse};

use super::from_proto::{self, key};
use super::to_proto;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: AllocateIdsRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let keys = request.keys.into_iter().map(|one| key::key(&database, one)).collect();
    let keys = service.allocate_ids(call, &database, keys).await?;
    Ok(Frames::message(&AllocateIdsResponse { keys: keys.iter().map(to_proto::key).collect() }))
}
