//! PartitionQuery.

use model::{DocumentName, Parent, Status, Value};
use service::{Call, Partition, Service};
use wire::firestore::partition_query_request::{ConsistencySelector, QueryType};
use wire::firestore::{Cursor, PartitionQueryRequest, PartitionQueryResponse};

use crate::from_proto::{query, transaction};
use crate::grpc::frames::Frames;
use crate::to_proto;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: PartitionQueryRequest,
) -> Result<Frames, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    let Some(QueryType::StructuredQuery(structured)) = request.query_type else {
        return Err(query::only_structured());
    };
    let read_time = request.consistency_selector.map(|ConsistencySelector::ReadTime(stamp)| stamp);
    let partition = Partition {
        database,
        query: query::structured_query(parent, structured)?,
        partition_count: request.partition_count,
        page_size: request.page_size,
        page_token: request.page_token,
        at: transaction::time(read_time)?,
    };
    let page = service.partition_query(call, partition).await?;
    let partitions = page.cursors.into_iter().map(cursor).collect();
    Ok(Frames::message(&PartitionQueryResponse { partitions, next_page_token: page.next_page_token }))
}

fn cursor(name: DocumentName) -> Cursor {
    Cursor { values: vec![to_proto::value(&Value::Reference(name))], before: false }
}
