//! Commits about which a [`Guard`] takes long to decide.
//!
//! ```text
//!   commit ──► its turn ──► quick: answered
//!                │ slow decisions took too much of the time
//!                ▼
//!   ┌──────► rehearsal ──► refused: answered
//!   │            │ quick            │ slow: one at a time
//!   │ surprise   ▼                  ▼
//!   └─────── its turn           its turn
//! ```
//! At its turn a decision holds up all other commits of the database. Most are quick, and made there and nowhere else.
//! When one was not, or many together, all that come in the time after it are rehearsed first: decided on the newest
//! state, off the committer. What is refused there was refused as of that state and never has a turn. Of those that take
//! long one at most waits for its turn, so the others' turns are between, however many of them there are. Who has many
//! takes no place from the others ([`places`]).
//!
//! What was quick in its rehearsal may be slow at its turn, when documents have changed between: a surprise. After one
//! all others that are known to be quick from before it only are rehearsed again.
//!
//! What counts is the decision at the turn: a rehearsal allows nothing.

mod places;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::Host;
use model::{Code, Status};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use self::places::{Held, Place, Places};
use crate::database::Inner;
use crate::error;
use crate::guard::{Guard, PendingCommit};
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
/// So often a commit may be rehearsed. The last time it is taken for slow whatever comes of it.
const MAX_REHEARSALS: usize = 4;

/// What one database knows of how long decisions take.
pub(crate) struct Pace {
    times: Mutex<Times>,
    places: Arc<Places>,
}

/// As the host counts time.
#[derive(Default)]
struct Times {
    /// When slow decisions would have had their part of the time, had they been spread evenly.
    earned: Duration,
    /// Until when commits are rehearsed.
    distrust: Duration,
    /// Decisions that were slow though they were not taken for it.
    surprises: u64,
}

/// Asks about a commit that has been worked out.
pub(crate) type Ask<'a> = dyn Fn(&PendingCommit<'_>) -> Result<(), Status> + 'a;

/// A commit about which is decided.
struct Proposed {
    writes: Arc<Vec<Ready>>,
    transaction: Option<TransactionId>,
    guard: Arc<dyn Guard>,
}

/// A guard on the way to the committer.
pub(crate) struct Asked {
    guard: Arc<dyn Guard>,
    pace: Arc<Pace>,
    host: Host,
    standing: Standing,
    /// Told when it was not asked, and the commit must be rehearsed.
    postponed: Arc<AtomicBool>,
}

/// Why a guard may be asked at the commit's turn.
enum Standing {
    /// While decisions are quick.
    Unknown,
    /// It was quick in a rehearsal: while there have been no more surprises than then.
    Quick { surprises: u64 },
    /// It is the one slow commit, for one turn: one that has to wait for locks then leaves that to another.
    Slow(Mutex<Option<Held>>),
    /// To be postponed would end its transaction. Those that may write are for servers, about whom nobody decides.
    Due,
}

impl Pace {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Pace { times: Mutex::default(), places: Places::new() })
    }

    /// True while no decision is taken for quick.
    fn is_slow(&self, now: Duration) -> bool {
        now < self.times.lock().distrust
    }

    fn surprises(&self) -> u64 {
        self.times.lock().surprises
    }

    /// Takes note of a decision at its turn.
    fn note(&self, begun: Duration, took: Duration, is_surprise: bool) {
        if took > QUICK {
            let mut times = self.times.lock();
            times.surprises += u64::from(is_surprise);
            times.earned = times.earned.max(begun) + took * PART;
            if times.earned > begun + BURST * PART {
                times.distrust = begun + took + DISTRUST;
            }
        }
    }
}

