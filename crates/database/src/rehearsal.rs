//! Commits about which a [`Guard`] takes long to decide.
//!
//! ```text
//!   commit ──► its turn ──► quick: answered
//!                │ slow decisions took too much of the time
//!                ▼
//!           rehearsal ──► refused: answered
//!                │ quick            │ slow: one at a time
//!                ▼                  ▼
//!             its turn           its turn
//! ```
//! At its turn a decision holds up all other commits of the database. Most are quick, and made there and nowhere else.
//! When one was not, or many together, all that come in the time after it are rehearsed first: decided on the newest
//! state, off the committer. What is refused there was refused as of that state and never has a turn. Of those that take
//! long one at most waits for its turn, so the others' turns are between, however many of them there are.
//!
//! What counts is the decision at the turn: a rehearsal allows nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::Host;
use model::{Code, Status};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::database::Inner;
use crate::error;
use crate::guard::Guard;
use crate::ready::Ready;
use crate::round::{Prepared, Round};
use crate::transaction::TransactionId;
use crate::work::{Done, Work};

/// A commit that takes longer to be decided is slow.
const QUICK: Duration = Duration::from_millis(2);
/// Slow ones may take so much of the committer's time at once, and in the long run one part of so many.
const BURST: Duration = Duration::from_millis(10);
const PART: u32 = 4;
/// For so long after they took more nobody's commit is taken for quick.
const DISTRUST: Duration = Duration::from_secs(1);
/// Rehearsals at once. More would only share the same cores.
const AT_ONCE: usize = 2;
/// Commits that may be rehearsed or wait for it; beyond, they are answered with RESOURCE_EXHAUSTED at once.
const MAX_WAITING: usize = 1_000;

const OPEN: &str = "these semaphores are never closed";

/// What one database knows of how long decisions take.
pub(crate) struct Pace {
    times: Mutex<Times>,
    waiting: Arc<Semaphore>,
    stage: Arc<Semaphore>,
    /// For the one slow commit that may wait for its turn.
    slow: Arc<Semaphore>,
}

/// As the host counts time.
#[derive(Default)]
struct Times {
    /// When slow decisions would have had their part of the time, had they been spread evenly.
    earned: Duration,
    /// Until when commits are rehearsed.
    distrust: Duration,
}

/// A guard on the way to the committer.
pub(crate) struct Asked {
    guard: Arc<dyn Guard>,
    pace: Arc<Pace>,
    host: Host,
    /// True when it must be asked now, whatever it takes.
    is_due: bool,
    /// Told when it was not asked, and the commit must be rehearsed.
    postponed: Arc<AtomicBool>,
    /// Held until the turn is over, also when nobody waits for the answer any more.
    _slow: Option<OwnedSemaphorePermit>,
}

impl Pace {
    pub(crate) fn new() -> Arc<Self> {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Arc::new(Pace {
            times: Mutex::default(),
            waiting: semaphore(MAX_WAITING),
            stage: semaphore(AT_ONCE),
            slow: semaphore(1),
        })
    }

    /// True while no decision is taken for quick.
    fn is_slow(&self, now: Duration) -> bool {
        now < self.times.lock().distrust
    }

    /// Takes note of a decision at its turn.
    fn note(&self, begun: Duration, now: Duration) {
        let took = now.saturating_sub(begun);
        if took > QUICK {
            let mut times = self.times.lock();
            times.earned = times.earned.max(begun) + took * PART;
            if times.earned > begun + BURST * PART {
                times.distrust = now + DISTRUST;
            }
        }
    }
}

impl Asked {
    /// Works a commit out at its turn.
    pub(crate) fn at_turn(
        &self,
        work_out: impl FnOnce(&dyn Guard) -> Result<Prepared, Status>,
    ) -> Result<Prepared, Status> {
        let begun = self.host.elapsed();
        if !self.is_due && self.pace.is_slow(begun) {
            self.postponed.store(true, Ordering::Release);
            return Err(Status::new(Code::Unavailable, "The commit has to be rehearsed first."));
        }
        let prepared = work_out(&*self.guard);
        self.pace.note(begun, self.host.elapsed());
        prepared
    }
}

impl Inner {
    /// Commits writes about which `guard` decides.
    pub(crate) async fn commit_decided(
        self: &Arc<Self>,
        writes: Vec<Ready>,
        transaction: Option<TransactionId>,
        guard: Arc<dyn Guard>,
    ) -> Result<Done, Status> {
        let (writes, postponed) = (Arc::new(writes), Arc::<AtomicBool>::default());
        let submit = |is_due, slow| {
            let (guard, postponed) = (guard.clone(), postponed.clone());
            let (pace, host) = (self.pace.clone(), self.host.clone());
            let asked = Asked { guard, pace, host, is_due, postponed, _slow: slow };
            self.submit_commit(Work::Decided { writes: writes.clone(), asked }, transaction)
        };
        // To be postponed would end a transaction. Those that may write are for servers, about whom nobody decides.
        let is_due = transaction.is_some();
        if is_due || !self.pace.is_slow(self.host.elapsed()) {
            let answer = submit(is_due, None)?.await;
            if !postponed.load(Ordering::Acquire) {
                return answer.unwrap_or_else(|_| Err(error::dropped()));
            }
        }
        let _waiting = self.pace.waiting.clone().try_acquire_owned().map_err(|_| too_many())?;
        let slow = match self.rehearse(writes.clone(), guard.clone()).await? {
            false => None,
            true => Some(self.pace.slow.clone().acquire_owned().await.expect(OPEN)),
        };
        submit(true, slow)?.await.unwrap_or_else(|_| Err(error::dropped()))
    }

    /// Decides on the newest state, on another thread. Answers whether that was slow.
    async fn rehearse(
        self: &Arc<Self>,
        writes: Arc<Vec<Ready>>,
        guard: Arc<dyn Guard>,
    ) -> Result<bool, Status> {
        let stage = self.pace.stage.clone().acquire_owned().await.expect(OPEN);
        let (reply, answer) = oneshot::channel();
        let inner = self.clone();
        self.host.spawn_blocking(move || {
            let _stage = stage;
            let begun = inner.host.elapsed();
            let decided = inner.work_out_now(&writes, &*guard);
            let is_slow = inner.host.elapsed().saturating_sub(begun) > QUICK;
            // Nobody listens where the client has gone.
            drop(reply.send(decided.map(|()| is_slow)));
        });
        answer.await.unwrap_or_else(|_| Err(error::dropped()))
    }

    /// What would become of a commit whose turn it were.
    fn work_out_now(&self, writes: &[Ready], guard: &dyn Guard) -> Result<(), Status> {
        let now = self.now();
        let (before, time) = self.publication.newest(&*self.engine, now);
        let indexes = self.indexes.read().clone();
        let round = Round::new((self.name.clone(), self.mode), indexes, before, time.read_time.next());
        round.prepare_writes(writes, Some(guard), now).map(drop)
    }
}

fn too_many() -> Status {
    let text = "Too many commits wait for slow security rules. Try again with exponential back-off.";
    Status::new(Code::ResourceExhausted, text)
}
