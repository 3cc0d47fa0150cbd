//! A cache beside the databases, as App Engine's memcache: nothing in it is durable, and anything may go.
//!
//! There is one for the whole server; namespaces keep users apart. What was used last stays longest.

mod shelf;

use std::sync::Arc;

use bytes::Bytes;
use host::Host;
use parking_lot::Mutex;

use shelf::{Entry, Shelf};

/// Bytes that the cache may take.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one key; clients send a hash of longer ones.
const MAX_KEY_BYTES: usize = 250;
/// Bytes of one value, by App Engine's documentation.
const MAX_VALUE_BYTES: usize = 1_000_000;
/// Times up to here count from now, later ones from 1970: thirty days.
const MAX_RELATIVE_SECONDS: u32 = 30 * 24 * 60 * 60;
const MICROS: i64 = 1_000_000;

/// The cache.
pub struct Memcache {
    host: Host,
    shelf: Mutex<Shelf>,
}

/// The name of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    pub namespace: Arc<str>,
    pub key: Bytes,
}

/// What an entry holds. The flags mean something to clients only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheValue {
    pub bytes: Bytes,
    pub flags: u32,
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    pub value: CacheValue,
    /// Another one after each change.
    pub version: u64,
    /// Seconds until the entry goes; None when it has no such time.
    pub expires_in: Option<i64>,
}

/// When a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetPolicy {
    Always,
    /// Only where there is nothing.
    Add,
    /// Only where there is something.
    Replace,
    /// Only if the entry still has this version.
    Unchanged(u64),
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOutcome {
    Stored,
    /// The policy forbade it.
    NotStored,
    /// The entry has another version by now.
    Changed,
    /// The key or the value is longer than the cache takes.
    TooLong,
}

/// A change of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wraps at 2^64.
    Up(u64),
    /// Stops at zero.
    Down(u64),
}

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    To(u64),
    /// Nothing is there, and no initial value was given.
    Missing,
    /// What is there is no decimal number of 64 bits.
    NotANumber,
}

/// Figures since the cache was made or flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    pub hits: u64,
    pub misses: u64,
    /// Bytes of keys and values that were found.
    pub byte_hits: u64,
    pub items: u64,
    /// Bytes of all keys and values.
    pub bytes: u64,
    /// Seconds since the entry was stored that would go first.
    pub oldest_seconds: u32,
}

impl Memcache {
    /// An empty cache.
    pub(crate) fn new(host: Host) -> Self {
        Memcache { host, shelf: Mutex::new(Shelf::new(MAX_BYTES)) }
    }

    /// Reads an entry; that counts as a use unless it is a peek.
    pub fn get(&self, key: &CacheKey, peek: bool) -> Option<Cached> {
        let now = self.host.now_micros();
        let mut shelf = self.shelf.lock();
        let found = shelf.get(key, now).filter(|entry| !entry.locked).map(|entry| Cached {
            value: entry.value.clone(),
            version: entry.version,
            expires_in: entry.expires.map(|expires| (expires - now) / MICROS),
        });
        shelf.count(found.as_ref().map(|found| key.key.len() + found.value.bytes.len()));
        if found.is_some() && !peek {
            shelf.touch(key);
        }
        found
    }

    /// Stores an entry, if the policy allows. `expires` is in seconds, from now or — beyond thirty days —
    /// since 1970; 0 for never.
    pub fn set(&self, key: CacheKey, value: CacheValue, policy: SetPolicy, expires: u32) -> SetOutcome {
        if key.key.len() > MAX_KEY_BYTES || value.bytes.len() > MAX_VALUE_BYTES {
            return SetOutcome::TooLong;
        }
        let now = self.host.now_micros();
        let mut shelf = self.shelf.lock();
        let old = shelf.get(&key, now);
        let outcome = match (policy, old) {
            (SetPolicy::Always, _) | (SetPolicy::Add, None) => SetOutcome::Stored,
            (SetPolicy::Replace, Some(old)) if !old.locked => SetOutcome::Stored,
            (SetPolicy::Unchanged(version), Some(old)) if !old.locked => {
                if old.version == version {
                    SetOutcome::Stored
                } else {
                    SetOutcome::Changed
                }
            }
            (SetPolicy::Add, Some(_)) | (SetPolicy::Replace | SetPolicy::Unchanged(_), _) => {
                SetOutcome::NotStored
            }
        };
        if outcome == SetOutcome::Stored {
            shelf.put(key, Entry::new(value, now, moment(now, expires)));
        }
        outcome
    }

