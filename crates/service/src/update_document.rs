//! A document set whole or in part.

use model::write::{Operation, Precondition, Write};
use model::{Document, DocumentName, FieldPath, Fields, Status};

use crate::authorise::{Access, authorise};
use crate::get_document::masked;
use crate::{Call, Service};

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
    /// Answers the document as it is after the write.
    pub async fn update_document(&self, _call: &Call, request: UpdateDocument) -> Result<Document, Status> {
        let UpdateDocument { name, fields, update_mask, precondition, mask } = request;
        let operation = Operation::Set { fields, mask: update_mask, transforms: Vec::new() };
        let write = Write { path: name.path.clone(), operation, precondition };
        authorise(&name.database, &Access::Write(std::slice::from_ref(&write)))?;
        let (database, committed) = self.write(&name.database, vec![write], None).await?;
        // Read at the commit's own time: a later commit may have changed the document again.
        let written = database.view_at(committed.commit_time)?.get(&name.path)?;
        let document =
            written.ok_or_else(|| Status::internal("A document that was just written is gone."))?;
        masked(document, mask.as_deref())
    }
}
