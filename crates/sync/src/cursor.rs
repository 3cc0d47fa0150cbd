//! How far a cache has come: written in the same transaction as the documents that brought it there.

use serde::{Deserialize, Serialize};

use crate::source::Place;
use crate::time::Time;

/// See the module. A cache that one strategy has kept is taken over by the other: each begins with what the other's
/// cursor allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Cursor {
    /// Nothing is here.
    #[default]
    Fresh,
    /// A first copy, in the order of names.
    Copying {
        /// All pages are read as of this time …
        read_time: Time,
        /// … except that earlier ones may be of an earlier time, when the copy took longer than the server keeps.
        torn: bool,
        after: Option<String>,
    },
    /// Whole, and the state of a time.
    Following {
        as_of: Time,
        /// Where a listener goes on; without one it goes on from `as_of`.
        token: Option<Vec<u8>>,
    },
    /// Read in the order of a timestamp field.
    Polling(Polled),
}

/// How far polling has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    pub field: String,
    /// Earlier timestamps are out of scope.
    pub since: Time,
    /// The latest timestamp that was read.
    pub last: Option<Place>,
    /// When the last round began that has looked back over its margin. What was written before, and not too late
    /// for the margin, is here up to `last`.
    pub safe: Option<Time>,
    /// When the last round began that was brought to its end.
    pub as_of: Option<Time>,
}

impl Cursor {
    /// Up to when the cache is the server's state.
    pub fn as_of(&self) -> Option<Time> {
        match self {
            Cursor::Fresh | Cursor::Copying { .. } => None,
            Cursor::Following { as_of, .. } => Some(*as_of),
            Cursor::Polling(polled) => polled.as_of,
        }
    }
}
