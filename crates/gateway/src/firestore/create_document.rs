//! CreateDocument.

use model::{Parent, Status, path};
use service::{Call, CreateDocument, Service};
use wire::firestore::CreateDocumentRequest;

use crate::from_proto::{read_mask, value};
use crate::grpc::frames::Frames;
use crate::splice::Splicer;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: CreateDocumentRequest,
) -> Result<Frames, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    path::check_collection_id(&request.collection_id)?;
    let id = (!request.document_id.is_empty()).then_some(request.document_id);
    id.as_deref().map(path::check_document_id).transpose()?;
    let document = request.document.unwrap_or_default();
    if !document.name.is_empty() {
        return Err(Status::invalid_argument("The name of a document to create must not be set."));
    }
    let splicer = Splicer::new(&database);
    let create = CreateDocument {
        database,
        collection: parent.collection(&request.collection_id),
        id,
        fields: value::fields(document.fields)?,
        mask: read_mask(request.mask)?,
    };
    let created = service.create_document(call, create).await?;
    Ok(Frames::one(|out| splicer.push_document(out, &created)))
}
