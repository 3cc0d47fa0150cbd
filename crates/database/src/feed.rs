//! What followers are handed: the changes of each commit, once it is durable and visible.
//!
//! ```text
//!   committer ── end_round ──► [step][step][step] ──► follower (at its own time)
//!                               ▲ oldest is dropped when the ring is full
//! ```
//! Nothing is kept while nobody follows, and the committer never waits for a follower. One that is too slow,
//! or that came in the middle of a round, is told that it missed something and until when; it compares two
//! views instead.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use model::{Document, DocumentPath, Timestamp};

use crate::database::{Database, Inner};

/// Commits kept for followers, and bytes of their documents.
const MAX_STEPS: usize = 65_536;
const MAX_BYTES: usize = 64 << 20;
/// What a change takes besides its bodies.
const CHANGE_BYTES: usize = 160;

/// What one commit changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub time: Timestamp,
    pub changes: Vec<DocumentChange>,
}

/// One document before and after a commit; never the same, and never missing in both.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentChange {
    pub path: DocumentPath,
    pub old: Option<Document>,
    pub new: Option<Document>,
}

/// What a follower finds when it looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// The commit after the one handed out before.
    Step(Arc<Step>),
    /// Commits after the one and up to the other time are no longer at hand; the change log names what they
    /// changed.
    Missed { after: Timestamp, until: Timestamp },
    /// There is no later commit.
    UpToDate,
    /// The database was cleared: another one stands in its place.
    Ended,
}

/// Hands out a database's commits in order, from the moment it was made. While it lives, the database keeps
/// them for it.
pub struct Follower {
    inner: Arc<Inner>,
    id: u64,
}

impl Database {
    /// Follows the commits from now on. Wait for them with [`Database::commits`].
    pub fn follow(&self) -> Follower {
        let id = self.inner.publication.follow(self.inner.now());
        Follower { inner: self.inner.clone(), id }
    }

    /// True once the database was cleared and another one stands in its place.
    pub fn is_ended(&self) -> bool {
        self.inner.publication.has_ended()
    }
}

impl Follower {
    /// The next commit, if there is one.
    pub fn next(&mut self) -> Followed {
        self.inner.publication.next_step(self.id, self.inner.now())
    }

    /// A time up to which everything has been handed out: the present, if nothing waits and no round is under
    /// way.
    pub fn advance(&mut self) -> Timestamp {
        self.inner.publication.advance(self.id, self.inner.now())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.inner.publication.unfollow(self.id);
    }
}

/// The commits that some follower has not seen. Part of the publication, under its lock.
pub(crate) struct Ring {
    steps: VecDeque<(Arc<Step>, usize)>,
    bytes: usize,
    /// Every visible commit after this that was made since is in `steps`.
    complete_after: Timestamp,
    /// For each follower the time up to which it has been handed everything.
    positions: HashMap<u64, Timestamp>,
    next_id: u64,
}

impl Ring {
    pub(crate) fn new(last_commit: Timestamp) -> Self {
        Ring {
            steps: VecDeque::new(),
            bytes: 0,
            complete_after: last_commit,
            positions: HashMap::new(),
            next_id: 0,
        }
    }

    pub(crate) fn is_followed(&self) -> bool {
        !self.positions.is_empty()
    }

    /// Takes the commits of a round that has become visible, the last at `last`; None: they were not kept.
    pub(crate) fn push(&mut self, steps: Option<Vec<Arc<Step>>>, last: Timestamp) {
        let steps = steps.filter(|_| self.is_followed());
        let Some(steps) = steps else {
            self.steps = VecDeque::new();
            self.bytes = 0;
            self.complete_after = last;
            return;
        };
        for step in steps {
            let bytes = step.bytes();
            self.bytes += bytes;
            self.steps.push_back((step, bytes));
        }
        while self.bytes > MAX_BYTES || self.steps.len() > MAX_STEPS {
            let Some(dropped) = self.pop() else { break };
            self.complete_after = dropped;
        }
    }

    /// A new follower that needs nothing up to `position`.
    pub(crate) fn follow(&mut self, position: Timestamp) -> u64 {
        self.next_id += 1;
        self.positions.insert(self.next_id, position);
        self.next_id
    }

