//! What concurrent clients did and saw, and two ways to tell whether it could have happened one after the other.
//!
//! - [`graph`]: for lists that are only appended to. The lists themselves tell the order of the writes, so the checker
//!   needs to trust nothing: it draws who must come before whom and looks for a circle.
//! - [`replay`]: takes the database at its word. Transactions are replayed in the order of their times; each must see
//!   what it saw, and the order must agree with the clock on the wall.
//!
//! Both are strict: a transaction that ended before another began comes first.

pub mod graph;
pub mod replay;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a value that transactions share.
pub type Key = u32;

/// What a transaction did to one value, or saw of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds an element to a list; no other operation adds the same.
    Append { key: Key, element: u64 },
    /// Replaces a value.
    Put { key: Key, value: u64 },
    /// Saw the list, or the value as a list of one; nothing is an empty list.
    Read { key: Key, seen: Vec<u64> },
}

/// How a transaction ended, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    /// It surely did not happen.
    Aborted,
    /// It may have happened.
    Unknown,
}

/// One transaction, from its first request to its last answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub operations: Vec<Operation>,
    pub outcome: Outcome,
    /// When it began and ended, in ticks that all clients share.
    pub start: u64,
    pub end: u64,
    /// The time the database gave it: of its commit, or of its snapshot.
    pub time: Option<i64>,
}

impl Transaction {
    /// Whether it changed anything.
    pub fn writes(&self) -> bool {
        self.operations.iter().any(|operation| !matches!(operation, Operation::Read { .. }))
    }
}

/// Collects what clients do, from any number of threads.
#[derive(Default)]
pub struct Recorder {
    ticks: AtomicU64,
    elements: AtomicU64,
    transactions: Mutex<Vec<Transaction>>,
}

impl Recorder {
    /// A moment that is later than all before it.
    pub fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// An element or a value that nobody else writes.
    pub fn unique(&self) -> u64 {
        self.elements.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Notes a transaction that began at `start` and has just ended.
    ///
    /// # Panics
    /// When another thread panicked while it noted one.
    pub fn note(&self, start: u64, operations: Vec<Operation>, outcome: Outcome, time: Option<i64>) {
        let transaction = Transaction { operations, outcome, start, end: self.tick(), time };
        self.transactions.lock().expect("no thread panics while it notes").push(transaction);
    }

    /// Notes a read of the past: it comes where its time says, whenever it was made.
    ///
    /// # Panics
    /// When another thread panicked while it noted one.
    pub fn note_past(&self, operations: Vec<Operation>, time: i64) {
        let outcome = Outcome::Committed;
        let transaction = Transaction { operations, outcome, start: 0, end: u64::MAX, time: Some(time) };
        self.transactions.lock().expect("no thread panics while it notes").push(transaction);
    }

    /// All that was noted.
    ///
    /// # Panics
    /// When a thread panicked while it noted one.
    pub fn finish(self) -> Vec<Transaction> {
        self.transactions.into_inner().expect("no thread panics while it notes")
    }
}
