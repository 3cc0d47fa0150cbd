//! Where a session stands: what its requests and its task know of each other, under one lock.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::time::Instant;

use super::inbox::{Inbox, Map, TooEarly};
use super::outbox::{Batch, Outbox};

/// How long a session lives that has no back channel. The client opens the next one at once, or after
/// some seconds when something went wrong.
pub(super) const UNATTENDED: Duration = Duration::from_secs(2 * 60);
/// How long the client may leave a full outbox as it is.
pub(super) const STUCK: Duration = Duration::from_secs(60);
/// How long maps may wait for one before them.
pub(super) const GAP: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct State {
    phase: Phase,
    inbox: Inbox,
    /// Since when maps wait for one before them.
    gap: Option<Instant>,
    outbox: Outbox,
    /// While the outbox has no room: when the client last took or acknowledged an array, or since when.
    full: Option<Instant>,
    reader: Reader,
    /// How many back channels there have been.
    readers: u64,
    telling: Telling,
}

/// When a session that has ended is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// When the client says so, or had its time.
    Acknowledged,
    /// When a back channel has brought the end, and is over.
    Once { told: bool },
}

/// The phases of a session, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// The conversation is over, and the last array says so.
    Ended,
    Gone,
}

/// The back channel; the newest one, if there are several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Present(ReaderId),
    Absent { since: Instant },
}

/// Tells back channels of a session apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ReaderId(u64);

/// What there is for a back channel.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    Arrays(Batch),
    /// These; then the answer must end, since none follow before the client says what it has.
    Last(Batch),
    Nothing,
    /// Another back channel took over, or the session is over.
    Over,
}

/// The answer to a POST of maps, as the state was before them.
#[derive(Debug, PartialEq)]
pub(super) struct Receipt {
    pub(super) has_reader: bool,
    pub(super) last: u64,
    pub(super) outstanding: usize,
}

/// What the task does next.
pub(super) enum Step {
    Take(Map),
    /// Wait for work, or an answer if there is room for one, but not past the moment.
    Wait {
        room: bool,
        until: Option<Instant>,
    },
    Stop,
}

