//! What a write waits for, and what it is refused for, before it touches the journal.
//!
//! fjall slows writers down by itself, but it waits without looking whether anyone still works: when its
//! background thread has died of a full disk, such a writer would wait for ever. So the engine waits here first,
//! at lower marks, and looks.

use super::{Store, damage};
use crate::StorageError;
use fjall::{AbstractTree, Keyspace, PersistMode};
use std::time::Duration;

/// Write buffers, over all spaces, that may wait to be written to files. With the five active ones, and one more
/// that may fill meanwhile, this bounds the memory. fjall itself stops writers at four in one space.
const WAITING_BUFFERS: usize = 3;

/// Overlapping sorted files in one space that may wait to be merged: more would make reads slow. fjall itself
/// slows writers down at 20 and stops them at 30.
const UNMERGED_FILES: usize = 20;

/// How often to look while waiting. fjall has no event to wait for.
const LOOK_EVERY: Duration = Duration::from_millis(1);

impl Store {
    /// Refuses a write when the disk has less room than the write and the background work may need. This is
    /// what makes a full disk harmless: nothing has been written yet, and writes go on when there is room again.
    pub(super) fn check_room(&self, bytes: usize) -> Result<(), StorageError> {
        let path = self.directory.path();
        let disk = rustix::fs::statvfs(path).map_err(|e| {
            StorageError::io(format!("asking for the free space of {}", path.display()), e.into())
        })?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Once in the journal, once in a sorted file.
        let needed = self.options.reserve_bytes.saturating_add(2 * bytes as u64);
        if free < needed {
            return Err(StorageError::Full { path: path.to_path_buf(), free, needed });
        }
        Ok(())
    }

    /// Waits until background work has caught up.
    pub(super) fn wait_for_background_work(&self) -> Result<(), StorageError> {
        while self.is_behind() {
            self.check_alive()?;
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether background work still goes on; it stops at its first error.
    pub(super) fn check_alive(&self) -> Result<(), StorageError> {
        // Writes nothing: what batches wrote is already on the disk. It only asks for the poison.
        self.database.persist(PersistMode::Buffer).map_err(|_| StorageError::Poisoned)
    }

    /// Hands write buffers that are full over to background work. fjall would leave this to a background thread,
    /// and while that one is busy merging, the buffer would grow without bound.
    pub(super) fn seal_full_buffers(&self) {
        for keyspace in &self.keyspaces {
            if keyspace.tree.active_memtable().size() > self.options.write_buffer_bytes
                && let Err(error) = damage::contain("sealing a write buffer", || keyspace.rotate_memtable())
            {
                // The commit itself is durable. What failed is the removal of files that are no longer needed.
                tracing::warn!(space = %keyspace.name(), %error, "sealing a write buffer");
            }
        }
    }

    fn is_behind(&self) -> bool {
        let waiting: usize = self.keyspaces.iter().map(Keyspace::sealed_memtable_count).sum();
        waiting >= WAITING_BUFFERS
            || self.keyspaces.iter().any(|keyspace| keyspace.tree.l0_run_count() >= UNMERGED_FILES)
    }
}
