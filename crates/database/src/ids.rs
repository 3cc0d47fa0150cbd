//! Numeric ids that the server gives to keys: none twice, over restarts too.
//!
//! There are two sequences of counters. The scattered one is mapped onto ids that lie far apart (as production does,
//! so that neighbours in time are not neighbours in storage); the sequential one is what the legacy API asks for. A
//! counter is granted to a run of the server in blocks, with one durable write each; what a run has left over is lost.
//! Reserved counters that lie ahead are rows of the catalog, read when a block is granted.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use model::{Code, Status};
use parking_lot::Mutex;
use storage::Engine;

use crate::catalog::Catalog;
use crate::keys::DatabaseNumber;

/// Counters granted by one durable write.
const BLOCK: u64 = 10_000;
/// The first scattered id, and the first number that is no sequential one.
const SCATTERED_FROM: i64 = 1 << 52;
/// Counters of the scattered sequence are below this: 51 bits.
const SCATTERED_COUNTERS: u64 = (1 << 51) - 1;
/// Ids in one range.
const MAX_RANGE: u64 = 1_000_000_000;

/// Which sequence ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IdPolicy {
    /// From 2^52 to 2^52 + 2^51, all over the range.
    #[default]
    Scattered,
    /// 1, 2, 3, … below 2^52.
    Sequential,
}

/// The ids of one database.
pub(crate) struct Ids {
    catalog: Catalog,
    number: DatabaseNumber,
    scattered: Mutex<Sequence>,
    sequential: Mutex<Sequence>,
}

/// The part of a sequence that is granted: from `next` up to, but without, `end`.
#[derive(Default)]
struct Sequence {
    next: u64,
    end: u64,
    /// Reserved counters among them.
    reserved: BTreeSet<u64>,
}

impl Ids {
    pub(crate) fn new(engine: Arc<dyn Engine>, number: DatabaseNumber) -> Self {
        let sequence = || Mutex::new(Sequence::default());
        Ids { catalog: Catalog::new(engine), number, scattered: sequence(), sequential: sequence() }
    }

    /// A fresh id. Blocks for a durable write now and then.
    pub(crate) fn allocate(&self, policy: IdPolicy) -> Result<i64, Status> {
        let counter = *self.allocate_counters(policy, 1)?.start();
        Ok(match policy {
            IdPolicy::Scattered => scattered(counter),
            IdPolicy::Sequential => signed(counter),
        })
    }

    /// So many fresh sequential ids in a row. Blocks for a durable write now and then.
    pub(crate) fn allocate_range(&self, count: u64) -> Result<RangeInclusive<i64>, Status> {
        if count == 0 || count > MAX_RANGE {
            let text = format!("cannot allocate {count} ids at a time: between 1 and {MAX_RANGE} can be");
            return Err(Status::invalid_argument(text));
        }
        let counters = self.allocate_counters(IdPolicy::Sequential, count)?;
        Ok(signed(*counters.start())..=signed(*counters.end()))
    }

    /// Keeps ids that somebody chose from being allocated; those that never are need no keeping. Blocks for a
    /// durable write.
    pub(crate) fn reserve(&self, ids: impl Iterator<Item = i64>) -> Result<(), Status> {
        let (mut of_scattered, mut of_sequential) = (BTreeSet::new(), BTreeSet::new());
        for id in ids {
            match u64::try_from(id) {
                Ok(counter @ 1..) if id < SCATTERED_FROM => {
                    of_sequential.insert(counter);
                }
                Ok(_) => of_scattered.extend(counter_of(id)),
                Err(_) => {}
            }
        }
        self.reserve_counters(IdPolicy::Scattered, of_scattered)?;
        self.reserve_counters(IdPolicy::Sequential, of_sequential)
    }

    /// Skips all sequential ids up to `last`; answers those that were still to be had.
    pub(crate) fn reserve_up_to(&self, last: i64) -> Result<Option<RangeInclusive<i64>>, Status> {
        let mut sequence = self.sequential.lock();
        let last = u64::try_from(last).unwrap_or(0).min(IdPolicy::Sequential.counters() - 1);
        self.fill(IdPolicy::Sequential, &mut sequence, 1)?;
        let first = sequence.next;
        if last < first {
            return Ok(None);
        }
        self.fill(IdPolicy::Sequential, &mut sequence, last - first + 1)?;
        sequence.skip_to(last + 1);
        Ok(Some(signed(first)..=signed(last)))
    }

    fn reserve_counters(&self, policy: IdPolicy, counters: BTreeSet<u64>) -> Result<(), Status> {
        if counters.is_empty() {
            return Ok(());
        }
        let mut sequence = self.sequence(policy).lock();
        let ahead: BTreeSet<u64> =
            counters.iter().copied().filter(|counter| *counter >= sequence.end).collect();
        self.catalog.reserve_counters(self.number, policy.name(), &ahead)?;
        let granted = counters.into_iter().filter(|counter| (sequence.next..sequence.end).contains(counter));
        let granted: Vec<u64> = granted.collect();
        sequence.reserved.extend(granted);
        Ok(())
    }

    /// Counters in a row, none of them reserved.
    fn allocate_counters(&self, policy: IdPolicy, count: u64) -> Result<RangeInclusive<u64>, Status> {
        let mut sequence = self.sequence(policy).lock();
        loop {
            self.fill(policy, &mut sequence, count)?;
            let (first, last) = (sequence.next, sequence.next + count - 1);
            match sequence.reserved.range(first..=last).next_back().copied() {
                Some(taken) => sequence.skip_to(taken + 1),
                None => {
                    sequence.skip_to(last + 1);
                    return Ok(first..=last);
                }
            }
        }
    }

