//! BeginTransaction.

use model::{DatabaseName, Status};
use service::{Call, Concurrency, Service, TransactionMode};
use wire::firestore::{BeginTransactionRequest, BeginTransactionResponse};

use crate::from_proto::transaction;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: BeginTransactionRequest,
) -> Result<Frames, Status> {
    let database = DatabaseName::parse(&request.database)?;
    let usual = TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default };
    let mode = transaction::mode(request.options, usual)?;
    let transaction = service.begin_transaction(call, &database, &mode).await?;
    Ok(Frames::message(&BeginTransactionResponse { transaction }))
}
