//! Entries by name and by last use, within a number of bytes.

use std::collections::{BTreeMap, HashMap};

use super::{CacheKey, CacheStats, CacheValue, MICROS};

/// What an entry takes besides its bytes: its places in two maps.
const ENTRY_BYTES: usize = 256;

/// See the module.
pub(super) struct Shelf {
    entries: HashMap<CacheKey, Entry>,
    /// By the tick of the last use.
    by_use: BTreeMap<u64, CacheKey>,
    /// Counts uses and changes: the next tick, and the next version.
    next: u64,
    bytes: usize,
    max_bytes: usize,
    hits: u64,
    misses: u64,
    byte_hits: u64,
}

/// An entry.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) value: CacheValue,
    pub(super) version: u64,
    /// Microseconds since 1970.
    pub(super) expires: Option<i64>,
    /// Deleted, and not to be added again before it expires.
    pub(super) locked: bool,
    stored: i64,
    used: u64,
}

impl Entry {
    /// A new entry; the shelf gives it its version.
    pub(super) fn new(value: CacheValue, now: i64, expires: Option<i64>) -> Self {
        Entry { value, version: 0, expires, locked: false, stored: now, used: 0 }
    }
}

impl Shelf {
    pub(super) fn new(max_bytes: usize) -> Self {
        let (entries, by_use) = (HashMap::new(), BTreeMap::new());
        Shelf { entries, by_use, next: 1, bytes: 0, max_bytes, hits: 0, misses: 0, byte_hits: 0 }
    }

    /// The entry of a name, unless its time has come.
    pub(super) fn get(&mut self, key: &CacheKey, now: i64) -> Option<&Entry> {
        let is_over = |entry: &Entry| entry.expires.is_some_and(|expires| expires <= now);
        if self.entries.get(key).is_some_and(is_over) {
            self.remove(key);
        }
        self.entries.get(key)
    }

    /// Puts an entry in the place of what has its name, and makes room.
    pub(super) fn put(&mut self, key: CacheKey, mut entry: Entry) {
        self.remove(&key);
        entry.version = self.tick();
        entry.used = entry.version;
        self.bytes += size(&key, &entry);
        self.by_use.insert(entry.used, key.clone());
        self.entries.insert(key, entry);
        while self.bytes > self.max_bytes
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &CacheKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= size(key, &entry);
        }
    }

    /// The entry was used.
    pub(super) fn touch(&mut self, key: &CacheKey) {
        let tick = self.tick();
        if let Some(entry) = self.entries.get_mut(key) {
            if let Some(key) = self.by_use.remove(&entry.used) {
                self.by_use.insert(tick, key);
            }
            entry.used = tick;
        }
    }

    /// A read found so many bytes, or nothing.
    pub(super) fn count(&mut self, found: Option<usize>) {
        match found {
            Some(bytes) => {
                self.hits += 1;
                self.byte_hits += bytes as u64;
            }
            None => self.misses += 1,
        }
    }

    pub(super) fn stats(&self, now: i64) -> CacheStats {
        let oldest = self.by_use.first_key_value().and_then(|(_, key)| self.entries.get(key));
        let age = oldest.map_or(0, |entry| (now - entry.stored) / MICROS);
        let overhead = self.entries.len() * ENTRY_BYTES;
        CacheStats {
            hits: self.hits,
            misses: self.misses,
            byte_hits: self.byte_hits,
            items: self.entries.len() as u64,
            bytes: (self.bytes - overhead) as u64,
            oldest_seconds: u32::try_from(age).unwrap_or_default(),
        }
    }

    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

fn size(key: &CacheKey, entry: &Entry) -> usize {
    ENTRY_BYTES + key.namespace.len() + key.key.len() + entry.value.bytes.len()
}
