//! Transactions begun and given up. (They end well by a commit.)

use bytes::Bytes;
use database::TransactionMode;
use model::principal::Role;
use model::{DatabaseName, Status};

use crate::authorise::role_to_begin;
use crate::{Call, Service};

impl Service {
    /// Begins a transaction; answers its token.
    pub async fn begin_transaction(
        &self,
        call: &Call,
        database: &DatabaseName,
        mode: &TransactionMode,
    ) -> Result<Bytes, Status> {
        let permit = self.permit(call, database, role_to_begin(mode))?;
        permit.begins(mode)?;
        self.of_documents(&permit, database)?.begin(mode)
    }

    /// Ends a transaction without writing.
    pub async fn rollback(&self, call: &Call, database: &DatabaseName, token: &[u8]) -> Result<(), Status> {
        let permit = self.permit(call, database, Role::Viewer)?;
        self.of_documents(&permit, database)?.rollback(token)
    }
}
