//! Transactions begun and given up. (They end well by a commit.)

use bytes::Bytes;
use model::principal::Role;
use model::{DatabaseName, Status};

use crate::{Call, Service, TransactionMode};

impl Service {
    /// Begins a transaction; answers its token.
    pub async fn begin_for_entities(
        &self,
        call: &Call,
        database: &DatabaseName,
        mode: &TransactionMode,
    ) -> Result<Bytes, Status> {
        self.authorise_transaction(call, database, mode)?;
        self.of_entities(database)?.begin(mode)
    }

    /// Ends a transaction without writing.
    pub async fn rollback_entities(
        &self,
        call: &Call,
        database: &DatabaseName,
        token: &[u8],
    ) -> Result<(), Status> {
        self.authorise_entities(call, database, Role::Viewer)?;
        self.of_entities(database)?.rollback(token)
    }
}
