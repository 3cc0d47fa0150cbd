//! ListDocuments.

use model::{Parent, Status};
use prost::encoding;
use service::{Call, ListDocuments, Listed, ListedDocuments, Service};
use wire::firestore::ListDocumentsRequest;

use crate::from_proto::{read_mask, transaction};
use crate::grpc::frames::Frames;
use crate::splice::Splicer;

const DOCUMENTS: u32 = 1;
const NEXT_PAGE_TOKEN: u32 = 2;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: ListDocumentsRequest,
) -> Result<Frames, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    let splicer = Splicer::new(&database);
    let list = ListDocuments {
        database,
        parent,
        collection_id: (!request.collection_id.is_empty()).then_some(request.collection_id),
        order_by: request.order_by,
        mask: read_mask(request.mask)?,
        show_missing: request.show_missing,
        page_size: request.page_size,
        page_token: request.page_token,
        at: transaction::for_list(request.consistency_selector)?,
    };
    let page = service.list_documents(call, list).await?;
    Ok(Frames::one(|out| push(out, &splicer, &page)))
}

fn push(out: &mut Vec<u8>, splicer: &Splicer, page: &ListedDocuments) {
    for listed in &page.documents {
        match listed {
            Listed::Document(document) => splicer.push_document_field(out, DOCUMENTS, document),
            Listed::Missing(path) => splicer.push_bare_document_field(out, DOCUMENTS, path),
        }
    }
    if !page.next_page_token.is_empty() {
        encoding::string::encode(NEXT_PAGE_TOKEN, &page.next_page_token, out);
    }
}
