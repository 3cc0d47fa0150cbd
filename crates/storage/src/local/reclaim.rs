//! Writing buffers out, dropping expired rows now, and counting what is there.

use super::{Store, damage};
use crate::{EngineStats, Reclaimed, Space, StorageError};
use fjall::{AbstractTree, Keyspace};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often to look while background work is awaited. fjall has no event to wait for.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How often a compaction is tried again that lost against background work on the same files.
const ATTEMPTS: usize = 100;

impl Store {
    /// Writes every buffer to a file, then rewrites the files of `spaces` without their expired rows.
    pub(super) fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        let rows_before = self.expiry.dropped();
        let bytes_before = self.file_bytes();
        self.flush_all(None)?;
        for space in spaces {
            self.compact(*space)?;
        }
        Ok(Reclaimed {
            rows: self.expiry.dropped() - rows_before,
            bytes: bytes_before.saturating_sub(self.file_bytes()),
        })
    }

    /// Writes every buffer to a file. Answers false when the deadline passed before that was done.
    pub(super) fn flush_all(&self, deadline: Option<Instant>) -> Result<bool, StorageError> {
        for keyspace in &self.keyspaces {
            damage::contain("flushing a write buffer", || keyspace.rotate_memtable())?;
        }
        while self.keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            self.check_alive()?;
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(true)
    }

    /// fjall declines a full compaction, without a word, while background work holds some of the files; whether
    /// one ran shows in the number of filters that came to their end.
    fn compact(&self, space: Space) -> Result<(), StorageError> {
        let keyspace = self.keyspace(space);
        for _ in 0..ATTEMPTS {
            if keyspace.table_count() == 0 {
                return Ok(());
            }
            let finished = self.expiry.finished(space);
            damage::contain("compacting", || keyspace.major_compact())?;
            if self.expiry.finished(space) > finished {
                return Ok(());
            }
            self.check_alive()?;
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    pub(super) fn stats(&self) -> EngineStats {
        let journal_bytes = self.database.journal_disk_space().unwrap_or_default();
        EngineStats {
            disk_bytes: self.file_bytes() + journal_bytes,
            journal_bytes,
            write_buffer_bytes: self.keyspaces.iter().map(|keyspace| self.buffered(keyspace)).sum(),
            cache_bytes: self.database.cache_size(),
            rows: std::array::from_fn(|space| self.keyspaces[space].approximate_len() as u64),
            poisoned: self.failed.load(Ordering::Acquire) || self.check_alive().is_err(),
        }
    }

    fn buffered(&self, keyspace: &Keyspace) -> u64 {
        let waiting = keyspace.sealed_memtable_count() as u64 * self.options.write_buffer_bytes;
        keyspace.tree.active_memtable().size() + waiting
    }

    fn file_bytes(&self) -> u64 {
        self.keyspaces.iter().map(Keyspace::disk_space).sum()
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        &self.keyspaces[space.index()]
    }
}