    /// Removes an entry; true when there was one. For `lock` seconds, counted as by [`Memcache::set`], only an
    /// unconditional set can store it again.
    pub fn delete(&self, key: &CacheKey, lock: u32) -> bool {
        let now = self.host.now_micros();
        let mut shelf = self.shelf.lock();
        let existed = shelf.get(key, now).is_some();
        if existed && lock > 0 {
            let nothing = CacheValue { bytes: Bytes::new(), flags: 0 };
            let mut gone = Entry::new(nothing, now, moment(now, lock));
            gone.locked = true;
            shelf.put(key.clone(), gone);
        } else {
            shelf.remove(key);
        }
        existed
    }

    /// Changes a decimal number; where there is none, begins with `initial` and its flags.
    pub fn step(&self, key: CacheKey, step: Step, initial: Option<(u64, u32)>) -> Stepped {
        let now = self.host.now_micros();
        let mut shelf = self.shelf.lock();
        let (number, mut entry) = match (shelf.get(&key, now).filter(|entry| !entry.locked), initial) {
            (Some(entry), _) => match decimal(&entry.value.bytes) {
                Some(number) => (number, entry.clone()),
                None => return Stepped::NotANumber,
            },
            (None, Some(_)) if key.key.len() > MAX_KEY_BYTES => return Stepped::Missing,
            (None, Some((number, flags))) => {
                (number, Entry::new(CacheValue { bytes: Bytes::new(), flags }, now, None))
            }
            (None, None) => return Stepped::Missing,
        };
        let number = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        entry.value.bytes = number.to_string().into();
        shelf.put(key, entry);
        Stepped::To(number)
    }

    /// Empties the cache and begins its figures anew.
    pub fn flush(&self) {
        *self.shelf.lock() = Shelf::new(MAX_BYTES);
    }

    /// Figures.
    pub fn stats(&self) -> CacheStats {
        self.shelf.lock().stats(self.host.now_micros())
    }
}

/// The moment that so many seconds mean; None for never.
fn moment(now: i64, seconds: u32) -> Option<i64> {
    let micros = i64::from(seconds) * MICROS;
    match seconds {
        0 => None,
        1..=MAX_RELATIVE_SECONDS => Some(now + micros),
        _ => Some(micros),
    }
}

