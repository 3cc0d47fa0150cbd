//! What tests do to whole databases.

use model::{DatabaseName, Status};

use crate::Service;

impl Service {
    /// Drops all documents of a database.
    pub fn clear(&self, database: &DatabaseName) -> Result<(), Status> {
        self.store.clear(database)
    }

    /// Drops all documents of all databases.
    pub fn reset(&self) -> Result<(), Status> {
        self.store.clear_all()
    }
}
