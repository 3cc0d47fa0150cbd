//! Writes, all or none.

use std::sync::Arc;

use bytes::Bytes;
use database::{Database, Mode};
use model::principal::Role;
use model::write::{CommitResult, Write};
use model::{DatabaseName, Status};

use crate::authorise::Permit;
use crate::{Call, Service, across, preconditions};

/// The writes, and the transaction that they end.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    pub database: DatabaseName,
    pub writes: Vec<Write>,
    pub transaction: Option<Bytes>,
}

impl Service {
    /// Commits all writes or none; the first that cannot be done decides the refusal.
    pub async fn commit(&self, call: &Call, request: Commit) -> Result<CommitResult, Status> {
        let Commit { database, writes, transaction } = request;
        let permit = self.permit(call, &database, Role::User)?;
        self.write(&permit, &database, writes, transaction.as_deref()).await.map(|(_, result)| result)
    }

    /// The writes of one request; answers the database as well, for reading what was written.
    pub(crate) async fn write(
        &self,
        permit: &Permit,
        name: &DatabaseName,
        writes: Vec<Write>,
        transaction: Option<&[u8]>,
    ) -> Result<(Arc<Database>, CommitResult), Status> {
        let database = self.of_documents(permit, name)?;
        preconditions::check(&database, &writes, self.now())?;
        if database.mode() == Mode::Datastore {
            let result = across::documents::commit(&database, writes, transaction).await?;
            return Ok((database, result));
        }
        let result = database.commit_guarded(writes, transaction, permit.guard()).await?;
        Ok((database, result))
    }
}
