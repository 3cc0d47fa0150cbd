//! How a store behaves; the defaults are production's.

use std::time::Duration;

use crate::database::DEFAULT_CONCURRENCY;
use crate::index::IndexFile;
use crate::transaction::Concurrency;

/// Policies of a store and all its databases.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far back `read_time` may go.
    pub retention: Duration,
    /// The longest life of a transaction.
    pub transaction_lifetime: Duration,
    /// The longest time between two requests of a transaction.
    pub transaction_idle: Duration,
    /// The longest wait for another transaction's locks.
    pub lock_wait: Duration,
    /// What read-write transactions do that ask for no mode.
    pub concurrency: Concurrency,
    /// Indexes declared for every database of documents.
    pub indexes: IndexFile,
    /// The same for every database of entities (`index.yaml`).
    pub entity_indexes: IndexFile,
    /// Make databases on first use; otherwise naming an unknown one is NOT_FOUND.
    pub create_on_use: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            retention: Duration::from_secs(3_600),
            transaction_lifetime: Duration::from_secs(270),
            transaction_idle: Duration::from_secs(60),
            lock_wait: Duration::from_secs(20),
            concurrency: DEFAULT_CONCURRENCY,
            indexes: IndexFile::default(),
            entity_indexes: IndexFile::default(),
            create_on_use: true,
        }
    }
}
