//! The local engine: fjall 3 in a directory of its own.

mod damage;
mod directory;
mod expiry;
mod group;
mod journal;
mod manifest;
mod options;
mod pressure;
mod reclaim;
mod snapshot;
mod tuning;
mod visibility;
mod write;

pub use options::LocalOptions;

use crate::{Batch, Committed, Engine, EngineStats, Expired, Reclaimed, Snapshot, Space, StorageError};
use directory::DataDirectory;
use expiry::Expiry;
use fjall::{Database, Keyspace};
use group::GroupCommit;
use snapshot::LocalSnapshot;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use visibility::Visibility;

/// A durable engine in a directory: one process at a time.
///
/// Dropping it, and the last of its snapshots, closes the files; that waits for background work that is under way,
/// which can take seconds. A process that wants to end at once may simply exit: nothing that was acknowledged is
/// lost. One that has a moment calls [`LocalEngine::settle`] first, which makes the next opening fast.
pub struct LocalEngine {
    store: Arc<Store>,
    group: GroupCommit,
}

/// The open files: shared with the snapshots, which may outlive the engine.
struct Store {
    visibility: Visibility,
    keyspaces: [Keyspace; 5],
    database: Database,
    expiry: Arc<Expiry>,
    options: LocalOptions,
    /// Whether a write of this engine failed half way, which stops all later ones.
    failed: AtomicBool,
    /// Last, so that the directory is closed after fjall is.
    directory: DataDirectory,
}

impl LocalEngine {
    /// Opens the data in `dir`, or creates it there.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another process (or another engine in this one) has it open,
    /// [`StorageError::Format`] when it is not data of this version, [`StorageError::Corrupt`] when a file does
    /// not hold what was written, [`StorageError::Io`] or [`StorageError::Full`] when the disk refuses.
    pub fn open(dir: &Path, options: LocalOptions) -> Result<Self, StorageError> {
        let directory = DataDirectory::open(dir)?;
        let expiry = Arc::new(Expiry::default());
        let engine_path = directory.engine_path();
        if !directory.is_being_created() {
            manifest::check(&engine_path)?;
            directory.compare_with_last_close(journal::check(&engine_path)?)?;
        }
        let opening = format!("opening {}", engine_path.display());
        let (database, keyspaces) =
            damage::contain(&opening, || tuning::open(&engine_path, &options, &expiry))?;
        directory.is_open()?;
        let failed = AtomicBool::new(false);
        let store = Store {
            visibility: Visibility::default(),
            keyspaces,
            database,
            expiry,
            options,
            failed,
            directory,
        };
        Ok(LocalEngine { store: Arc::new(store), group: GroupCommit::default() })
    }

    /// Writes all rows that are only in the journal and in memory to sorted files, so that the next opening need
    /// not read them back. Answers false when `patience` ended before that was done; nothing is lost then.
    ///
    /// # Errors
    /// [`StorageError::Poisoned`] when background work has stopped.
    pub fn settle(&self, patience: Duration) -> Result<bool, StorageError> {
        self.store.flush_all(Some(Instant::now() + patience))
    }
}

impl Engine for LocalEngine {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(LocalSnapshot::new(&self.store))
    }

    fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
        batch.check()?;
        if batch.is_empty() {
            return Ok(Committed::Done);
        }
        self.group.commit(batch, |batches| self.store.write(batches))
    }

    fn set_expired(&self, filter: Arc<dyn Expired>) {
        self.store.expiry.set(filter);
    }

    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        self.store.reclaim(spaces)
    }

    fn stats(&self) -> EngineStats {
        self.store.stats()
    }
}
