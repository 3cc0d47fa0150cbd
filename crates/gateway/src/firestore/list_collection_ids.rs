//! ListCollectionIds.

use model::{Parent, Status};
use service::{Call, ListCollectionIds, Service};
use wire::firestore::list_collection_ids_request::ConsistencySelector;
use wire::firestore::{ListCollectionIdsRequest, ListCollectionIdsResponse};

use crate::from_proto::transaction;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: ListCollectionIdsRequest,
) -> Result<Frames, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    let read_time = request.consistency_selector.map(|ConsistencySelector::ReadTime(stamp)| stamp);
    let list = ListCollectionIds {
        database,
        parent,
        page_size: request.page_size,
        page_token: request.page_token,
        at: transaction::time(read_time)?,
    };
    let page = service.list_collection_ids(call, list).await?;
    let next_page_token = page.next_page_token;
    Ok(Frames::message(&ListCollectionIdsResponse { collection_ids: page.ids, next_page_token }))
}