    pub(crate) fn unfollow(&mut self, id: u64) {
        self.positions.remove(&id);
        self.forget_seen();
    }

    /// What follows in the ring, and the follower moves on; `newest` is the time of the newest visible state.
    pub(crate) fn next(&mut self, id: u64, newest: Timestamp) -> Followed {
        let position = self.positions[&id];
        let (followed, position) = if position < self.complete_after {
            (Followed::Missed { after: position, until: newest }, newest)
        } else {
            match self.steps.get(self.first_after(position)) {
                Some((step, _)) => (Followed::Step(step.clone()), step.time),
                None => return Followed::UpToDate,
            }
        };
        self.positions.insert(id, position);
        self.forget_seen();
        followed
    }

    /// Moves a follower to `newest` if nothing waits for it.
    pub(crate) fn advance(&mut self, id: u64, newest: Timestamp) -> Timestamp {
        let position = self.positions[&id];
        let waiting = position < self.complete_after || self.first_after(position) < self.steps.len();
        let position = if waiting { position } else { position.max(newest) };
        self.positions.insert(id, position);
        position
    }

    fn first_after(&self, position: Timestamp) -> usize {
        self.steps.partition_point(|(step, _)| step.time <= position)
    }

    /// Drops what every follower has been handed.
    fn forget_seen(&mut self) {
        let seen = self.positions.values().min().copied().unwrap_or(Timestamp::MAX);
        while self.steps.front().is_some_and(|(step, _)| step.time <= seen) {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Timestamp> {
        let (step, bytes) = self.steps.pop_front()?;
        self.bytes -= bytes;
        Some(step.time)
    }
}

impl Step {
    /// About how much memory the step holds on to.
    fn bytes(&self) -> usize {
        let body = |document: &Option<Document>| document.as_ref().map_or(0, |document| document.body.len());
        let change = |change: &DocumentChange| {
            CHANGE_BYTES + change.path.as_str().len() + body(&change.old) + body(&change.new)
        };
        self.changes.iter().map(change).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn step(at: i64, body: usize) -> Arc<Step> {
        let path = DocumentPath::new("c/a").unwrap();
        let (create_time, update_time) = (time(at), time(at));
        let new = Document { path: path.clone(), create_time, update_time, body: vec![0; body].into() };
        let changes = vec![DocumentChange { path, old: None, new: Some(new) }];
        Arc::new(Step { time: time(at), changes })
    }

    #[test]
    fn each_follower_has_every_commit_once_and_what_all_have_seen_is_dropped() {
        let mut ring = Ring::new(time(0));
        let (slow, fast) = (ring.follow(time(0)), ring.follow(time(0)));
        ring.push(Some(vec![step(1, 1), step(2, 1)]), time(2));
        assert_eq!(ring.next(fast, time(9)), Followed::Step(step(1, 1)));
        assert_eq!(ring.advance(fast, time(9)), time(1), "something waits");
        assert_eq!(ring.next(fast, time(9)), Followed::Step(step(2, 1)));
        assert_eq!(ring.next(fast, time(9)), Followed::UpToDate);
        assert_eq!(ring.advance(fast, time(9)), time(9));
        assert_eq!(ring.steps.len(), 2);
        assert_eq!(ring.next(slow, time(9)), Followed::Step(step(1, 1)));
        assert_eq!(ring.steps.len(), 1);
        ring.unfollow(slow);
        assert_eq!((ring.steps.len(), ring.bytes), (0, 0));
    }

    #[test]
    fn a_follower_is_told_what_it_missed() {
        let mut ring = Ring::new(time(0));
        let early = ring.follow(time(0));
        // A round that began before anybody followed brings no steps.
        ring.push(None, time(5));
        assert_eq!(ring.next(early, time(6)), Followed::Missed { after: time(0), until: time(6) });
        assert_eq!(ring.next(early, time(6)), Followed::UpToDate);
        // Too much for the ring: the oldest is gone.
        ring.push(Some(vec![step(7, MAX_BYTES / 2), step(8, MAX_BYTES / 2)]), time(8));
        assert_eq!(ring.next(early, time(8)), Followed::Missed { after: time(6), until: time(8) });
        assert_eq!(ring.next(early, time(8)), Followed::UpToDate);
    }
}
