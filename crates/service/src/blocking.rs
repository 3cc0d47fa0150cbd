//! Long reads run on blocking threads, so many at once and no more: the others wait their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use database::View;
use model::{Status, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::Call;
use crate::reader::Reader;

/// Long reads at once. More would only share the same cores.
const AT_ONCE: usize = 32;
/// Reads at once that block where they stand. Each takes a thread from the runtime, which gets another
/// in its place; far fewer than the runtime may have, or it could not go on.
const STANDING: usize = 128;

/// The threads for long reads. A clone shares their number.
#[derive(Clone)]
pub(crate) struct Work {
    slots: Arc<Semaphore>,
    standing: Arc<Semaphore>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Work { slots: Arc::new(Semaphore::new(AT_ONCE)), standing: Arc::new(Semaphore::new(STANDING)) }
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

    /// One step of a reader, off the threads that serve connections.
    ///
    /// In a transaction the read may wait for locks, and while it waits it must hold nothing that the
    /// holders of those locks need: so there only the reading itself blocks, where it stands. When too
    /// many do, one more keeps its runtime thread busy instead of taking another: it makes progress.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        call: &Call,
        reader: &Reader,
        read: impl Fn(&View) -> Result<T, Status> + Send + 'static,
    ) -> Result<(T, Timestamp), Status> {
        if let Some(view) = reader.view().cloned() {
            let read_time = view.read_time();
            return self.run(move || read(&view)).await.map(|out| (out, read_time));
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

/// Ends a read that blocks where it stands, and so cannot be dropped, when its deadline passes.
struct Alarm {
    late: Arc<AtomicBool>,
    timer: JoinHandle<()>,
}

impl Alarm {
    fn at(deadline: Instant) -> Self {
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
