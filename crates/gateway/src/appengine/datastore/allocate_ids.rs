//! `AllocateIds`: ids for entities that the app names itself.

use model::Status;

use super::Context;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{AllocateIdsRequest, AllocateIdsResponse};

/// So many ids in a row, all up to a greatest one, or just those of some keys. All kinds share one sequence, so
/// what is allocated for one is not given to another.
pub(super) async fn run(
    context: &Context<'_>,
    request: AllocateIdsRequest,
) -> Result<AllocateIdsResponse, Status> {
    if !request.reserve.is_empty() {
        let home = Home::of_first(&request.reserve)?;
        let keys = home.keys(&request.reserve)?;
        context.service.reserve_ids(context.call, &home.database, &keys).await?;
        return Ok(AllocateIdsResponse::default());
    }
    let model = request.model_key.ok_or_else(|| Status::invalid_argument("model_key is required."))?;
    let database = Home::of_key(&model)?.database;
    match (request.size, request.max) {
        (Some(size), None) => {
            let count =
                u64::try_from(size).map_err(|_| Status::invalid_argument("size must be positive."))?;
            let ids = context.service.allocate_id_range(context.call, &database, count).await?;
            Ok(AllocateIdsResponse { start: *ids.start(), end: *ids.end() })
        }
        (None, Some(max)) => {
            let ids = context.service.reserve_ids_up_to(context.call, &database, max).await?;
            // Where they were all taken already, the range is empty: it ends before it starts.
            let (start, end) = ids.map_or((max.saturating_add(1), max), |ids| (*ids.start(), *ids.end()));
            Ok(AllocateIdsResponse { start, end })
        }
        (Some(_), Some(_)) | (None, None) => Err(Status::invalid_argument("Give either size or max.")),
    }
}
