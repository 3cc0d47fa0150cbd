//! Transactions: their tokens, their lives, and the locks that keep their reads true.
//!
//! A pessimistic transaction reads without waiting, then takes shared locks on the documents and key
//! ranges it read, then checks that nothing changed in between (and reads again if it did). A commit
//! that meets such a lock follows *wound-wait*: an older committer aborts the younger reader at once,
//! a younger one waits. Age is given at begin and kept by `retry_transaction`, so the oldest always
//! wins, and nothing starves.
//!
//! Where documents are fought over, shared locks only produce losers. So a document on which a
//! transaction has just been aborted, or that others already queue for, is read under an *update
//! lock*: one holder at a time, handed on in order of age. A queue of buyers then waits its turn
//! instead of failing again and again. Nobody deadlocks: a younger holder that has to wait itself
//! while an older one waits for it is aborted.

mod locks;
mod recent;
mod registry;

pub(crate) use locks::{LockTable, ReadLock, WriteLock, WriteSet};
pub(crate) use recent::RecentWrites;
pub(crate) use registry::{Ending, Kind, Registry, TransactionId};

use bytes::Bytes;
use model::Timestamp;

/// Transactions are ordered by when they (or the first attempt they retry) began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Age(pub(crate) u64);

/// What a transaction may do, as `BeginTransaction` names it.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionMode {
    ReadOnly {
        /// None: the time of the first read.
        read_time: Option<Timestamp>,
    },
    ReadWrite {
        /// The token of the attempt that this one repeats; its age is kept.
        retry: Option<Bytes>,
        concurrency: Concurrency,
    },
}

/// How conflicts are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Concurrency {
    /// As the database is configured.
    #[default]
    Default,
    /// Locks at reads.
    Pessimistic,
    /// Validation at commit.
    Optimistic,
}
