//! `Changes`: one row for each commit that changed something, in commit order.
//!
//! Row: for each document its length-prefixed relative path, and `01` when it exists afterwards or
//! `00` when it was deleted.

use model::{DocumentPath, Timestamp};

use super::{DatabaseNumber, NUMBER_BYTES, time_bytes};
use crate::error::Damage;

/// One document that a commit changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub path: DocumentPath,
    /// False when the commit deleted it.
    pub exists: bool,
}

/// The key of the commit at `time`.
pub fn key(number: DatabaseNumber, time: Timestamp) -> Vec<u8> {
    let mut key = number.prefix().to_vec();
    key.extend_from_slice(&time_bytes(time));
    key
}

/// The commit time of a key.
pub fn time(key: &[u8]) -> Result<Timestamp, Damage> {
    key.get(NUMBER_BYTES..).and_then(super::read_time).ok_or(Damage::ChangeRow)
}

/// The row of a commit.
pub fn row(changes: &[Change]) -> Vec<u8> {
    let mut row = Vec::with_capacity(changes.len() * 32);
    for change in changes {
        let path = change.path.as_str().as_bytes();
        let length = u32::try_from(path.len()).expect("a path is at most 6 KiB");
        row.extend_from_slice(&length.to_be_bytes());
        row.extend_from_slice(path);
        row.push(u8::from(change.exists));
    }
    row
}

/// The changes that a row holds.
pub fn read_row(mut row: &[u8]) -> Result<Vec<Change>, Damage> {
    let mut changes = Vec::new();
    while let Some((length, rest)) = row.split_first_chunk::<4>() {
        let (path, rest) =
            rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Damage::ChangeRow)?;
        let (&exists, rest) = rest.split_first().ok_or(Damage::ChangeRow)?;
        let path = std::str::from_utf8(path).ok().and_then(DocumentPath::new).ok_or(Damage::ChangeRow)?;
        changes.push(Change { path, exists: exists == 1 });
        row = rest;
    }
    if row.is_empty() { Ok(changes) } else { Err(Damage::ChangeRow) }
}
