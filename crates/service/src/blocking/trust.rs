//! Whether reads that are said to be short are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A read that was said to be short and takes longer than this was not: its rows are on a slow disk, or lie among many
/// that were deleted. A thread that must wait for its turn on the processor takes less, mostly.
const SHORT: Duration = Duration::from_millis(10);
/// One that takes longer than this is enough.
const STALL: Duration = Duration::from_millis(100);
/// For so long after too many of those nobody's word is taken for it; or for so many times as long as the last of them
/// took, if that is longer. So what stands in the way of others is a small part of the time, whoever asks for it.
const DISTRUST: Duration = Duration::from_millis(100);
const TIMES: u32 = 20;
/// What one of those costs of trust, which each that was short restores by one; and what there is to lose. So it takes
/// two within a moment, or one in eight.
const COST: u64 = 8;
const TRUST: u64 = 16;

/// See the module. What threads do to it at once may be lost: it is no account, but an impression.
pub(super) struct Trust {
    begin: Instant,
    /// Not until so many microseconds after the beginning; hardly ever anything but 0.
    until: AtomicU64,
    lost: AtomicU64,
}

impl Trust {
    pub(super) fn new() -> Self {
        Trust { begin: Instant::now(), until: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// False while nothing is taken for short.
    pub(super) fn stands(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until == 0 || micros(self.begin.elapsed()) >= until
    }

    /// Does what was said to be short.
    pub(super) fn tried<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = std::time::Instant::now();
        let outcome = work();
        self.note(begun.elapsed());
        outcome
    }

    /// It took so long.
    fn note(&self, took: Duration) {
        let lost = self.lost.load(Ordering::Relaxed);
        if took <= SHORT {
            if lost > 0 {
                self.lost.store(lost - 1, Ordering::Relaxed);
            }
        } else if took <= STALL && lost + COST < TRUST {
            self.lost.store(lost + COST, Ordering::Relaxed);
        } else {
            self.lost.store(0, Ordering::Relaxed);
            let until = self.begin.elapsed() + DISTRUST.max(took.saturating_mul(TIMES));
            self.until.fetch_max(micros(until), Ordering::Relaxed);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trust_is_lost_by_two_slow_reads_in_a_row_or_one_that_stalls() {
        let trust = Trust::new();
        let slow = SHORT + Duration::from_nanos(1);
        let note = |times, took| (0..times).for_each(|_| trust.note(took));
        // One in sixteen is borne.
        for _ in 0..100 {
            note(1, slow);
            note(15, SHORT);
        }
        assert!(trust.stands());
        note(2, slow);
        assert!(!trust.stands());
        tokio::time::advance(slow * TIMES).await;
        assert!(trust.stands());
        note(1, 2 * STALL);
        tokio::time::advance(2 * STALL * (TIMES - 1)).await;
        assert!(!trust.stands(), "for many times as long as it stalled");
        tokio::time::advance(2 * STALL).await;
        assert!(trust.stands());
    }
}
