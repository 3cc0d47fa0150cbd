//! Writes, all or none.

use bytes::Bytes;
use model::write::{CommitResult, Write};
use model::{DatabaseName, Status};

use crate::authorise::{Access, authorise};
use crate::{Call, Service};

/// The writes, and the transaction that they end.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    pub database: DatabaseName,
    pub writes: Vec<Write>,
    pub transaction: Option<Bytes>,
}

impl Service {
    /// Commits all writes or none; the first that cannot be done decides the refusal.
    pub async fn commit(&self, _call: &Call, request: Commit) -> Result<CommitResult, Status> {
        let Commit { database, writes, transaction } = request;
        authorise(&database, &Access::Write(&writes))?;
        self.database(&database)?.commit(writes, transaction.as_deref()).await
    }
}
