//! A document deleted.

use model::principal::Role;
use model::write::{Operation, Precondition, Write};
use model::{DocumentName, Status};

use crate::{Call, Service};

/// Which document, and what must hold of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteDocument {
    pub name: DocumentName,
    pub precondition: Precondition,
}

impl Service {
    /// Deletes the document; nothing happens when it does not exist.
    pub async fn delete_document(&self, call: &Call, request: DeleteDocument) -> Result<(), Status> {
        let DeleteDocument { name, precondition } = request;
        let write = Write { path: name.path, operation: Operation::Delete, precondition };
        let permit = self.permit(call, &name.database, Role::User)?;
        self.write(&permit, &name.database, vec![write], None).await.map(|_| ())
    }
}
