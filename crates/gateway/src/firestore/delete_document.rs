//! DeleteDocument.

use model::{DocumentName, Status};
use service::{Call, DeleteDocument, Service};
use wire::firestore::DeleteDocumentRequest;

use super::empty;
use crate::from_proto::write;
use crate::grpc::frames::Frames;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: DeleteDocumentRequest,
) -> Result<Frames, Status> {
    let name = DocumentName::parse(&request.name)?;
    let precondition = write::precondition(request.current_document)?;
    service.delete_document(call, DeleteDocument { name, precondition }).await?;
    Ok(empty())
}
