//! A document deleted.

use model::write::{Operation, Precondition, Write};
use model::{DocumentName, Status};

use crate::authorise::{Access, authorise};
use crate::{Call, Service};

/// Which document, and what must hold of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteDocument {
    pub name: DocumentName,
    pub precondition: Precondition,
}

impl Service {
    /// Deletes the document; nothing happens when it does not exist.
    pub async fn delete_document(&self, _call: &Call, request: DeleteDocument) -> Result<(), Status> {
        let DeleteDocument { name, precondition } = request;
        let write = Write { path: name.path, operation: Operation::Delete, precondition };
        authorise(&name.database, &Access::Write(std::slice::from_ref(&write)))?;
        self.write(&name.database, vec![write], None).await.map(|_| ())
    }
}
