//! What a stream tells its client, message by message.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::{Document, DocumentPath, Status, Timestamp};

/// One message.
#[derive(Clone, Debug)]
pub enum ListenEvent {
    /// Something about targets themselves. Without ids it is about all of them: with a `read_time`, a
    /// boundary, at which everything told before is the state at that time.
    Targets {
        change: TargetChange,
        ids: Vec<i32>,
        cause: Option<Status>,
        token: Option<Bytes>,
        read_time: Option<Timestamp>,
    },
    /// A document is in `targets`, as it stands here, and no longer in `removed`.
    Changed { document: Arc<ChangedDocument>, targets: Vec<i32>, removed: Vec<i32> },
    /// A document exists, but is not in these targets any more.
    Removed { path: DocumentPath, read_time: Timestamp, targets: Vec<i32> },
    /// A document does not exist any more.
    Deleted { path: DocumentPath, read_time: Timestamp, targets: Vec<i32> },
    /// How many documents the target has, and a filter over their names to find out which.
    Filter { target: i32, count: i32, names: Option<Bloom> },
}

/// What happened to targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetChange {
    NoChange,
    Add,
    Remove,
    Current,
    Reset,
}

/// A document in an event: one for all streams that are told of the change.
#[derive(Debug)]
pub struct ChangedDocument {
    document: Document,
    /// A form of the document that is made once: the gateway keeps its encoding here.
    pub encoded: OnceLock<Bytes>,
}

/// A Bloom filter over document names, as clients expect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bloom {
    pub bitmap: Bytes,
    /// Bits of the last byte that do not count.
    pub padding: i32,
    pub hash_count: i32,
}

impl ChangedDocument {
    /// A document to be told of.
    pub fn new(document: Document) -> Arc<Self> {
        Arc::new(ChangedDocument { document, encoded: OnceLock::new() })
    }

    /// The document, with the fields that the target selects.
    pub fn document(&self) -> &Document {
        &self.document
    }
}
