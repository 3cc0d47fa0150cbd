//! `History`: rows that were replaced or removed, under the time when that happened.
//!
//! A history row stands for the time from its own insertion to the time in its key, and nothing else
//! refers to it. So whether it is still needed is decided by its key alone: once the retention time
//! has passed that time it may vanish, in any order, without a trace.

use model::Timestamp;

use super::{DatabaseNumber, NUMBER_BYTES, TIME_BYTES, time_bytes};

/// Which space the row comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Document = 1,
    Index = 2,
}

/// The history key of the row that stood at `key` until `replaced`.
pub fn key(kind: Kind, key: &[u8], replaced: Timestamp) -> Vec<u8> {
    let mut history = prefix(kind, key);
    history.extend_from_slice(&time_bytes(replaced));
    history
}

/// The history keys of a row key (or of a prefix of row keys) begin with this.
pub fn prefix(kind: Kind, key: &[u8]) -> Vec<u8> {
    let (number, rest) = key.split_at(NUMBER_BYTES);
    let mut history = Vec::with_capacity(key.len() + 1 + TIME_BYTES);
    history.extend_from_slice(number);
    history.push(kind as u8);
    history.extend_from_slice(rest);
    history
}

/// The row key of a history key. A key that is too short to be one stays as it is, and names no row.
pub fn row_key(history: &[u8]) -> Vec<u8> {
    let end = history.len().saturating_sub(TIME_BYTES);
    match (history.get(..NUMBER_BYTES), history.get(NUMBER_BYTES + 1..end)) {
        (Some(number), Some(rest)) => [number, rest].concat(),
        (_, _) => history.to_vec(),
    }
}

/// All history of one database.
pub fn all(number: DatabaseNumber) -> Vec<u8> {
    number.prefix().to_vec()
}
