//! The setting of a run: sizes, programs and places, the same for every scenario.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::contenders::postgres::Postgres;
use crate::failure::Failure;

/// See the module.
pub struct Setting {
    pub clients: usize,
    /// How long one contender is measured in one round.
    pub time: Duration,
    pub rounds: usize,
    /// Documents of the large collection.
    pub documents: u64,
    /// Versions of one document, and documents that pass through the queue.
    pub versions: u64,
    /// Bytes of the directory to start up on.
    pub large_directory: u64,
    /// Streams that listen at once.
    pub listeners: usize,
    /// Where all data directories are made.
    pub place: PathBuf,
    /// The `irori` executable.
    pub server: PathBuf,
    /// A Python that has the official client.
    pub python: PathBuf,
    pub postgres: PostgresChoice,
}

/// Whether and where PostgreSQL is.
pub enum PostgresChoice {
    Without,
    Installed,
    In(PathBuf),
}

impl Setting {
    /// A fresh data directory, which goes away with the value.
    pub fn directory(&self) -> Result<TempDir, Failure> {
        TempDir::new_in(&self.place)
            .map_err(Failure::doing(format!("make a directory in {}", self.place.display())))
    }

    /// Starts PostgreSQL, unless it is not wanted.
    pub fn postgres(&self) -> Result<Option<Postgres>, Failure> {
        match &self.postgres {
            PostgresChoice::Without => Ok(None),
            PostgresChoice::Installed => Postgres::start(None, &self.place).map(Some),
            PostgresChoice::In(programs) => Postgres::start(Some(programs), &self.place).map(Some),
        }
    }
}
