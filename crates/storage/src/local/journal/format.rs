//! The bytes of a fjall 3 journal, as far as they must be known to check them.
//!
//! ```text
//! batch   start item* end
//! start   01 | items: u32 | number: u64
//! item    02 | kind: u8 | compression: u8 | keyspace: u64 | key length: u16 | value length: u32
//!            | stored length: u32 | key | stored value
//! clear   04 | keyspace: u64                                   (never written by this program)
//! end     03 | xxh3 of all items: u64 | "FJL" 03
//! ```
//! Numbers are little-endian. fjall freezes this for its third version, and a test here writes with fjall and
//! reads with this.

use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

const START_BYTES: usize = 13;
const ITEM_HEADER_BYTES: usize = 21;
const CLEAR_BYTES: usize = 9;
const END_BYTES: usize = 13;

const TRAILER: &[u8] = b"FJL\x03";

/// Numbers that fjall never reaches; it keeps the highest bit for itself.
const IMPOSSIBLE_NUMBER: u64 = 1 << 62;

/// A batch that is whole.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) length: usize,
    /// Orders the batches: every one has a higher number than those before it.
    pub(super) number: u64,
}

/// Why a batch cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) what: &'static str,
    /// How many bytes from the start of the batch would have to be right for it to go on.
    pub(super) needs: usize,
}

/// Reads the batch at the start of `bytes`.
pub(super) fn batch(bytes: &[u8]) -> Result<Batch, Unreadable> {
    let mut entries = Entries { bytes, at: 0 };
    let start = entries.take(START_BYTES)?;
    if start[0] != START {
        return Err(Unreadable { what: "no batch begins here", needs: 1 });
    }
    let (items, number) = (u32_at(start, 1), u64_at(start, 5));
    if number >= IMPOSSIBLE_NUMBER {
        return Err(Unreadable { what: "the batch has an impossible number", needs: START_BYTES });
    }
    for _ in 0..items {
        entries.skip_item()?;
    }
    let items_end = entries.at;
    let end = entries.take(END_BYTES)?;
    if end[0] != END || &end[9..] != TRAILER {
        return Err(Unreadable { what: "the batch has no end", needs: entries.at });
    }
    if u64_at(end, 1) != xxh3_64(&bytes[START_BYTES..items_end]) {
        return Err(Unreadable { what: "the checksum of the batch is wrong", needs: entries.at });
    }
    Ok(Batch { length: entries.at, number })
}

/// Walks over the entries of a batch.
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    /// Whether the last bytes are those that end a batch.
    pub(super) fn ends_with_end(bytes: &[u8]) -> bool {
        bytes.ends_with(TRAILER) && bytes.len() >= END_BYTES && bytes[bytes.len() - END_BYTES] == END
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let end = self.at.saturating_add(length);
        let taken = self.bytes.get(self.at..end);
        let taken = taken.ok_or(Unreadable { what: "the batch is cut short", needs: end })?;
        self.at = end;
        Ok(taken)
    }

    fn skip_item(&mut self) -> Result<(), Unreadable> {
        match self.bytes.get(self.at) {
            Some(&ITEM) => {
                let header = self.take(ITEM_HEADER_BYTES)?;
                let key = usize::from(u16::from_le_bytes([header[11], header[12]]));
                let (value, stored) = (u32_at(header, 13), u32_at(header, 17));
                // Nothing is compressed in the journal, see `tuning`.
                if header[2] != 0 || value != stored {
                    return Err(Unreadable { what: "an item has an impossible header", needs: self.at });
                }
                self.take(key + stored as usize).map(|_| ())
            }
            Some(&CLEAR) => self.take(CLEAR_BYTES).map(|_| ()),
            Some(_) => Err(Unreadable { what: "an item is expected", needs: self.at + 1 }),
            None => Err(Unreadable { what: "the batch is cut short", needs: self.at + 1 }),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("the range has four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("the range has eight bytes"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) struct Item<'a> {
        kind: u8,
        key: &'a [u8],
        value: &'a [u8],
    }

    impl<'a> Item<'a> {
        pub(in super::super) fn put(key: &'a [u8], value: &'a [u8]) -> Self {
            Item { kind: 0, key, value }
        }

        pub(in super::super) fn delete(key: &'a [u8]) -> Self {
            Item { kind: 1, key, value: b"" }
        }
    }

    pub(in super::super) fn encode(journal: &mut Vec<u8>, number: u64, items: &[Item<'_>]) {
        journal.push(START);
        journal.extend_from_slice(&u32::try_from(items.len()).expect("few items").to_le_bytes());
        journal.extend_from_slice(&number.to_le_bytes());
        let mut body = Vec::new();
        for item in items {
            let length = u32::try_from(item.value.len()).expect("a short value").to_le_bytes();
            body.extend_from_slice(&[ITEM, item.kind, 0]);
            body.extend_from_slice(&7u64.to_le_bytes());
            body.extend_from_slice(&u16::try_from(item.key.len()).expect("a short key").to_le_bytes());
            body.extend_from_slice(&[length, length].concat());
            body.extend_from_slice(&[item.key, item.value].concat());
        }
        journal.extend_from_slice(&body);
        journal.push(END);
        journal.extend_from_slice(&xxh3_64(&body).to_le_bytes());
        journal.extend_from_slice(TRAILER);
    }

    #[test]
    fn what_fjall_writes_is_what_is_read_here() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = fjall::Database::builder(directory.path()).open().expect("fjall opens");
        let keyspace = database.keyspace("any", Default::default).expect("a keyspace");
        for round in 0..3u8 {
            let mut batch = database.batch().durability(Some(fjall::PersistMode::SyncData));
            batch.insert(&keyspace, vec![round; 10], vec![round; 1000]);
            batch.remove(&keyspace, vec![round; 300]);
            batch.commit().expect("fjall commits");
        }
        let bytes = std::fs::read(directory.path().join("0.jnl")).expect("the journal is there");
        let mut at = 0;
        let mut numbers = Vec::new();
        while bytes[at] != 0 {
            let batch = batch(&bytes[at..]).expect("a whole batch");
            numbers.push(batch.number);
            at += batch.length;
        }
        assert_eq!(numbers.len(), 3);
        assert!(numbers.is_sorted_by(|a, b| a < b));
    }
}
