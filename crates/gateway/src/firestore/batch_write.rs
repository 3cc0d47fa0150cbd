//! BatchWrite.

use model::{DatabaseName, Status};
use service::{BatchWrite, Call, Service};
use wire::firestore::{BatchWriteRequest, BatchWriteResponse, WriteResult};

use crate::from_proto::write;
use crate::grpc::frames::Frames;
use crate::to_proto;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: BatchWriteRequest,
) -> Result<Frames, Status> {
    let database = DatabaseName::parse(&request.database)?;
    let writes = request.writes.into_iter().map(|write| write::write(&database, write)).collect();
    let answers = service.batch_write(call, BatchWrite { database, writes }).await?;
    let (write_results, status) = answers
        .iter()
        .map(|answer| match answer {
            Ok(result) => (to_proto::write_result(result), wire::rpc::Status::default()),
            Err(refusal) => (WriteResult::default(), to_proto::status(refusal)),
        })
        .unzip();
    Ok(Frames::message(&BatchWriteResponse { write_results, status }))
}
