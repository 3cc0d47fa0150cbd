//! What the machine gives: time, randomness and tasks, real or simulated.
//!
//! Every other room takes these from a [`Host`], so that a test can stop the clock, repeat the
//! random numbers of a seed, and run background work in the caller's own thread.

mod clock;
mod random;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

pub use clock::{Clock, ManualClock, SystemClock};
pub use random::Random;
pub use tasks::Tasks;

/// A handle to the machine. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    clock: Arc<dyn Clock>,
    random: Arc<Random>,
    tasks: Tasks,
}

impl Host {
    /// The real machine. Must be called within a tokio runtime: background work runs on its blocking
    /// threads, which cost nothing while there is none.
    pub fn real() -> Self {
        let tasks = Tasks::Runtime(tokio::runtime::Handle::current());
        Host { clock: Arc::new(SystemClock::new()), random: Arc::new(Random::from_time()), tasks }
    }

    /// A machine whose clock `clock` moves, whose randomness comes from `seed`, and whose background
    /// work runs at once in the thread that asks for it.
    pub fn simulated(clock: Arc<ManualClock>, seed: u64) -> Self {
        Host { clock, random: Arc::new(Random::from_seed(seed)), tasks: Tasks::Inline }
    }

    /// The same machine with another clock.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Host { clock, ..self }
    }

    /// Microseconds since the epoch.
    pub fn now_micros(&self) -> i64 {
        self.clock.now_micros()
    }

    /// Time since some fixed moment; never goes back.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// A random number.
    pub fn random(&self) -> u64 {
        self.random.next()
    }

    /// Bytes that nobody can guess, unless the machine is simulated.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        self.random.secret()
    }

    /// Runs blocking work in the background.
    pub fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        self.tasks.spawn_blocking(work);
    }
}
