//! Long reads run on blocking threads, so many at once and no more: the others wait their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use database::View;
use model::{Status, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::reader::Reader;

/// Long reads at once. More would only share the same cores.
const AT_ONCE: usize = 32;

/// The threads for long reads. A clone shares their number.
#[derive(Clone)]
pub(crate) struct Work {
    slots: Arc<Semaphore>,
}

/// Somebody waits for the outcome. Dropped, it tells the read to stop: the deadline has passed, or the
/// client has gone.
#[derive(Default)]
struct Interest {
    lost: Arc<AtomicBool>,
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.lost.store(true, Ordering::Relaxed);
    }
}

impl Work {
    pub(crate) fn new() -> Self {
        Work { slots: Arc::new(Semaphore::new(AT_ONCE)) }
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
    /// In a transaction the read may wait for locks, and while it waits it must not hold a slot that
    /// the holders of those locks need: so there only the reading itself blocks, where it stands.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        reader: &Reader,
        read: impl Fn(&View) -> Result<T, Status> + Send + 'static,
    ) -> Result<(T, Timestamp), Status> {
        if let Some(view) = reader.view().cloned() {
            let read_time = view.read_time();
            let interest = Interest::default();
            let view = view.cancelled_by(interest.lost.clone());
            return self.run(move || read(&view)).await.map(|out| (out, read_time));
        }
        let runtime = Handle::current();
        let in_slot = |view: &View| {
            tokio::task::block_in_place(|| {
                let _slot = runtime.block_on(self.slots.acquire());
                read(view)
            })
        };
        reader.read(in_slot).await
    }
}
