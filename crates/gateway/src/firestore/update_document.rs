//! UpdateDocument.

use model::{DocumentName, Status};
use service::{Call, Service, UpdateDocument};
use wire::firestore::UpdateDocumentRequest;

use super::required;
use crate::from_proto::{read_mask, value, write};
use crate::grpc::frames::Frames;
use crate::splice::Splicer;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: UpdateDocumentRequest,
) -> Result<Frames, Status> {
    let document = required(request.document, "document")?;
    let name = DocumentName::parse(&document.name)?;
    let splicer = Splicer::new(&name.database);
    let update = UpdateDocument {
        name,
        fields: value::fields(document.fields)?,
        update_mask: request.update_mask.map(write::update_mask).transpose()?,
        precondition: write::precondition(request.current_document)?,
        mask: read_mask(request.mask)?,
    };
    let updated = service.update_document(call, update).await?;
    Ok(Frames::one(|out| splicer.push_document(out, &updated)))
}