impl Asked {
    /// Works a commit out at its turn.
    pub(crate) fn at_turn(
        &self,
        work_out: impl FnOnce(&Ask<'_>) -> Result<Prepared, Status>,
    ) -> Result<Prepared, Status> {
        // Held until the decision is made.
        let mut slow = None;
        let may_ask = match &self.standing {
            Standing::Unknown => !self.pace.is_slow(self.host.elapsed()),
            Standing::Quick { surprises } => self.pace.surprises() == *surprises,
            Standing::Slow(held) => {
                slow = held.lock().take();
                slow.is_some()
            }
            Standing::Due => true,
        };
        if !may_ask {
            self.postponed.store(true, Ordering::Release);
            return Err(Status::new(Code::Unavailable, "The commit has to be rehearsed first."));
        }
        work_out(&|commit| {
            let begun = self.host.elapsed();
            let decided = commit.ask(&*self.guard);
            let took = self.host.elapsed().saturating_sub(begun);
            self.pace.note(begun, took, slow.is_none());
            decided
        })
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
        let proposed = Proposed { writes: Arc::new(writes), transaction, guard };
        let at_once = match transaction {
            Some(_) => Some(Standing::Due),
            None => (!self.pace.is_slow(self.host.elapsed())).then_some(Standing::Unknown),
        };
        if let Some(standing) = at_once
            && let Some(done) = self.have_turn(&proposed, standing).await?
        {
            return Ok(done);
        }
        let place = self.pace.places.enter(proposed.guard.caller()).ok_or_else(too_many)?;
        for times in 1..=MAX_REHEARSALS {
            let quick = self.rehearse(&proposed, &place).await?.filter(|_| times < MAX_REHEARSALS);
            let standing = match quick {
                Some(surprises) => Standing::Quick { surprises },
                None => Standing::Slow(Mutex::new(Some(place.slow().await))),
            };
            if let Some(done) = self.have_turn(&proposed, standing).await? {
                return Ok(done);
            }
        }
        // Each time it had to wait for locks after its turn.
        Err(Status::aborted(self.mode.waited_too_long()))
    }

    /// Queues a commit, and waits for the answer; None when it has been postponed.
    async fn have_turn(
        self: &Arc<Self>,
        proposed: &Proposed,
        standing: Standing,
    ) -> Result<Option<Done>, Status> {
        let postponed = Arc::<AtomicBool>::default();
        let (guard, pace, host) = (proposed.guard.clone(), self.pace.clone(), self.host.clone());
        let asked = Asked { guard, pace, host, standing, postponed: postponed.clone() };
        let work = Work::Decided { writes: proposed.writes.clone(), asked };
        let answer = self.submit_commit(work, proposed.transaction)?.await;
        if postponed.load(Ordering::Acquire) {
            return Ok(None);
        }
        answer.unwrap_or_else(|_| Err(error::dropped())).map(Some)
    }

    /// Decides on the newest state, on another thread. Answers how many surprises there had been if that was quick, and
    /// None if it was slow.
    async fn rehearse(
        self: &Arc<Self>,
        proposed: &Proposed,
        place: &Arc<Place>,
    ) -> Result<Option<u64>, Status> {
        let stage = place.stage().await;
        let (reply, answer) = oneshot::channel();
        let (inner, writes, guard) = (self.clone(), proposed.writes.clone(), proposed.guard.clone());
        self.host.spawn_blocking(move || {
            let _stage = stage;
            let surprises = inner.pace.surprises();
            let took = inner.decide_now(&writes, &*guard);
            // Nobody listens where the client has gone.
            drop(reply.send(took.map(|took| (took <= QUICK).then_some(surprises))));
        });
        answer.await.unwrap_or_else(|_| Err(error::dropped()))
    }

    /// What would become of a commit whose turn it were; answers how long it took to decide.
    fn decide_now(&self, writes: &[Ready], guard: &dyn Guard) -> Result<Duration, Status> {
        let now = self.now();
        let (before, time) = self.publication.newest(&*self.engine, now);
        let indexes = self.indexes.read().clone();
        let round = Round::new((self.name.clone(), self.mode), indexes, before, time.read_time.next());
        let took = Cell::new(Duration::ZERO);
        let ask = |commit: &PendingCommit<'_>| {
            let begun = self.host.elapsed();
            let decided = commit.ask(guard);
            took.set(self.host.elapsed().saturating_sub(begun));
            decided
        };
        round.prepare_writes(writes, Some(&ask), now)?;
        Ok(took.get())
    }
}

fn too_many() -> Status {
    let text = "Too many of your commits wait for slow security rules. Try again with exponential back-off.";
    Status::new(Code::ResourceExhausted, text)
}
