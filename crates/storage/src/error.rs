//! What can go wrong below the documents. Each kind says what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why an engine could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// No room on the disk: the write was not made, reads go on, and writes go on as soon as there is room.
    #[error("the disk of {} is full: {free} bytes are free, a write needs {needed}", path.display())]
    Full {
        /// The data directory.
        path: PathBuf,
        /// What the file system has left.
        free: u64,
        /// What the write wanted, with the reserve that the engine keeps for its background work.
        needed: u64,
    },
    /// The operating system refused to read or to write.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried, with the file where it is known.
        doing: String,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// A file does not hold what was written to it. Nothing was guessed, nothing was changed: restore a backup.
    #[error("damaged data: {what}")]
    Corrupt {
        /// Which file, and what is wrong with it.
        what: String,
    },
    /// Another process has the directory open.
    #[error("{} is in use by another process: stop that one, or give this one its own directory", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// An earlier write failed, so the state of the files is not known and writes are stopped; reads go on.
    /// Repair the disk and open the data again.
    #[error("writes are stopped because an earlier write failed; see the log, then restart")]
    Poisoned,
    /// The directory is not one that this version can open.
    #[error("cannot open {}: {detail}", path.display())]
    Format {
        /// The data directory.
        path: PathBuf,
        /// What was found, and what to do.
        detail: String,
    },
    /// A key or a value is longer than an engine can hold.
    #[error("a {what} of {bytes} bytes is longer than {limit}")]
    TooLarge {
        /// `key` or `value`.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest possible.
        limit: usize,
    },
    /// A key of no bytes: engines cannot hold one.
    #[error("a row needs a key of at least one byte")]
    EmptyKey,
}

impl StorageError {
    /// An I/O error with what was tried.
    pub fn io(doing: impl Into<String>, source: io::Error) -> Self {
        StorageError::Io { doing: doing.into(), source: Arc::new(source) }
    }

    /// Damage in the file at `path`.
    pub fn corrupt_file(path: &Path, what: impl std::fmt::Display) -> Self {
        StorageError::Corrupt { what: format!("{}: {what}", path.display()) }
    }
}
