//! Clocks: the system's, and one that a test moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970; may go back when the system's clock is set.
    fn now_micros(&self) -> i64;
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
}

/// The system's clock.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::elapsed`] begins now.
    pub fn new() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands until it is moved.
pub struct ManualClock {
    micros: AtomicI64,
    start: i64,
}

impl ManualClock {
    /// A clock that stands at `micros` since the epoch.
    pub fn at(micros: i64) -> Self {
        ManualClock { micros: AtomicI64::new(micros), start: micros }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).expect("a test moves its clock by less than an age");
        self.micros.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_micros(&self) -> i64 {
        self.micros.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        let micros = self.micros.load(Ordering::SeqCst) - self.start;
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}
