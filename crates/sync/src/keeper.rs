//! The cache from the asynchronous side: its work is done on threads that may block, and each batch is handed on and
//! counted.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cache::{Applied, Cache};
use crate::change::Change;
use crate::cursor::Cursor;
use crate::failure::Failure;
use crate::meters::{Meters, add};
use crate::settings::{Event, Observer};
use crate::taker::Taker;

/// A command that fails is tried so often, with growing pauses.
const TAKER_ATTEMPTS: u32 = 5;
const TAKER_PAUSE: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Clone)]
pub(crate) struct Keeper {
    desk: Arc<Mutex<Desk>>,
    meters: Arc<Meters>,
    observer: Observer,
}

/// What only one thread at a time may use.
struct Desk {
    cache: Cache,
    taker: Option<Taker>,
}

impl Keeper {
    pub(crate) fn new(
        mut cache: Cache,
        taker: Option<Taker>,
        meters: Arc<Meters>,
        observer: Observer,
    ) -> Keeper {
        if taker.is_some() {
            cache.send_changes();
        }
        let keeper = Keeper { desk: Arc::new(Mutex::new(Desk { cache, taker })), meters, observer };
        keeper.measure(&Applied::default(), None);
        keeper
    }

    /// Does work on the cache.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Cache) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.at_desk(|desk| work(&mut desk.cache)).await
    }

    /// Applies a batch, then hands on what it changed.
    pub(crate) async fn apply(
        &self,
        changes: Vec<Change>,
        cursor: Option<Cursor>,
    ) -> Result<Applied, Failure> {
        let as_of = cursor.as_ref().and_then(Cursor::as_of);
        let applied = self.with(move |cache| cache.apply(&changes, cursor.as_ref())).await?;
        self.done(applied, as_of).await
    }

    /// Applies what was put aside, and `rest`: see [`Cache::apply_staged`].
    pub(crate) async fn apply_staged(
        &self,
        rest: Vec<Change>,
        all: bool,
        cursor: Cursor,
    ) -> Result<Applied, Failure> {
        let as_of = cursor.as_of();
        let applied = self.with(move |cache| cache.apply_staged(&rest, all, &cursor)).await?;
        self.done(applied, as_of).await
    }

    async fn done(&self, applied: Applied, as_of: Option<crate::Time>) -> Result<Applied, Failure> {
        self.measure(&applied, as_of);
        if applied != Applied::default() {
            self.observer.tell(&Event::Applied(applied));
        }
        self.deliver().await?;
        Ok(applied)
    }

    /// Hands on what is in the outbox; a batch that nobody took is tried again.
    pub(crate) async fn deliver(&self) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            match self.at_desk(deliver_one).await {
                Ok(true) => failures = 0,
                Ok(false) => return Ok(()),
                Err(failure) => {
                    failures += 1;
                    if failures >= TAKER_ATTEMPTS {
                        return Err(failure);
                    }
                    let pause = TAKER_PAUSE * 2_u32.pow(failures);
                    self.observer.tell(&Event::Pause { failure: &failure, pause });
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    async fn at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let desk = Arc::clone(&self.desk);
        let working = tokio::task::spawn_blocking(move || {
            work(&mut desk.lock().expect("whoever panicked at the desk has ended the process"))
        });
        working.await.expect("work on the cache does not panic")
    }

    fn measure(&self, applied: &Applied, as_of: Option<crate::Time>) {
        add(&self.meters.set, applied.set);
        add(&self.meters.deleted, applied.deleted);
        add(&self.meters.evicted, applied.evicted);
        if let Some(as_of) = as_of {
            self.meters.as_of.store(as_of.0, Ordering::Relaxed);
        }
        if let Ok(desk) = self.desk.lock() {
            let held = desk.cache.held();
            self.meters.rows.store(held.rows, Ordering::Relaxed);
            self.meters.row_bytes.store(held.bytes, Ordering::Relaxed);
        }
    }
}

/// Answers whether there was something to deliver.
fn deliver_one(desk: &mut Desk) -> Result<bool, Failure> {
    let Some(taker) = &mut desk.taker else { return Ok(false) };
    let Some(outgoing) = desk.cache.outgoing()? else { return Ok(false) };
    taker.take(&outgoing.lines)?;
    desk.cache.delivered(&outgoing)?;
    Ok(true)
}
