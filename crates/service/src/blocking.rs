//! Where reads run: long ones on blocking threads, so many at once and no more, the others wait their turn; short ones
//! where the call stands, for handing a few rows to another thread and back takes longer than reading them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use database::View;
use model::{Status, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Call;
use crate::reader::Reader;

/// Long reads at once. More would only share the same cores.
const AT_ONCE: usize = 32;
/// Reads at once that block where they stand. Each takes a thread from the runtime, which gets another
/// in its place; far fewer than the runtime may have, or it could not go on.
const STANDING: usize = 128;

/// Documents or entities that are few to be read by their names.
const FEW: usize = 32;
/// A read that was said to be short and takes longer than this (a thread that must wait for its turn on the processor
/// takes less) was not: its rows are on a slow disk, or lie among many
/// that were deleted.
const SHORT: Duration = Duration::from_millis(10);
/// For so long after too many of those, nobody's word is taken for it.
const DISTRUST: Duration = Duration::from_millis(100);
/// What one of those costs of trust, which each that was short restores by one; and what there is to lose. So it takes
/// two within a moment, or one in eight: a single one may only have waited for a busy processor.
const COST: u64 = 8;
const TRUST: u64 = 16;

/// How long a read is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// A few rows.
    Short,
    Long,
}

/// The threads for long reads, and trust in short ones. A clone shares both.
#[derive(Clone)]
pub(crate) struct Work {
    slots: Arc<Semaphore>,
    standing: Arc<Semaphore>,
    trust: Arc<Trust>,
}

/// Whether what is said to be short is.
struct Trust {
    begin: Instant,
    /// Not until so many microseconds after the beginning; hardly ever anything but 0.
    until: AtomicU64,
    lost: AtomicU64,
}

impl Work {
    pub(crate) fn new() -> Self {
        Work {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            standing: Arc::new(Semaphore::new(STANDING)),
            trust: Arc::new(Trust {
                begin: Instant::now(),
                until: AtomicU64::new(0),
                lost: AtomicU64::new(0),
            }),
        }
    }

    /// Runs `work` where it stands if it is short, and as [`Work::run`] does if not.
    pub(crate) async fn run_by_length<T: Send + 'static>(
        &self,
        length: Length,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        if length == Length::Short && self.trust.stands() {
            return self.trust.tried(work);
        }
        self.run(work).await
    }

    /// Runs `work` on a blocking thread. A panic in it goes on in the caller.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let slot = self.slots.clone().acquire_owned().await.expect("the slots are never closed");
        let running = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        match running.await {
            Ok(outcome) => outcome,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Status::internal("The server is stopping.")),
            },
        }
    }

    /// One step of a reader; if it is long, off the threads that serve connections.
    ///
    /// In a transaction the read may wait for locks, and while it waits it must hold nothing that the
    /// holders of those locks need: so there only the reading itself blocks, where it stands. When too
    /// many do, one more keeps its runtime thread busy instead of taking another: it makes progress.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        call: &Call,
        reader: &Reader,
        length: Length,
        read: impl Fn(&View) -> Result<T, Status> + Send + 'static,
    ) -> Result<(T, Timestamp), Status> {
        if let Some(view) = reader.view() {
            let read_time = view.read_time();
            if length == Length::Short && self.trust.stands() {
                return self.trust.tried(|| read(view)).map(|out| (out, read_time));
            }
            let view = view.clone();
            return self.run(move || read(&view)).await.map(|out| (out, read_time));
        }
        if length == Length::Short {
            return reader.read(read).await;
        }
        let alarm = Alarm::at(call.deadline);
        let standing = |view: &View| {
            let view = view.cancelled_by(alarm.late.clone());
            match self.standing.try_acquire() {
                Ok(_place) => tokio::task::block_in_place(|| read(&view)),
                Err(_) => read(&view),
            }
        };
        reader.read(standing).await
    }
}

impl Trust {
    fn stands(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until == 0 || self.micros() >= until
    }

    fn tried<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = std::time::Instant::now();
        let outcome = work();
        self.note(begun.elapsed());
        outcome
    }

    /// A read that was said to be short took so long.
    fn note(&self, took: Duration) {
        let lost = self.lost.load(Ordering::Relaxed);
        if took <= SHORT {
            if lost > 0 {
                self.lost.store(lost - 1, Ordering::Relaxed);
            }
        } else if lost + COST < TRUST {
            self.lost.store(lost + COST, Ordering::Relaxed);
        } else {
            self.lost.store(0, Ordering::Relaxed);
            let until = self.micros() + u64::try_from(DISTRUST.as_micros()).expect("a moment");
            self.until.fetch_max(until, Ordering::Relaxed);
        }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Length {
    /// That of so many reads by name or key.
    pub(crate) fn of(reads: usize) -> Self {
        if reads <= FEW { Length::Short } else { Length::Long }
    }
}

/// Ends a read that blocks where it stands, and so cannot be dropped, when its deadline passes.
struct Alarm {
    late: Arc<AtomicBool>,
    timer: JoinHandle<()>,
}

impl Alarm {
    fn at(deadline: std::time::Instant) -> Self {
        let late = Arc::<AtomicBool>::default();
        let flag = late.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep_until(deadline.into()).await;
            flag.store(true, Ordering::Relaxed);
        });
        Alarm { late, timer }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_short_runs_where_it_stands_until_one_was_not() {
        let work = Work::new();
        let here = async |length| {
            let ran_on = work.run_by_length(length, || Ok(thread::current().id())).await;
            ran_on.expect("nothing fails") == thread::current().id()
        };
        assert!(here(Length::Short).await && !here(Length::Long).await);
        let (short, long) = (SHORT, SHORT + Duration::from_nanos(1));
        let note = |times, took| (0..times).for_each(|_| work.trust.note(took));
        // One in sixteen is borne.
        for _ in 0..100 {
            note(1, long);
            note(15, short);
        }
        assert!(here(Length::Short).await);
        note(2, long);
        assert!(!here(Length::Short).await);
        tokio::time::advance(DISTRUST).await;
        assert!(here(Length::Short).await);
    }
}
