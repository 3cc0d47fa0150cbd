//! Where reads run: long ones on blocking threads, so many at once and no more, the others wait their turn; short ones
//! where the call stands, for handing a few rows to another thread and back takes longer than reading them.

mod trust;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use database::View;
use model::{Status, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::Call;
use crate::reader::Reader;
use trust::Trust;

/// Long reads at once. More would only share the same cores.
const AT_ONCE: usize = 32;
/// Reads at once that block where they stand. Each takes a thread from the runtime, which gets another
/// in its place; far fewer than the runtime may have, or it could not go on.
const STANDING: usize = 128;

/// Documents or entities that are few to be read by their names.
const FEW: usize = 32;
/// Rows that a short query may read, where long documents count for several. About twenty microseconds each at worst.
const MAX_READS: u64 = 256;

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

impl Work {
    pub(crate) fn new() -> Self {
        Work {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            standing: Arc::new(Semaphore::new(STANDING)),
            trust: Arc::new(Trust::new()),
        }
    }

    /// Runs a query where it stands. None if it has to run on a thread: `work` found that its plan is not short, it read
    /// more than short queries do, its view has to look for the past among the present, or short ones took too long of
    /// late.
    pub(crate) fn here<T>(
        &self,
        view: &View,
        work: impl FnOnce(&View) -> Result<Option<T>, Status>,
    ) -> Option<Result<T, Status>> {
        if view.is_past() || !self.trust.stands() {
            return None;
        }
        let view = view.bounded(MAX_READS);
        let outcome = self.trust.tried(|| work(&view));
        if view.is_exhausted() { None } else { outcome.transpose() }
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
    use database::{ByteRange, NameSource, Options, Store};
    use host::{Host, ManualClock};
    use model::query::Direction;
    use model::write::{Operation, Precondition, Write};
    use model::{DatabaseName, DocumentPath, Fields, Parent};
    use storage::memory::MemoryEngine;

    use super::*;

    #[tokio::test]
    async fn a_query_that_reads_more_than_it_said_runs_on_a_thread() {
        let host = Host::simulated(Arc::new(ManualClock::at(1)), 1);
        let store = Store::open(Arc::new(MemoryEngine::new()), host, Options::default()).expect("a store");
        let database = store.database(&DatabaseName::new("p", "d")).expect("a database");
        let write = |id: u64| Write {
            path: DocumentPath::new(&format!("c/{id}")).expect("a path"),
            operation: Operation::Set { fields: Fields::new(), mask: None, transforms: Vec::new() },
            precondition: Precondition::None,
        };
        let before = database.view().read_time();
        database.commit((0..300).map(write).collect(), None).await.expect("a commit");
        let read = |rows: u64| {
            move |view: &View| {
                let source = NameSource::Kindless { parent: Parent::Root };
                let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
                for _ in 0..rows {
                    scan.next()?;
                }
                Ok(Some(rows))
            }
        };
        let (work, view) = (Work::new(), database.view());
        assert_eq!(work.here(&view, read(MAX_READS)), Some(Ok(MAX_READS)));
        assert_eq!(work.here(&view, read(MAX_READS + 1)), None);
        assert_eq!(work.here(&view, |_| Ok(None::<()>)), None);
        let past = database.view_at(before).expect("within the retention");
        assert_eq!(work.here(&past, read(0)), None, "where later documents are in the way");
        assert_eq!(view.reads(), Default::default(), "what was tried counts for nothing");
    }
}
