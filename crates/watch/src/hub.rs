//! The hub of one database: follows its commits and leaves in each stream's mailbox what they mean to it.
//!
//! ```text
//!   Follower ── step ──► Finder ── views ──► View::apply ── items ──► Mailbox, Mailbox, …
//!                                (one a query, shared)               (one a stream, bounded)
//! ```
//! All of it happens under one lock, in commit order; `processed` is the time up to which it has happened. A
//! stream takes from its mailbox only what is not later than that, so it sees a commit whole or not at all.
//! Whoever adds a target catches up first, so that it sees every acknowledged commit, and then joins at
//! `processed`: what comes later is in the mailbox, what came before is in the view of the database at that
//! time.
//!
//! A dispatcher task catches up when there are commits. It begins with the first target and ends with the
//! last.

mod state;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use database::{Database, Followed, Step};
use model::{DocumentPath, Status, Timestamp};
use parking_lot::Mutex;
use query::MissingIndex;
use tokio::sync::Notify;

use crate::log::changes_between;
use crate::mailbox::{Delivery, Mailbox, Slot, Taken};
use crate::view::{Wanted, Watched};
use crate::window::Window;
use state::State;

/// How often an idle hub finds out that nothing has happened, so that idle streams can say so.
const ADVANCE_EVERY: Duration = Duration::from_secs(10);

/// The number of a view; never used twice.
pub(crate) type ViewId = u64;

/// See the module.
pub(crate) struct Hub {
    pub database: Arc<Database>,
    missing: MissingIndex,
    state: Mutex<State>,
    /// Microseconds; see the module.
    processed: AtomicI64,
    ended: AtomicBool,
    /// Who has left: noted without waiting for the hub's lock.
    gone: Mutex<Vec<Gone>>,
    stirred: Notify,
    /// Pairs of a change and a view that it was shown to: what writes cost here.
    evaluated: AtomicU64,
}

/// A target, or a whole stream without a slot, that is no longer.
struct Gone {
    seat: Seat,
    slot: Option<Slot>,
}

/// A stream's place in the hub.
#[derive(Clone)]
pub(crate) struct Seat {
    /// The stream's number.
    pub stream: u64,
    pub mailbox: Arc<Mailbox>,
}

/// How joining went.
pub(crate) enum Joined {
    /// From this time on the mailbox has what happens.
    At {
        time: Timestamp,
        /// What waited up to then.
        before: Vec<Delivery>,
        /// For each target what it now watches, shared with others; or why it cannot.
        targets: Vec<(Slot, Result<Wanted, Status>)>,
    },
    /// The stream has to catch up first.
    Lagging,
    /// The database was cleared.
    Ended,
}

impl Hub {
    pub fn new(database: Arc<Database>, missing: MissingIndex) -> Arc<Self> {
        Arc::new(Hub {
            database,
            missing,
            state: Mutex::default(),
            processed: AtomicI64::new(0),
            ended: AtomicBool::new(false),
            gone: Mutex::default(),
            stirred: Notify::new(),
            evaluated: AtomicU64::new(0),
        })
    }

    /// The time up to which every commit has been gone through.
    pub fn processed(&self) -> Timestamp {
        Timestamp::from_micros(self.processed.load(Ordering::Acquire)).unwrap_or(Timestamp::ZERO)
    }

    /// True once the database was cleared.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// How often a change was shown to a view.
    pub fn evaluated(&self) -> u64 {
        self.evaluated.load(Ordering::Relaxed)
    }

    /// Goes through all commits that are visible when it begins. Blocks.
    pub fn catch_up(&self) {
        let thin = {
            let mut state = self.state.lock();
            self.bury(&mut state);
            self.follow(&mut state);
            state.take_thin()
        };
        thin.into_iter().for_each(|(id, watched)| self.replenish(id, &watched));
    }

