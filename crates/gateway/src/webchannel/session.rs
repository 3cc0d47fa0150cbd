//! A session: one conversation, and the requests of the client that carry it.
//!
//! ```text
//!   Open ──── the conversation ended, or the server stops ───► Ended ──── the client had time ───► Gone
//!     │                                                          ╰─ a last array says so           ▲
//!     ╰──────────── terminated, left alone, or stuck ──────────────────────────────────────────────╯
//! ```
//! The task (`converse`) owns the conversation; requests and the task meet in [`State`], under one lock
//! that is never held over an await.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use model::{Code, Status};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;
use wire::methods::METHODS;

use super::inbox::{Inbox, Map};
use super::outbox::{Batch, Outbox};
use super::parse::{Headers, Malformed};
use crate::conversation::{Conversation, Topic};
use crate::json;
use crate::stopping::Stopped;

/// How long a session lives that has no back channel. The client opens the next one at once, or after
/// some seconds when something went wrong.
const UNATTENDED: Duration = Duration::from_secs(2 * 60);
/// How long the client may leave a full outbox as it is.
const STUCK: Duration = Duration::from_secs(60);
/// How long maps may wait for one before them.
const GAP: Duration = Duration::from_secs(60);
/// How long the end of a conversation waits for a client that lost its connection.
const LINGER: Duration = Duration::from_secs(30);
/// How long a POST waits for room in the inbox.
const ROOM: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Session {
    topic: Topic,
    /// What the client said of itself when it opened the session: who is signed in, above all.
    headers: Headers,
    state: Mutex<State>,
    /// Told when there is something for the task.
    work: Notify,
    /// Told when there is something for back channels.
    arrays: Notify,
    /// Told when the inbox has room.
    room: Notify,
}

struct State {
    phase: Phase,
    inbox: Inbox,
    /// Since when maps wait for one before them.
    gap: Option<Instant>,
    outbox: Outbox,
    /// When the client last took or acknowledged an array.
    moved: Instant,
    reader: Reader,
    /// How many back channels there have been.
    readers: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
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

/// Why maps were not taken.
pub(super) enum Refused {
    Malformed(Malformed),
    /// The conversation did not take those before them in time.
    Busy,
    Gone,
}

/// What the task does next.
enum Step {
    Take(Map),
    /// Wait for work, or an answer if there is room for one, but not past the moment.
    Wait {
        room: bool,
        until: Option<Instant>,
    },
    Stop,
}

impl Session {
    /// A session of which nothing has happened yet; its arrays count in `all` as well.
    pub(super) fn new(topic: Topic, headers: Headers, all: Arc<AtomicUsize>) -> Self {
        let now = Instant::now();
        let state = State {
            phase: Phase::Open,
            inbox: Inbox::default(),
            gap: None,
            outbox: Outbox::new(all),
            moved: now,
            reader: Reader::Absent { since: now },
            readers: 0,
        };
        Session {
            topic,
            headers,
            state: Mutex::new(state),
            work: Notify::new(),
            arrays: Notify::new(),
            room: Notify::new(),
        }
    }

    /// What its conversation is about.
    pub(super) fn topic(&self) -> Topic {
        self.topic
    }

