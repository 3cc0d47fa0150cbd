//! The seam: what every engine offers to the rooms above, and nothing more.

use crate::{Batch, Direction, KeyRange, Space, StorageError};
use bytes::Bytes;
use std::sync::Arc;

/// A key and its value.
pub type Row = (Bytes, Bytes);

/// The rows of a range, pulled one by one. It owns what it needs and sees one snapshot; the first error ends it.
pub type Scan = Box<dyn Iterator<Item = Result<Row, StorageError>> + Send>;

/// A fixed state of all spaces: later commits do not change what it shows.
///
/// It is cheap to take and to hold for a while, but what it can see cannot be dropped from the disk: an engine
/// with very old snapshots grows.
pub trait Snapshot: Send + Sync {
    /// The value at `key`.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] or [`StorageError::Io`] when the row cannot be read; never a wrong value.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// The rows of `range` in key order, or in reverse order for [`Direction::Backward`].
    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Scan;
}

/// Ordered bytes in five spaces: snapshots to read, atomic durable batches to write.
pub trait Engine: Send + Sync {
    /// What is there now: durable batches only, each of them whole. A batch whose [`Engine::commit`] has returned
    /// [`Committed::Done`] is always among them; one whose commit has not returned yet may be. Cheap, and never
    /// waits for the disk.
    fn snapshot(&self) -> Arc<dyn Snapshot>;

    /// Writes a batch: atomically, and durably when it answers [`Committed::Done`]. Blocks for the disk; calls
    /// from several threads share one disk write.
    ///
    /// # Errors
    /// An error says that the batch surely did not happen, now or later.
    fn commit(&self, batch: Batch) -> Result<Committed, StorageError>;

    /// Replaces the rule that names rows which may vanish. Without one, no row vanishes.
    fn set_expired(&self, filter: Arc<dyn Expired>);

    /// Drops the expired rows of `spaces` from the disk now, as far as the engine can. Blocks, possibly for
    /// minutes: it may rewrite all data of those spaces.
    ///
    /// # Errors
    /// What went wrong with the disk; nothing that is not expired is lost.
    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError>;

    /// Sizes, for metrics.
    fn stats(&self) -> EngineStats;
}

/// How a commit ended, when it is not an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a commit that is not Done has not happened, or may not have"]
pub enum Committed {
    /// The batch is durable and visible.
    Done,
    /// A newer owner of the data exists: the batch was refused. The owner steps down. Engines with one process
    /// never answer this.
    Fenced,
    /// The write failed half way: the batch is not visible now, but may or may not be there after the engine is
    /// opened again. The owner steps down and reloads; it never guesses.
    Unknown,
}

/// Names rows that are never read any more and may vanish at any time, silently, by their key alone.
///
/// For a row that it has ever named it must go on doing so, and no batch may write that key again: an engine
/// may drop the newest write of such a key and keep an older one.
/// It runs inside the engine's background work and must neither block nor panic.
pub trait Expired: Send + Sync {
    /// Whether the row at `key` may vanish.
    fn expired(&self, space: Space, key: &[u8]) -> bool;
}

/// What [`Engine::reclaim`] dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reclaimed {
    /// Expired rows that are gone, among them any that background work dropped during the call.
    pub rows: u64,
    /// By how much the data on disk (or in memory, for an engine without a disk) shrank.
    pub bytes: u64,
}

/// Sizes of an engine. Zero where an engine has no such thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EngineStats {
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Of these, bytes of the write-ahead journal.
    pub journal_bytes: u64,
    /// Bytes in memory of rows that are not yet in a sorted file.
    pub write_buffer_bytes: u64,
    /// Bytes in memory of cached blocks.
    pub cache_bytes: u64,
    /// Approximate rows of each space, in the order of [`Space::ALL`].
    pub rows: [u64; 5],
    /// Whether writes are stopped because an earlier one failed.
    pub poisoned: bool,
}