    /// Runs the query of a window whose spare results are running out: without the lock, so that it need not
    /// run under it when they have.
    fn replenish(&self, id: ViewId, watched: &Watched) {
        let view = self.database.view();
        // An error is told when there are no spare results left.
        let Ok(window) = Window::load(&watched.matcher, &view, self.missing) else { return };
        let mut state = self.state.lock();
        self.follow(&mut state);
        let earlier = Some((view.read_time(), window));
        if let Ok(window) = self.window_at(self.processed(), earlier, watched) {
            state.replenish(id, window);
        }
    }

    /// Subscribes a stream to what its targets want, all from the same time on. With `again`, in place of all
    /// that it is subscribed to, and although it lags: it has to find out by itself what happened up to then.
    /// Blocks; needs a runtime around it.
    pub fn join(self: &Arc<Self>, seat: &Seat, wanted: Vec<(Slot, Wanted)>, again: bool) -> Joined {
        let mut windows = self.windows(&wanted);
        let mut state = self.state.lock();
        self.bury(&mut state);
        self.start(&mut state);
        self.follow(&mut state);
        if again {
            state.unsubscribe(seat, None);
            seat.mailbox.reopen();
        }
        let time = self.processed();
        let before = match seat.mailbox.take(time) {
            _ if self.has_ended() => return Joined::Ended,
            Taken::Ended => return Joined::Ended,
            Taken::Lagging => return Joined::Lagging,
            Taken::Nothing => Vec::new(),
            Taken::Deliveries(before) => before,
        };
        let mut targets = Vec::with_capacity(wanted.len());
        for (slot, wanted) in wanted {
            let window = |watched: &Watched| self.window_at(time, windows.remove(&watched.identity), watched);
            let shared = state.subscribe(seat, slot, wanted, window);
            if shared.is_err() {
                state.unsubscribe(seat, Some(slot));
            }
            targets.push((slot, shared));
        }
        Joined::At { time, before, targets }
    }

    /// Makes a target that has joined hear, by [`crate::mailbox::Item::Reconsider`], when one of these documents
    /// changes after `time`, and of no others. Of those that it did not hear of before it hears from now on; whatever
    /// waits from between is doubtful. Answers up to when that goes.
    pub fn rely(
        &self,
        seat: &Seat,
        slot: Slot,
        paths: &[DocumentPath],
        time: Timestamp,
    ) -> Option<Timestamp> {
        let mut state = self.state.lock();
        if !state.rely(seat, slot, paths) {
            return None;
        }
        // Under this lock all up to there has been gone through, and nothing else is.
        let now = self.processed();
        if now > time {
            seat.mailbox.doubt(slot, time, now);
        }
        Some(now)
    }

    /// The windows that targets need and that are not there yet, with the time they are of: made without the
    /// lock, since a query may take long.
    fn windows(&self, wanted: &[(Slot, Wanted)]) -> HashMap<Arc<[u8]>, (Timestamp, Window)> {
        let mut windows = HashMap::new();
        for (_, wanted) in wanted {
            let Wanted::Query(watched) = wanted else { continue };
            if !watched.is_window() || self.state.lock().has_query(watched) {
                continue;
            }
            let view = self.database.view();
            // What is wrong is found again, and told, when the target is subscribed.
            if let Ok(window) = Window::load(&watched.matcher, &view, self.missing) {
                windows.insert(watched.identity.clone(), (view.read_time(), window));
            }
        }
        windows
    }

    /// A window as of `time`, from a somewhat earlier one if there is one.
    fn window_at(
        &self,
        time: Timestamp,
        earlier: Option<(Timestamp, Window)>,
        watched: &Watched,
    ) -> Result<Window, Status> {
        let matcher = &watched.matcher;
        if let Some((since, mut window)) = earlier {
            let covered = |path: &_| matcher.covers(path);
            if let Some(changes) = changes_between(&self.database, since, time, covered)? {
                let changes: Vec<_> = changes.iter().collect();
                window.apply(&changes, matcher, || self.database.view_at(time), self.missing)?;
                return Ok(window);
            }
        }
        Window::load(matcher, &self.database.view_at(time)?, self.missing)
    }

    /// Ends a subscription; without a slot, all of a stream. Does not block.
    pub fn leave(&self, seat: &Seat, slot: Option<Slot>) {
        self.gone.lock().push(Gone { seat: seat.clone(), slot });
        self.stirred.notify_one();
    }

