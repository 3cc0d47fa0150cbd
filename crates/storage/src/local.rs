//! The local engine: fjall 3 in a directory of its own.

mod damage;
mod directory;
mod expiry;
mod group;
mod options;
mod pressure;
mod reclaim;
mod snapshot;
mod tuning;
mod write;

pub use options::LocalOptions;

use crate::{Batch, Committed, Engine, EngineStats, Expired, Reclaimed, Snapshot, StorageError};
use directory::DataDirectory;
use expiry::Expiry;
use fjall::{Database, Keyspace};
use group::GroupCommit;
use snapshot::LocalSnapshot;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A durable engine in a directory: one process at a time.
///
/// Dropping it waits for background work that is under way, which can take seconds. A process that wants to end
/// at once may simply exit: nothing that was acknowledged is lost.
pub struct LocalEngine {
    store: Arc<Store>,
    group: GroupCommit,
}

/// The open files: shared with the snapshots, which may outlive the engine.
struct Store {
    keyspaces: [Keyspace; 5],
    database: Database,
    expiry: Arc<Expiry>,
    options: LocalOptions,
    /// Whether a write of this engine failed half way, which stops all later ones.
    failed: AtomicBool,
    /// Last, so that the directory is unlocked after fjall is closed.
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
        let opening = format!("opening {}", engine_path.display());
        let (database, keyspaces) =
            damage::contain(&opening, || tuning::open(&engine_path, &options, &expiry))?;
        directory.creation_is_complete()?;
        let failed = AtomicBool::new(false);
        let store = Store { keyspaces, database, expiry, options, failed, directory };
        Ok(LocalEngine { store: Arc::new(store), group: GroupCommit::default() })
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

    fn reclaim(&self) -> Result<Reclaimed, StorageError> {
        self.store.reclaim()
    }

    fn stats(&self) -> EngineStats {
        self.store.stats()
    }
}
