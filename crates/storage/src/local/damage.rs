//! The one place where fjall's errors, and its panics, become ours.
//!
//! fjall checks every block that it reads, but on some damage it gives up with a panic ("should exist"). A panic
//! in a read must not take the process with it, nor may it pass for an answer: it is reported as damage.

use crate::StorageError;
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may fail in fjall's way. `doing` says what was tried, for the error.
pub(super) fn contain<T>(doing: &str, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, StorageError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(classify(doing, error)),
        Err(panic) => {
            Err(StorageError::Corrupt { what: format!("{doing}: the engine gave up: {}", message(&*panic)) })
        }
    }
}

/// What an error of fjall means to those above.
pub(super) fn classify(doing: &str, error: fjall::Error) -> StorageError {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            classify_io(doing, error)
        }
        fjall::Error::Poisoned => StorageError::Poisoned,
        other => StorageError::Corrupt { what: format!("{doing}: {other:?}") },
    }
}

/// Files that are too short or not there are damage: the engine knows how long each is and which must exist. A place
/// that cannot be sought (invalid input) was computed from a length that is wrong.
fn classify_io(doing: &str, error: io::Error) -> StorageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotFound => StorageError::Corrupt { what: format!("{doing}: {error}") },
        _ => StorageError::io(doing, error),
    }
}

/// The text of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
