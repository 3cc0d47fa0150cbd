//! The key space: what stands where, byte for byte. Tags are frozen.
//!
//! Every key begins with the database's number (4 bytes, big-endian), except in `Meta`, which is the
//! catalog's. Ids and values are pieces of [`model::encoding`]; times are 8 bytes, big-endian.
//!
//! | space | key after the number | value |
//! |---|---|---|
//! | `Documents` | collection id, ids of the full path | [`documents`] row: times and body |
//! | `Indexes` | `01` collection path, field path, value, document id | time of insertion |
//! | `Indexes` | `02` the same, one row for each distinct element of an array | time of insertion |
//! | `Indexes` | `03` index number, [collection path,] values, name | time of insertion |
//! | `Indexes` | `03` index number, path of the namespace or of an ancestor, values, path | the same, of entities |
//! | `Indexes` | `04` namespace, kind, property, value, path: an entity's | time of insertion |
//! | `History` | `01` document key, time of replacement | the row that was replaced |
//! | `History` | `02` index key, time of removal | nothing |
//! | `Changes` | commit time | the names that the commit changed |
//!
//! The collection id stands first in a document's key, so a collection, and a whole collection group
//! in name order, is one range, whatever lies below its documents.

pub mod changes;
pub mod documents;
pub mod history;
pub mod indexes;

use model::Timestamp;

/// The number of one incarnation of a database; clearing a database gives it a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseNumber(pub u32);

/// Length of the number that keys begin with.
pub const NUMBER_BYTES: usize = 4;
/// Length of a time in a key.
pub const TIME_BYTES: usize = 8;

impl DatabaseNumber {
    /// The bytes that every key of the database begins with.
    pub fn prefix(self) -> [u8; NUMBER_BYTES] {
        self.0.to_be_bytes()
    }

    /// The database a key belongs to; None for a key that is too short to be one.
    pub fn of(key: &[u8]) -> Option<Self> {
        key.first_chunk::<NUMBER_BYTES>().map(|number| DatabaseNumber(u32::from_be_bytes(*number)))
    }
}

/// A time as keys hold it. Commit times are positive, so byte order is time order.
pub fn time_bytes(time: Timestamp) -> [u8; TIME_BYTES] {
    time.micros().max(0).to_be_bytes()
}

/// The time that `bytes` are; None when they are none.
pub fn read_time(bytes: &[u8]) -> Option<Timestamp> {
    Timestamp::from_micros(i64::from_be_bytes(bytes.try_into().ok()?))
}

/// The time that a key ends with.
pub fn trailing_time(key: &[u8]) -> Option<Timestamp> {
    let at = key.len().checked_sub(TIME_BYTES)?;
    read_time(&key[at..])
}
