//! Writing: one round of batches becomes one fjall batch with one disk write.

use super::group::Outcome;
use super::{Store, damage};
use crate::{Batch, Committed, StorageError};
use fjall::{OwnedWriteBatch, PersistMode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

/// `fdatasync`. It makes durable the data and what is needed to find it again, the file's length and its blocks
/// among that; it leaves out only times. That is all a journal needs: the file itself and its directory entry are
/// synced by fjall when it makes the file. (On macOS both modes are the same full sync.)
const DURABLE: PersistMode = PersistMode::SyncData;

impl Store {
    /// Makes all batches durable and visible together, or none of them.
    pub(super) fn write(&self, batches: Vec<Batch>) -> Outcome {
        if self.failed.load(Ordering::Acquire) {
            return Err(StorageError::Poisoned);
        }
        self.check_room(batches.iter().map(Batch::bytes).sum())?;
        self.wait_for_background_work()?;
        self.visibility.begin_round(&self.database);
        let written = catch_unwind(AssertUnwindSafe(|| self.merge(batches).commit()));
        // After a panic nobody knows how much of the round is in place, so it stays unseen for good.
        if written.is_ok() {
            self.visibility.end_round();
        }
        match written {
            Ok(Ok(())) => {
                self.seal_full_buffers();
                Ok(Committed::Done)
            }
            // Found before anything was written: an earlier write, or background work, has failed.
            Ok(Err(fjall::Error::Poisoned)) => Err(StorageError::Poisoned),
            Ok(Err(error)) => Ok(self.fail(&damage::classify("writing to the journal", error).to_string())),
            Err(panic) => Ok(self.fail(damage::message(&*panic))),
        }
    }

    /// All writes get one sequence number: fjall keeps the last of two with one key, as a batch promises.
    fn merge(&self, batches: Vec<Batch>) -> OwnedWriteBatch {
        let rows = batches.iter().map(Batch::len).sum();
        let mut round = OwnedWriteBatch::with_capacity(self.database.clone(), rows).durability(Some(DURABLE));
        for row in batches.into_iter().flat_map(Batch::into_rows) {
            let keyspace = &self.keyspaces[row.space.index()];
            match row.value {
                Some(value) => round.insert(keyspace, row.key, value),
                None => round.remove(keyspace, row.key),
            }
        }
        round
    }

    /// Stops writes. The round may be in the file or in fjall's buffer, which it writes out once more when it is
    /// closed: whether it will be there after a restart cannot be known.
    fn fail(&self, why: &str) -> Committed {
        self.failed.store(true, Ordering::Release);
        self.directory.is_in_doubt();
        tracing::error!(directory = %self.directory.path().display(), why, "a write failed: writes are stopped");
        Committed::Unknown
    }
}
