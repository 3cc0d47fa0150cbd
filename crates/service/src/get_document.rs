//! One document.

use database::View;
use model::principal::Role;
use model::{Code, Document, DocumentName, FieldPath, Status, body};

use crate::reader::Reader;
use crate::{Call, ReadAt, Service, across};

/// Which document, which of its fields, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct GetDocument {
    pub name: DocumentName,
    /// None for all fields.
    pub mask: Option<Vec<FieldPath>>,
    pub at: ReadAt,
}

impl Service {
    /// Answers the document, NOT_FOUND when it does not exist.
    pub async fn get_document(&self, call: &Call, request: GetDocument) -> Result<Document, Status> {
        let GetDocument { name, mask, at } = request;
        let permit = self.permit(call, &name.database, Role::Viewer)?;
        let (reader, _) = Reader::open(self.of_documents(&permit, &name.database)?, at.into())?;
        let read = |view: &View| {
            let document = across::documents::get(view, reader.mode(), &name.path)?;
            permit.reads().get(view, &name.path, document.as_ref())?;
            Ok(document)
        };
        let (found, _) = reader.read(read).await?;
        match found {
            Some(document) => masked(document, mask.as_deref()),
            None => Err(Status::new(Code::NotFound, format!("Document \"{name}\" not found."))),
        }
    }
}

/// The document with only the fields that `mask` names.
pub(crate) fn masked(document: Document, mask: Option<&[FieldPath]>) -> Result<Document, Status> {
    let Some(mask) = mask else { return Ok(document) };
    let body = body::project(&document.body, mask).map_err(|error| {
        tracing::error!(%error, path = %document.path, "damaged data");
        Status::new(Code::DataLoss, "Stored data is damaged: a document's fields.")
    })?;
    Ok(Document { body, ..document })
}