    fn bury(&self, state: &mut State) {
        let gone = std::mem::take(&mut *self.gone.lock());
        let some = !gone.is_empty();
        gone.iter().for_each(|Gone { seat, slot }| state.unsubscribe(seat, *slot));
        if some && state.is_unused() {
            state.stop();
        }
    }

    /// Begins to follow the database, if nobody does.
    fn start(self: &Arc<Self>, state: &mut State) {
        if state.follower.is_some() {
            return;
        }
        let commits = self.database.commits();
        let mut follower = self.database.follow();
        self.publish(follower.advance());
        let epoch = state.start(follower);
        tokio::spawn(dispatch(self.clone(), epoch, commits));
    }

    /// Under a load that never pauses there would always be a next commit, so it ends with those that were
    /// there.
    fn follow(&self, state: &mut State) {
        let newest = *self.database.commits().borrow();
        loop {
            let Some(follower) = &mut state.follower else { return };
            match follower.next() {
                Followed::Step(step) => {
                    self.take_step(state, &step);
                    if step.time >= newest {
                        return;
                    }
                }
                Followed::Missed { after, until } => self.bridge(state, after, until),
                Followed::UpToDate => {
                    let time = follower.advance();
                    return self.publish(time);
                }
                Followed::Ended => return self.end(state),
            }
        }
    }

    fn take_step(&self, state: &mut State, step: &Step) {
        let after = || self.database.view_at(step.time);
        match state.take_step(step, after, self.missing) {
            Ok(taken) => {
                self.evaluated.fetch_add(taken.evaluated, Ordering::Relaxed);
                self.publish(step.time);
                taken.told.iter().for_each(|mailbox| mailbox.wake());
            }
            Err(error) => {
                tracing::error!(%error, "a commit could not be told to listeners, who compare instead");
                self.lose_track(state, step.time);
            }
        }
    }

    /// Makes one step of all that happened while this hub was too slow to be handed every commit.
    fn bridge(&self, state: &mut State, after: Timestamp, until: Timestamp) {
        let covered = |path: &_| state.finder.covers(path);
        match changes_between(&self.database, after, until, covered) {
            Ok(Some(changes)) => self.take_step(state, &Step { time: until, changes }),
            Ok(None) => self.lose_track(state, until),
            Err(error) => {
                tracing::warn!(%error, "what listeners missed could not be read");
                self.lose_track(state, until);
            }
        }
    }

    /// Makes every stream compare its own time with the present by itself.
    fn lose_track(&self, state: &mut State, time: Timestamp) {
        let told = state.lose_track(|| self.database.view_at(time), self.missing);
        self.publish(time);
        told.iter().for_each(|mailbox| mailbox.wake());
    }

    fn end(&self, state: &mut State) {
        self.ended.store(true, Ordering::Release);
        let told = state.end();
        told.iter().for_each(|mailbox| mailbox.wake());
    }

    fn publish(&self, time: Timestamp) {
        self.processed.fetch_max(time.micros(), Ordering::AcqRel);
    }

    /// True while the dispatcher of that epoch is needed.
    fn needs(&self, epoch: u64) -> bool {
        self.state.lock().needs(epoch)
    }
}

/// Catches up whenever there is something new, until nobody listens any more.
async fn dispatch(hub: Arc<Hub>, epoch: u64, mut commits: tokio::sync::watch::Receiver<Timestamp>) {
    loop {
        tokio::select! {
            // The database lives as long as the hub, so its commits cannot end.
            _ = commits.changed() => {}
            () = hub.stirred.notified() => {}
            () = tokio::time::sleep(ADVANCE_EVERY) => {}
        }
        let working = hub.clone();
        // A query with a limit may have to run again, which blocks.
        let caught_up = tokio::task::spawn_blocking(move || {
            working.catch_up();
            working.needs(epoch)
        });
        match caught_up.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(panic) => {
                // Streams move to another hub and begin anew.
                tracing::error!(%panic, "the dispatcher of listeners failed");
                return hub.end(&mut hub.state.lock());
            }
        }
    }
}