impl State {
    /// Nothing has happened yet; the arrays count in `all` as well.
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        State {
            phase: Phase::Open,
            inbox: Inbox::default(),
            gap: None,
            outbox: Outbox::new(all),
            full: None,
            reader: Reader::Absent { since: Instant::now() },
            readers: 0,
            telling: Telling::Acknowledged,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Its end is told once.
    pub(super) fn end_when_told(&mut self) {
        self.telling = Telling::Once { told: false };
    }

    /// True when nobody has to be waited for any more.
    pub(super) fn is_done(&self) -> bool {
        let is_told = self.telling == Telling::Once { told: true } && self.unattended_since().is_some();
        self.phase == Phase::Gone || is_told
    }

    /// The client has the arrays up to `has`.
    pub(super) fn acknowledge(&mut self, has: u64) {
        if self.outbox.acknowledge(has) {
            self.moved();
        }
    }

    /// The client goes on.
    fn moved(&mut self) {
        self.full = self.full.map(|_| Instant::now());
    }

    /// What a POST is told.
    pub(super) fn receipt(&self) -> Receipt {
        Receipt {
            has_reader: self.unattended_since().is_none(),
            last: self.outbox.last(),
            outstanding: self.outbox.outstanding(),
        }
    }

    /// True while more maps may be accepted.
    pub(super) fn takes_maps(&self) -> bool {
        self.inbox.has_room()
    }

    /// Takes maps with their numbers.
    pub(super) fn accept(&mut self, maps: Vec<(u64, Map)>) -> Result<(), TooEarly> {
        let next = self.inbox.next();
        self.inbox.accept(maps)?;
        if !self.inbox.has_gap() {
            self.gap = None;
        } else if self.gap.is_none() || self.inbox.next() > next {
            self.gap = Some(Instant::now());
        }
        Ok(())
    }

    /// One more array around a JSON value.
    pub(super) fn push(&mut self, json: String) {
        self.outbox.push(json);
    }

    /// A back channel begins, in place of an earlier one.
    pub(super) fn attach(&mut self) -> ReaderId {
        self.readers += 1;
        let id = ReaderId(self.readers);
        self.reader = Reader::Present(id);
        id
    }

    /// A back channel ended; answers whether it was the newest.
    pub(super) fn detach(&mut self, id: ReaderId) -> bool {
        let newest = self.reader == Reader::Present(id);
        if newest {
            self.reader = Reader::Absent { since: Instant::now() };
        }
        newest
    }

    /// Since when there has been no back channel; None while there is one.
    pub(super) fn unattended_since(&self) -> Option<Instant> {
        match self.reader {
            Reader::Present(_) => None,
            Reader::Absent { since } => Some(since),
        }
    }

    /// What there is for a back channel that has sent everything up to `sent`: arrays until there are
    /// `enough` bytes.
    pub(super) fn read(&mut self, id: ReaderId, sent: u64, enough: usize) -> Read {
        if self.phase == Phase::Gone || self.reader != Reader::Present(id) {
            return Read::Over;
        }
        let full = !self.outbox.has_room();
        match self.outbox.after(sent, enough) {
            Some(batch) => {
                self.moved();
                let last = batch.last == self.outbox.last() && (full || self.phase == Phase::Ended);
                if let Telling::Once { told } = &mut self.telling {
                    *told |= last && self.phase == Phase::Ended;
                }
                if last { Read::Last(batch) } else { Read::Arrays(batch) }
            }
            None if self.phase == Phase::Ended => Read::Over,
            // Only with the next request does the client say what it has. An answer must not be empty.
            None if full => Read::Last(self.outbox.noop()),
            None => Read::Nothing,
        }
    }

    /// The same, and a sign of life when there is nothing.
    pub(super) fn read_or_noop(&mut self, id: ReaderId, sent: u64, enough: usize) -> Read {
        match self.read(id, sent, enough) {
            Read::Nothing => Read::Arrays(self.outbox.noop()),
            read @ (Read::Arrays(_) | Read::Last(_) | Read::Over) => read,
        }
    }

    /// The conversation is over, and `last` is the array that says so. Answers false if it was before.
    pub(super) fn end(&mut self, last: impl FnOnce() -> String) -> bool {
        let open = self.phase == Phase::Open;
        if open {
            self.phase = Phase::Ended;
            self.inbox = Inbox::default();
            self.outbox.push(last());
        }
        open
    }

    /// The session is over; nothing of it is kept.
    pub(super) fn go(&mut self) {
        self.phase = Phase::Gone;
        self.inbox = Inbox::default();
        self.outbox.acknowledge(u64::MAX);
    }

    /// What the task does next. When the session was left alone for too long, it is over.
    pub(super) fn step(&mut self, wants_map: bool) -> Step {
        if self.phase != Phase::Open {
            return Step::Stop;
        }
        if wants_map && let Some(map) = self.inbox.pop() {
            return Step::Take(map);
        }
        let room = self.outbox.has_room();
        self.full = if room { None } else { Some(self.full.unwrap_or_else(Instant::now)) };
        let until = self.expires();
        if until.is_some_and(|until| until <= Instant::now()) {
            self.go();
            return Step::Stop;
        }
        Step::Wait { room, until }
    }

    /// When the session is over if nothing happens.
    fn expires(&self) -> Option<Instant> {
        let unattended = self.unattended_since().map(|since| since + UNATTENDED);
        let stuck = self.full.map(|since| since + STUCK);
        let gap = self.gap.map(|since| since + GAP);
        [unattended, stuck, gap].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(read: Read) -> Option<u64> {
        match read {
            Read::Last(batch) => Some(batch.last),
            Read::Arrays(_) | Read::Nothing | Read::Over => None,
        }
    }

    #[tokio::test]
    async fn a_full_outbox_ends_the_answer_so_that_the_client_acknowledges() {
        let mut state = State::new(Arc::default());
        let id = state.attach();
        (0..8).for_each(|_| state.push("1".repeat(1 << 20)));
        let mut sent = 0;
        while let Read::Arrays(batch) = state.read(id, sent, 1) {
            sent = batch.last;
        }
        assert_eq!(sent, 7);
        assert_eq!(last(state.read(id, sent, 1)), Some(8));
        state.acknowledge(8);
        assert_eq!(state.read(id, 8, 1), Read::Nothing);
    }

    #[tokio::test]
    async fn other_sessions_may_fill_the_room_behind_a_reader() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut state = State::new(all.clone());
        let id = state.attach();
        state.push("1".to_owned());
        assert!(matches!(state.read(id, 0, 1), Read::Arrays(_)));
        assert_eq!(state.read(id, 1, 1), Read::Nothing);
        let mut others = Outbox::new(all);
        others.push("1".repeat(256 << 20));
        assert_eq!(last(state.read(id, 1, 1)), Some(2), "a noop, after which the client acknowledges");
        state.acknowledge(1);
        assert_eq!(state.read(id, 2, 1), Read::Nothing, "an empty outbox always has room");
    }
}
