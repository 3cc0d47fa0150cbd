//! What a server says, whatever carries it.

use bytes::Bytes;
use md5::{Digest, Md5};
use model::{DatabaseName, Document, DocumentPath, Status, Timestamp};
use watch::{ListenEvent, TargetChange};

/// One message of a stream.
#[derive(Clone, Debug)]
pub enum Message {
    Targets {
        kind: Kind,
        ids: Vec<i32>,
        cause: Option<Status>,
        token: Option<Bytes>,
        read_time: Option<Timestamp>,
    },
    Changed {
        document: Document,
        targets: Vec<i32>,
        removed: Vec<i32>,
    },
    Gone {
        path: DocumentPath,
        targets: Vec<i32>,
        deleted: bool,
    },
    Filter {
        target: i32,
        count: i32,
        names: Option<Names>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NoChange,
    Add,
    Remove,
    Current,
    Reset,
}

/// A Bloom filter, read as the web SDK reads it.
#[derive(Clone, Debug)]
pub struct Names {
    pub database: DatabaseName,
    pub bitmap: Bytes,
    pub padding: i32,
    pub hash_count: i32,
}

impl Names {
    /// False only for a document that the target does not have.
    ///
    /// # Panics
    /// When the filter is one that the SDK refuses to read.
    pub fn may_hold(&self, path: &DocumentPath) -> bool {
        assert!((0..8).contains(&self.padding), "padding {}", self.padding);
        assert!(self.hash_count >= 0 && (self.hash_count > 0 || self.bitmap.is_empty()), "{self:?}");
        assert!(!self.bitmap.is_empty() || self.padding == 0, "{self:?}");
        let bits = self.bitmap.len() as u64 * 8 - self.padding as u64;
        if bits == 0 {
            return false;
        }
        let hash = Md5::digest(self.database.document(path).to_string().as_bytes());
        let half = |at: usize| u64::from_le_bytes(hash[at..at + 8].try_into().expect("eight bytes"));
        let (first, second) = (half(0), half(8));
        (0..self.hash_count as u64).all(|n| {
            let bit = first.wrapping_add(n.wrapping_mul(second)) % bits;
            self.bitmap[bit as usize / 8] & (1 << (bit % 8)) != 0
        })
    }
}

impl Message {
    /// What the hub says.
    pub fn of(event: ListenEvent, database: &DatabaseName) -> Self {
        match event {
            ListenEvent::Targets { change, ids, cause, token, read_time } => {
                let kind = match change {
                    TargetChange::NoChange => Kind::NoChange,
                    TargetChange::Add => Kind::Add,
                    TargetChange::Remove => Kind::Remove,
                    TargetChange::Current => Kind::Current,
                    TargetChange::Reset => Kind::Reset,
                };
                Message::Targets { kind, ids, cause, token, read_time }
            }
            ListenEvent::Changed { document, targets, removed } => {
                Message::Changed { document: document.document().clone(), targets, removed }
            }
            ListenEvent::Removed { path, targets, .. } => Message::Gone { path, targets, deleted: false },
            ListenEvent::Deleted { path, targets, .. } => Message::Gone { path, targets, deleted: true },
            ListenEvent::Filter { target, count, names } => {
                let names = names.map(|names| Names {
                    database: database.clone(),
                    bitmap: names.bitmap,
                    padding: names.padding,
                    hash_count: names.hash_count,
                });
                Message::Filter { target, count, names }
            }
        }
    }
}
