//! Errors: damage found in stored bytes, and how storage's errors look to a caller.

use model::{Code, Status};
use storage::StorageError;

/// Stored bytes that this room did not write. Reported, never guessed around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("a document's key")]
    DocumentKey,
    #[error("a document's row")]
    DocumentRow,
    #[error("an index entry")]
    IndexEntry,
    #[error("a change-log row")]
    ChangeRow,
    #[error("a catalog row")]
    CatalogRow,
}

impl From<Damage> for Status {
    fn from(damage: Damage) -> Self {
        tracing::error!(%damage, "damaged data");
        Status::new(
            Code::DataLoss,
            format!("Stored data is damaged: {damage}. Restore this database from a backup."),
        )
    }
}

/// Storage's error as the client sees it; the log has the detail.
pub fn storage(error: StorageError) -> Status {
    tracing::error!(%error, "storage");
    let code = match &error {
        StorageError::Full { .. } => Code::ResourceExhausted,
        StorageError::Corrupt { .. } => Code::DataLoss,
        StorageError::TooLarge { .. } | StorageError::EmptyKey => Code::InvalidArgument,
        StorageError::Poisoned => Code::Unavailable,
        StorageError::Io { .. } | StorageError::Locked { .. } | StorageError::Format { .. } => Code::Internal,
    };
    let message = match &error {
        StorageError::Full { .. } => {
            "The server's disk is full: nothing was written. Free space, then try again.".to_owned()
        }
        StorageError::Poisoned => {
            "Writes are stopped because an earlier write failed. Reads still work; the server's log says why."
                .to_owned()
        }
        StorageError::Corrupt { .. } => "Stored data is damaged; the server's log says where.".to_owned(),
        StorageError::Io { .. } => {
            "The server could not read or write its data; its log says why.".to_owned()
        }
        other => other.to_string(),
    };
    Status::new(code, message)
}

/// What a commit is answered whose committer is gone.
pub(crate) fn dropped() -> Status {
    Status::internal("The commit was dropped while the server stopped.")
}

pub(crate) const CONTENTION: &str = "Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the same data, requiring Firestore to abort at least one in order to enforce serializability.";
pub(crate) const TOO_MUCH_CONTENTION: &str = "Too much contention on these documents. Please try again.";
pub(crate) const EXPIRED: &str = "The referenced transaction has expired or is no longer valid.";
pub(crate) const INVALID_TRANSACTION: &str = "Invalid transaction.";