fn decimal(bytes: &[u8]) -> Option<u64> {
    let is_decimal = bytes.iter().all(u8::is_ascii_digit);
    str::from_utf8(bytes).ok().filter(|_| is_decimal)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use host::ManualClock;

    use super::*;

    const DAY: u64 = 24 * 60 * 60;

    fn cache() -> (Memcache, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(1_700_000_000 * MICROS));
        (Memcache::new(Host::simulated(clock.clone(), 1)), clock)
    }

    fn key(key: &'static str) -> CacheKey {
        CacheKey { namespace: "".into(), key: Bytes::from_static(key.as_bytes()) }
    }

    fn value(text: &'static str) -> CacheValue {
        CacheValue { bytes: Bytes::from_static(text.as_bytes()), flags: 7 }
    }

    fn text(cache: &Memcache, name: &'static str) -> Option<String> {
        let found = cache.get(&key(name), false)?;
        Some(String::from_utf8(found.value.bytes.to_vec()).expect("text"))
    }

    #[test]
    fn policies_look_at_what_is_there() {
        let (cache, _) = cache();
        let set = |name, policy| cache.set(key(name), value("v"), policy, 0);
        assert_eq!(set("k", SetPolicy::Replace), SetOutcome::NotStored);
        assert_eq!(set("k", SetPolicy::Unchanged(1)), SetOutcome::NotStored);
        assert_eq!(set("k", SetPolicy::Add), SetOutcome::Stored);
        assert_eq!(set("k", SetPolicy::Add), SetOutcome::NotStored);
        let version = cache.get(&key("k"), false).expect("it was stored").version;
        assert_eq!(set("k", SetPolicy::Replace), SetOutcome::Stored);
        assert_eq!(set("k", SetPolicy::Unchanged(version)), SetOutcome::Changed);
        let version = cache.get(&key("k"), false).expect("it was stored").version;
        assert_eq!(set("k", SetPolicy::Unchanged(version)), SetOutcome::Stored);
        assert_eq!(cache.get(&key("k"), false).map(|found| found.value.flags), Some(7));
    }

    #[test]
    fn a_deleted_key_stays_locked_for_a_while() {
        let (cache, clock) = cache();
        let add = || cache.set(key("k"), value("v"), SetPolicy::Add, 0);
        assert!(!cache.delete(&key("k"), 10), "there was nothing");
        assert_eq!(add(), SetOutcome::Stored);
        assert!(cache.delete(&key("k"), 10));
        assert_eq!((add(), text(&cache, "k")), (SetOutcome::NotStored, None));
        clock.advance(Duration::from_secs(10));
        assert_eq!(add(), SetOutcome::Stored);
        assert!(cache.delete(&key("k"), 10));
        assert_eq!(cache.set(key("k"), value("v"), SetPolicy::Always, 0), SetOutcome::Stored);
    }

    #[test]
    fn entries_go_when_their_time_has_come() {
        let (cache, clock) = cache();
        let until = 1_700_000_000 + 40 * DAY as u32;
        for (name, expires) in [("relative", 60), ("absolute", until), ("never", 0)] {
            cache.set(key(name), value("v"), SetPolicy::Always, expires);
        }
        assert_eq!(cache.get(&key("relative"), false).expect("there").expires_in, Some(60));
        clock.advance(Duration::from_secs(60));
        let there = || ["relative", "absolute", "never"].map(|name| text(&cache, name).is_some());
        assert_eq!(there(), [false, true, true]);
        clock.advance(Duration::from_secs(40 * DAY));
        assert_eq!(there(), [false, false, true]);
    }

    #[test]
    fn numbers_wrap_above_and_stop_at_zero() {
        let (cache, _) = cache();
        let step = |step, initial| cache.step(key("n"), step, initial);
        assert_eq!(step(Step::Up(1), None), Stepped::Missing);
        assert_eq!(step(Step::Up(2), Some((40, 3))), Stepped::To(42));
        assert_eq!(step(Step::Down(50), None), Stepped::To(0));
        assert_eq!(step(Step::Up(u64::MAX), None), Stepped::To(u64::MAX));
        assert_eq!(step(Step::Up(2), None), Stepped::To(1));
        assert_eq!(text(&cache, "n").as_deref(), Some("1"));
        cache.set(key("n"), value("+1"), SetPolicy::Always, 0);
        assert_eq!(step(Step::Up(1), None), Stepped::NotANumber);
    }

    #[test]
    fn what_was_used_last_stays_longest() {
        let (cache, _) = cache();
        let big = || CacheValue { bytes: Bytes::from(vec![0; MAX_VALUE_BYTES]), flags: 0 };
        let name = |n: usize| CacheKey { namespace: "".into(), key: n.to_string().into() };
        cache.set(name(0), big(), SetPolicy::Always, 0);
        for n in 1..200 {
            cache.set(name(n), big(), SetPolicy::Always, 0);
            assert!(cache.get(&name(0), false).is_some(), "it is used again and again");
        }
        assert!(cache.get(&name(1), true).is_none());
        let stats = cache.stats();
        assert!(stats.bytes <= MAX_BYTES as u64 && stats.items > 60, "{stats:?}");
        assert_eq!((stats.hits, stats.misses), (199, 1));
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let (cache, _) = cache();
        let long = CacheKey { namespace: "".into(), key: vec![b'k'; MAX_KEY_BYTES + 1].into() };
        assert_eq!(cache.set(long.clone(), value("v"), SetPolicy::Always, 0), SetOutcome::TooLong);
        assert_eq!(cache.step(long, Step::Up(1), Some((0, 0))), Stepped::Missing);
        let huge = CacheValue { bytes: vec![0; MAX_VALUE_BYTES + 1].into(), flags: 0 };
        assert_eq!(cache.set(key("k"), huge, SetPolicy::Always, 0), SetOutcome::TooLong);
    }

    #[test]
    fn namespaces_are_apart_and_a_flush_empties_all() {
        let (cache, _) = cache();
        let other = CacheKey { namespace: "n".into(), ..key("k") };
        cache.set(other.clone(), value("v"), SetPolicy::Always, 0);
        assert!(cache.get(&key("k"), false).is_none());
        cache.flush();
        assert!(cache.get(&other, false).is_none());
        assert_eq!(cache.stats(), CacheStats { misses: 1, ..CacheStats::default() });
    }
}
