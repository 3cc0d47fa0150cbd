//! Transactions begun and given up. (They end well by a commit.)

use bytes::Bytes;
use database::TransactionMode;
use model::{DatabaseName, Status};

use crate::authorise::{Access, authorise};
use crate::{Call, Service};

impl Service {
    /// Begins a transaction; answers its token.
    pub async fn begin_transaction(
        &self,
        _call: &Call,
        database: &DatabaseName,
        mode: &TransactionMode,
    ) -> Result<Bytes, Status> {
        authorise(database, &Access::BeginTransaction)?;
        self.database(database)?.begin(mode)
    }

    /// Ends a transaction without writing.
    pub async fn rollback(&self, _call: &Call, database: &DatabaseName, token: &[u8]) -> Result<(), Status> {
        authorise(database, &Access::BeginTransaction)?;
        self.database(database)?.rollback(token)
    }
}
