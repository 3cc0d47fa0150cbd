//! What readers may see, and at which time: the meeting point of the committer and all reads.
//!
//! While a round is being made durable, readers get the state before it, at a read time before its
//! first commit. So nobody sees a commit that is not durable, and a read time never lies: whoever
//! reads at that time again sees the same.

use std::sync::Arc;

use model::Timestamp;
use parking_lot::{Condvar, Mutex};
use storage::{Engine, Snapshot};

use crate::feed::{Followed, Ring, Step};
use crate::view::ViewTime;

/// See the module.
pub(crate) struct Publication {
    state: Mutex<State>,
    published: Condvar,
    last_commit: tokio::sync::watch::Sender<Timestamp>,
}

struct State {
    /// Later than every commit and every read time handed out is what the next commit's time must be.
    floor: Timestamp,
    /// The time of the newest visible commit.
    last_commit: Timestamp,
    in_flight: Option<InFlight>,
    ring: Ring,
    /// Another database stands in this one's place.
    ended: bool,
}

/// A round between the choice of its first commit time and its publication.
struct InFlight {
    first: Timestamp,
    before: Arc<dyn Snapshot>,
}

impl Publication {
    /// Nothing is in flight; `last_commit` is the newest commit in the engine.
    pub(crate) fn new(last_commit: Timestamp) -> Self {
        let ring = Ring::new(last_commit);
        let state = State { floor: last_commit, last_commit, in_flight: None, ring, ended: false };
        Publication {
            state: Mutex::new(state),
            published: Condvar::new(),
            last_commit: tokio::sync::watch::channel(last_commit).0,
        }
    }

    /// The newest visible state, and the time it is read at (`now` unless a round is in flight).
    pub(crate) fn newest(&self, engine: &dyn Engine, now: Timestamp) -> (Arc<dyn Snapshot>, ViewTime) {
        let mut state = self.state.lock();
        let time = ViewTime { read_time: state.newest_time(now), past: false };
        let snapshot = match &state.in_flight {
            Some(round) => round.before.clone(),
            None => engine.snapshot(),
        };
        (snapshot, time)
    }

    /// The state at `time`, which is not in the future. Waits for a round that may hold earlier commits.
    pub(crate) fn at(&self, engine: &dyn Engine, time: Timestamp) -> (Arc<dyn Snapshot>, ViewTime) {
        let mut state = self.state.lock();
        while state.in_flight.as_ref().is_some_and(|round| round.first <= time) {
            self.published.wait(&mut state);
        }
        state.floor = state.floor.max(time);
        let past = time < state.last_commit;
        let snapshot = match &state.in_flight {
            Some(round) => round.before.clone(),
            None => engine.snapshot(),
        };
        (snapshot, ViewTime { read_time: time, past })
    }

    /// Opens a round: the state it builds on and the time of its first commit.
    pub(crate) fn begin_round(&self, engine: &dyn Engine, now: Timestamp) -> (Arc<dyn Snapshot>, Timestamp) {
        let mut state = self.state.lock();
        let first = now.max(state.floor.next());
        let before = engine.snapshot();
        state.in_flight = Some(InFlight { first, before: before.clone() });
        (before, first)
    }

    /// True when somebody wants the steps of a round that begins now.
    pub(crate) fn is_followed(&self) -> bool {
        self.state.lock().ring.is_followed()
    }

    /// Closes a round. `last` is its last commit time, None when nothing became visible; `steps` are its
    /// commits, None when they were not kept.
    pub(crate) fn end_round(&self, used: Timestamp, last: Option<Timestamp>, steps: Option<Vec<Arc<Step>>>) {
        let mut state = self.state.lock();
        state.in_flight = None;
        state.floor = state.floor.max(used);
        if let Some(last) = last {
            state.last_commit = last;
            state.ring.push(steps, last);
            self.last_commit.send_replace(last);
        }
        self.published.notify_all();
    }

    /// Resolves when a later commit has become visible, or the database has ended.
    pub(crate) fn subscribe(&self) -> tokio::sync::watch::Receiver<Timestamp> {
        self.last_commit.subscribe()
    }

    /// A new follower, which is handed every commit after the newest visible state.
    pub(crate) fn follow(&self, now: Timestamp) -> u64 {
        let mut state = self.state.lock();
        let position = state.newest_time(now);
        state.ring.follow(position)
    }

    pub(crate) fn unfollow(&self, follower: u64) {
        self.state.lock().ring.unfollow(follower);
    }

    /// What a follower finds next.
    pub(crate) fn next_step(&self, follower: u64, now: Timestamp) -> Followed {
        let mut state = self.state.lock();
        if state.ended {
            return Followed::Ended;
        }
        let newest = state.newest_time(now);
        state.ring.next(follower, newest)
    }

    /// A time up to which a follower has been handed everything.
    pub(crate) fn advance(&self, follower: u64, now: Timestamp) -> Timestamp {
        let mut state = self.state.lock();
        let newest = state.newest_time(now);
        state.ring.advance(follower, newest)
    }

    /// From now on followers are told nothing but that the database has ended (or, with false, that it has
    /// not).
    pub(crate) fn set_ended(&self, ended: bool) {
        self.state.lock().ended = ended;
        self.last_commit.send_modify(|_| ());
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }
}

impl State {
    /// The time that the newest visible state is read at.
    fn newest_time(&mut self, now: Timestamp) -> Timestamp {
        if let Some(round) = &self.in_flight {
            return round.first.previous();
        }
        self.floor = self.floor.max(now);
        self.floor
    }
}
