//! GetDocument.

use model::{DocumentName, Status};
use service::{Call, GetDocument, Service};
use wire::firestore::GetDocumentRequest;

use crate::from_proto::{read_mask, transaction};
use crate::grpc::frames::Frames;
use crate::splice::Splicer;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: GetDocumentRequest,
) -> Result<Frames, Status> {
    let name = DocumentName::parse(&request.name)?;
    let splicer = Splicer::new(&name.database);
    let mask = read_mask(request.mask)?;
    let at = transaction::for_get(request.consistency_selector)?;
    let document = service.get_document(call, GetDocument { name, mask, at }).await?;
    Ok(Frames::one(|out| splicer.push_document(out, &document)))
}