    /// What the client said of itself.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Takes maps with their numbers; waits a while for room. `has` is the last array that the client has.
    pub(super) async fn forward(&self, maps: Vec<(u64, Map)>, has: u64) -> Result<Receipt, Refused> {
        let deadline = Instant::now() + ROOM;
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state.lock();
                state.acknowledge(has);
                self.work.notify_one();
                let receipt = state.receipt();
                match state.phase {
                    Phase::Gone => return Err(Refused::Gone),
                    // The last array tells the client, whatever it still sends.
                    Phase::Ended => return Ok(receipt),
                    Phase::Open => {}
                }
                if state.inbox.has_room() {
                    state.accept(maps).map_err(Refused::Malformed)?;
                    return Ok(receipt);
                }
            }
            if tokio::time::timeout_at(deadline, room).await.is_err() {
                return Err(Refused::Busy);
            }
        }
    }

    /// A back channel begins, in place of an earlier one. `has` is the last array that the client has.
    pub(super) fn attach(&self, has: u64) -> ReaderId {
        let mut state = self.state.lock();
        state.acknowledge(has);
        state.readers += 1;
        let id = ReaderId(state.readers);
        state.reader = Reader::Present(id);
        self.arrays.notify_waiters();
        self.work.notify_one();
        id
    }

    /// A back channel ended.
    pub(super) fn detach(&self, id: ReaderId) {
        let mut state = self.state.lock();
        if state.reader == Reader::Present(id) {
            state.reader = Reader::Absent { since: Instant::now() };
            self.work.notify_one();
        }
    }

    /// Done when there may be something new to read.
    pub(super) fn arrays(&self) -> Notified<'_> {
        self.arrays.notified()
    }

    /// What there is for a back channel that has sent everything up to `sent`.
    pub(super) fn read(&self, id: ReaderId, sent: u64) -> Read {
        self.state.lock().read(id, sent)
    }

    /// The same, and a sign of life when there is nothing.
    pub(super) fn read_or_noop(&self, id: ReaderId, sent: u64) -> Read {
        let mut state = self.state.lock();
        match state.read(id, sent) {
            Read::Nothing => Read::Arrays(state.outbox.noop()),
            read @ (Read::Arrays(_) | Read::Last(_) | Read::Over) => read,
        }
    }

    /// The conversation is over: a last array says how.
    pub(super) fn end(&self, outcome: &Result<(), Status>) {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return;
        }
        state.phase = Phase::Ended;
        state.inbox = Inbox::default();
        state.outbox.push(match outcome {
            Ok(()) => r#""close""#.to_owned(),
            Err(refusal) => json::refusal(refusal, json::Style::COMPACT),
        });
        self.tell_all();
    }

    /// The session is over at once, and nobody is told why.
    pub(super) fn drop_now(&self) {
        self.state.lock().phase = Phase::Gone;
        self.tell_all();
    }

    /// How long the session has had no back channel; None while it has one.
    pub(super) fn unattended(&self) -> Option<Duration> {
        match self.state.lock().reader {
            Reader::Present(_) => None,
            Reader::Absent { since } => Some(since.elapsed()),
        }
    }

    fn tell_all(&self) {
        self.work.notify_one();
        self.arrays.notify_waiters();
        self.room.notify_waiters();
    }

    /// Carries the conversation until one of its sides ends it, then gives the client time to hear of it.
    /// Answers how the conversation ended; None when the client, or its absence, ended it.
    pub(super) async fn converse(
        self: Arc<Self>,
        conversation: Conversation,
        stopped: Stopped,
    ) -> Option<Result<(), Status>> {
        let outcome = self.exchange(conversation, stopped).await;
        if let Some(outcome) = &outcome {
            self.end(outcome);
        }
        outcome
    }

    /// Waits until the client knows of the end, or had the time to ask.
    pub(super) async fn linger(&self) {
        let until = Instant::now() + LINGER;
        while self.state.lock().phase != Phase::Gone {
            if tokio::time::timeout_at(until, self.work.notified()).await.is_err() {
                break;
            }
        }
        self.drop_now();
    }

    async fn exchange(
        &self,
        mut conversation: Conversation,
        mut stopped: Stopped,
    ) -> Option<Result<(), Status>> {
        loop {
            match self.step(conversation.wants_requests()) {
                Step::Stop => return None,
                Step::Take(map) => {
                    if let Err(refusal) = map.message.and_then(|message| conversation.receive(message)) {
                        return Some(Err(refusal));
                    }
                }
                Step::Wait { room, until } => tokio::select! {
                    answer = conversation.answer(), if room => match answer {
                        Ok(Some(message)) => self.push(&message),
                        Ok(None) => return Some(Ok(())),
                        Err(refusal) => return Some(Err(refusal)),
                    },
                    () = self.work.notified() => {}
                    () = stopped.wait() => {
                        return Some(Err(Status::new(Code::Unavailable, "The server is stopping.")));
                    }
                    () = sleep_until(until) => {}
                },
            }
        }
    }

    fn step(&self, wants_map: bool) -> Step {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Step::Stop;
        }
        if wants_map && let Some(map) = state.inbox.pop() {
            self.room.notify_waiters();
            return Step::Take(map);
        }
        let room = state.outbox.has_room();
        let until = state.expires(room);
        if until.is_some_and(|until| until <= Instant::now()) {
            drop(state);
            self.drop_now();
            return Step::Stop;
        }
        Step::Wait { room, until }
    }

    /// One more message for the client.
    fn push(&self, message: &[u8]) {
        let name = METHODS[self.topic.method() as usize].response;
        match json::answer(name, message, json::Style::COMPACT) {
            Ok(json) => {
                self.state.lock().outbox.push(json);
                self.arrays.notify_waiters();
            }
            Err(refusal) => self.end(&Err(refusal)),
        }
    }
}

impl State {
    fn acknowledge(&mut self, has: u64) {
        if self.outbox.acknowledge(has) {
            self.moved = Instant::now();
        }
    }

    fn read(&mut self, id: ReaderId, sent: u64) -> Read {
        if self.phase == Phase::Gone || self.reader != Reader::Present(id) {
            return Read::Over;
        }
        let Some(batch) = self.outbox.after(sent) else {
            return if self.phase == Phase::Ended { Read::Over } else { Read::Nothing };
        };
        self.moved = Instant::now();
        let is_last = batch.last == self.outbox.last();
        let waits = self.phase == Phase::Ended || !self.outbox.has_room();
        if is_last && waits { Read::Last(batch) } else { Read::Arrays(batch) }
    }

    fn receipt(&self) -> Receipt {
        Receipt {
            has_reader: matches!(self.reader, Reader::Present(_)),
            last: self.outbox.last(),
            outstanding: self.outbox.outstanding(),
        }
    }

    fn accept(&mut self, maps: Vec<(u64, Map)>) -> Result<(), Malformed> {
        let next = self.inbox.next();
        self.inbox.accept(maps).map_err(|_| Malformed("The maps of the request are too far ahead."))?;
        if !self.inbox.has_gap() {
            self.gap = None;
        } else if self.gap.is_none() || self.inbox.next() > next {
            self.gap = Some(Instant::now());
        }
        Ok(())
    }

    /// When the session is over if nothing happens.
    fn expires(&self, has_room: bool) -> Option<Instant> {
        let unattended = match self.reader {
            Reader::Present(_) => None,
            Reader::Absent { since } => Some(since + UNATTENDED),
        };
        let stuck = (!has_room).then(|| self.moved + STUCK);
        let gap = self.gap.map(|since| since + GAP);
        [unattended, stuck, gap].into_iter().flatten().min()
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