    /// Sees to it that `count` counters are granted, reserved ones among them.
    fn fill(&self, policy: IdPolicy, sequence: &mut Sequence, count: u64) -> Result<(), Status> {
        if sequence.end - sequence.next >= count {
            return Ok(());
        }
        let (number, name) = (self.number, policy.name());
        let start = self.catalog.next_counter(number, name)?;
        // Within a run blocks follow each other; the first one follows what earlier runs were granted.
        let next = if sequence.end == start { sequence.next } else { start };
        let end = (next.saturating_add(count).max(start) + BLOCK).min(policy.counters());
        if end.saturating_sub(next) < count {
            let text =
                "All numeric ids of this database have been allocated: choose names, or ids of your own.";
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        let reserved = self.catalog.reserved_counters(number, name, start..end)?;
        self.catalog.grant_counters(number, name, end, &reserved)?;
        sequence.reserved.extend(reserved);
        (sequence.next, sequence.end) = (next, end);
        Ok(())
    }

    fn sequence(&self, policy: IdPolicy) -> &Mutex<Sequence> {
        match policy {
            IdPolicy::Scattered => &self.scattered,
            IdPolicy::Sequential => &self.sequential,
        }
    }
}

impl Sequence {
    fn skip_to(&mut self, next: u64) {
        self.next = next;
        self.reserved = self.reserved.split_off(&next);
    }
}

impl IdPolicy {
    /// What the catalog calls the sequence.
    fn name(self) -> &'static str {
        match self {
            IdPolicy::Scattered => "scattered",
            IdPolicy::Sequential => "sequential",
        }
    }

    /// Its counters are below this.
    fn counters(self) -> u64 {
        match self {
            IdPolicy::Scattered => SCATTERED_COUNTERS,
            IdPolicy::Sequential => 1 << 52,
        }
    }
}

/// The id of a scattered counter.
fn scattered(counter: u64) -> i64 {
    SCATTERED_FROM + signed((counter << 13).reverse_bits())
}

/// The counter that a scattered id belongs to; None for other ids.
fn counter_of(id: i64) -> Option<u64> {
    let offset = u64::try_from(id - SCATTERED_FROM).ok()?;
    let counter = offset.reverse_bits() >> 13;
    ((1..SCATTERED_COUNTERS).contains(&counter) && scattered(counter) == id).then_some(counter)
}

fn signed(counter: u64) -> i64 {
    i64::try_from(counter).expect("a counter has fewer than 53 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::memory::MemoryEngine;

    #[test]
    fn scattered_ids_are_productions() {
        let first: Vec<i64> = (1..=7).map(scattered).collect();
        let known = [
            5_629_499_534_213_120,
            5_066_549_580_791_808,
            6_192_449_487_634_432,
            4_785_074_604_081_152,
            5_910_974_510_923_776,
            5_348_024_557_502_464,
            6_473_924_464_345_088,
        ];
        assert_eq!(first, known);
        assert!((1..100_000).all(|counter| counter_of(scattered(counter)) == Some(counter)));
        assert!(scattered(SCATTERED_COUNTERS - 1) <= 6_755_399_441_055_743);
        assert_eq!(
            [0, 7, -7, SCATTERED_FROM, i64::MAX, i64::MIN + SCATTERED_FROM].map(counter_of),
            [None; 6]
        );
    }

    #[test]
    fn no_id_is_given_twice_whatever_is_reserved_and_restarted() {
        let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
        let number = DatabaseNumber(1);
        let open = || Ids::new(engine.clone(), number);
        let mut given = BTreeSet::new();
        let mut ids = open();
        // Ahead of the first block, in it, behind it, and nobody's.
        ids.reserve(
            [2, 3, i64::try_from(BLOCK).unwrap() + 5, scattered(2), scattered(4), -1, 0, i64::MAX]
                .into_iter(),
        )
        .unwrap();
        for round in 0..3 {
            for _ in 0..BLOCK + 10 {
                assert!(given.insert(ids.allocate(IdPolicy::Sequential).unwrap()), "{round}");
                assert!(given.insert(ids.allocate(IdPolicy::Scattered).unwrap()), "{round}");
            }
            ids.reserve([1, scattered(1)].into_iter()).unwrap();
            ids = open();
        }
        for reserved in [2, 3, i64::try_from(BLOCK).unwrap() + 5, scattered(2), scattered(4)] {
            assert!(!given.contains(&reserved), "{reserved}");
        }
    }

    #[test]
    fn ranges_have_no_holes_and_go_around_what_is_reserved() {
        let ids = Ids::new(Arc::new(MemoryEngine::new()), DatabaseNumber(1));
        assert_eq!(ids.allocate_range(3).unwrap(), 1..=3);
        ids.reserve([5, 25_000].into_iter()).unwrap();
        assert_eq!(ids.allocate_range(2).unwrap(), 6..=7);
        assert_eq!(ids.reserve_up_to(9).unwrap(), Some(8..=9));
        assert_eq!(ids.reserve_up_to(9).unwrap(), None);
        assert_eq!(ids.allocate_range(15_000).unwrap(), 10..=15_009);
        assert_eq!(ids.allocate_range(15_000).unwrap(), 25_001..=40_000);
        assert_eq!(ids.allocate(IdPolicy::Sequential).unwrap(), 40_001);
        assert_eq!(ids.reserve_up_to(100_000).unwrap(), Some(40_002..=100_000));
        assert!(ids.allocate_range(0).is_err() && ids.allocate_range(MAX_RANGE + 1).is_err());
        // All the rest, and then no more.
        ids.reserve_up_to(i64::MAX).unwrap();
        assert_eq!(ids.allocate(IdPolicy::Sequential).unwrap_err().code, Code::ResourceExhausted);
    }
}
