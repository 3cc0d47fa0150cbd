//! A document set whole or in part.

use model::principal::Role;
use model::write::{Operation, Precondition, Write};
use model::{Code, Document, DocumentName, FieldPath, Fields, Status};

use crate::get_document::masked;
use crate::{Call, Service, across};

/// What to set where.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateDocument {
    pub name: DocumentName,
    pub fields: Fields,
    /// The fields to set or delete; None sets the whole document.
    pub update_mask: Option<Vec<FieldPath>>,
    pub precondition: Precondition,
    /// Which fields to answer; None for all.
    pub mask: Option<Vec<FieldPath>>,
}

impl Service {
    /// Answers the document as it is after the write; to those whom rules do not let read it, only what they wrote.
    pub async fn update_document(&self, call: &Call, request: UpdateDocument) -> Result<Document, Status> {
        let UpdateDocument { name, fields, update_mask, precondition, mask } = request;
        let permit = self.permit(call, &name.database, Role::User)?;
        let operation = Operation::Set { fields, mask: update_mask.clone(), transforms: Vec::new() };
        let write = Write { path: name.path.clone(), operation, precondition };
        let (database, committed) = self.write(&permit, &name.database, vec![write], None).await?;
        // Read at the commit's own time: a later commit may have changed the document again.
        let view = database.view_at(committed.commit_time)?;
        let written = across::documents::get(&view, database.mode(), &name.path)?;
        let document =
            written.ok_or_else(|| Status::internal("A document that was just written is gone."))?;
        let document = match permit.reads().get(&view, &name.path, Some(&document)) {
            Ok(()) => document,
            Err(refusal) if refusal.code == Code::PermissionDenied => {
                masked(document, update_mask.as_deref())?
            }
            Err(failure) => return Err(failure),
        };
        masked(document, mask.as_deref())
    }
}
