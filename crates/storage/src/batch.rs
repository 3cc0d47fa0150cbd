//! A batch: the rows that become visible and durable together, or not at all.

use crate::{Space, StorageError};
use bytes::Bytes;

/// The longest key that an engine takes. fjall stores the length of a key in 16 bits (and would cut it silently).
pub const MAX_KEY_BYTES: usize = u16::MAX as usize;

/// The longest value that an engine takes: far above what a document may have (1 MiB), far below the 32 bits
/// in which fjall stores the length.
pub const MAX_VALUE_BYTES: usize = 256 << 20;

/// Writes to any of the spaces, applied atomically and in order: of two writes to one key the later one holds.
///
/// Keys and values are kept as they are given until the engine has moved them to a file. A value that is a
/// slice of a large buffer keeps all of that buffer in memory as long: copy such a slice first.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    rows: Vec<Write>,
    bytes: usize,
}

/// One write: a value to put, or none to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub space: Space,
    /// Which row.
    pub key: Bytes,
    /// The new value; `None` deletes the row.
    pub value: Option<Bytes>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Batch::default()
    }

    /// Writes `value` at `key`, over whatever is there.
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.push(Write { space, key: key.into(), value: Some(value.into()) });
    }

    /// Removes the row at `key`; no error if there is none.
    pub fn delete(&mut self, space: Space, key: impl Into<Bytes>) {
        self.push(Write { space, key: key.into(), value: None });
    }

    /// Adds all writes of `other` after those of this batch.
    pub fn append(&mut self, mut other: Batch) {
        self.bytes += other.bytes;
        self.rows.append(&mut other.rows);
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The writes, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Write> {
        self.rows.iter()
    }

    /// The writes, in order, given away.
    #[must_use]
    pub fn into_rows(self) -> Vec<Write> {
        self.rows
    }

    /// Refuses keys and values that an engine cannot hold.
    ///
    /// # Errors
    /// [`StorageError::EmptyKey`] or [`StorageError::TooLarge`] for the first such row.
    pub fn check(&self) -> Result<(), StorageError> {
        for row in &self.rows {
            if row.key.is_empty() {
                return Err(StorageError::EmptyKey);
            }
            limit("key", row.key.len(), MAX_KEY_BYTES)?;
            limit("value", row.value.as_ref().map_or(0, Bytes::len), MAX_VALUE_BYTES)?;
        }
        Ok(())
    }

    fn push(&mut self, row: Write) {
        self.bytes += row.key.len() + row.value.as_ref().map_or(0, Bytes::len);
        self.rows.push(row);
    }
}

fn limit(what: &'static str, bytes: usize, limit: usize) -> Result<(), StorageError> {
    if bytes > limit { Err(StorageError::TooLarge { what, bytes, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_keeps_order_and_counts() {
        let mut first = Batch::new();
        first.put(Space::Meta, "a", "1");
        let mut second = Batch::new();
        second.delete(Space::Meta, "a");
        first.append(second);
        assert_eq!((first.len(), first.bytes()), (2, 3));
        assert_eq!(first.rows().last().and_then(|row| row.value.clone()), None);
    }

    #[test]
    fn a_key_of_64_kib_is_refused_not_cut() {
        let mut batch = Batch::new();
        batch.put(Space::Documents, vec![7; MAX_KEY_BYTES], "fits");
        assert!(batch.check().is_ok());
        batch.put(Space::Documents, vec![7; MAX_KEY_BYTES + 1], "does not");
        assert!(matches!(batch.check(), Err(StorageError::TooLarge { what: "key", bytes: 65_536, .. })));
    }
}
