//! A session: one conversation, and the requests of the client that carry it.
//!
//! ```text
//!   Open ──── the conversation ended, or the server stops ───► Ended ──── the client had time ───► Gone
//!     │                                                          ╰─ a last array says so           ▲
//!     ╰──────────── terminated, left alone, or stuck ──────────────────────────────────────────────╯
//! ```
//! The task (`converse`, then `linger`) owns the conversation. Requests and the task meet in `State`,
//! whose lock is never held over an await.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use model::{Code, Status};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::inbox::{Map, TooEarly};
use super::parse::Headers;
use super::state::{Phase, Read, ReaderId, Receipt, State, Step};
use crate::conversation::{Conversation, Topic};
use crate::json;
use crate::stopping::Stopped;

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

/// How a conversation ended; None when the client, or its absence, ended it.
pub(super) type Outcome = Option<Result<(), Status>>;

/// Why maps were not taken.
pub(super) enum Refused {
    TooEarly,
    /// The conversation did not take those before them in time.
    Busy,
    Gone,
}

impl From<TooEarly> for Refused {
    fn from(_: TooEarly) -> Self {
        Refused::TooEarly
    }
}

impl Session {
    /// A session of which nothing has happened yet; its arrays count in `all` as well.
    pub(super) fn new(topic: Topic, headers: Headers, all: Arc<AtomicUsize>) -> Self {
        Session {
            topic,
            headers,
            state: Mutex::new(State::new(all)),
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

    /// Whether its conversation is over, and how long the session has had no back channel; None while it has one.
    pub(super) fn unattended(&self) -> Option<(bool, Duration)> {
        let state = self.state.lock();
        let since = state.unattended_since()?;
        Some((state.phase() != Phase::Open, since.elapsed()))
    }

    /// Its conversation will be a refusal and nothing else: who has taken that, or lost it, opens another one.
    pub(super) fn end_when_told(&self) {
        self.state.lock().end_when_told();
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
                match state.phase() {
                    Phase::Open if state.takes_maps() => {
                        state.accept(maps)?;
                        return Ok(receipt);
                    }
                    Phase::Open => {}
                    // The last array tells the client, whatever it still sends.
                    Phase::Ended => return Ok(receipt),
                    Phase::Gone => return Err(Refused::Gone),
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
        let id = state.attach();
        self.arrays.notify_waiters();
        self.work.notify_one();
        id
    }

    /// A back channel ended.
    pub(super) fn detach(&self, id: ReaderId) {
        if self.state.lock().detach(id) {
            self.work.notify_one();
        }
    }

    /// Done when there may be something new to read, from this call on.
    pub(super) fn arrays(&self) -> Notified<'_> {
        self.arrays.notified()
    }

    /// What there is for a back channel that has sent everything up to `sent`: arrays until there are
    /// `enough` bytes.
    pub(super) fn read(&self, id: ReaderId, sent: u64, enough: usize) -> Read {
        self.state.lock().read(id, sent, enough)
    }

    /// The same, and a sign of life when there is nothing.
    pub(super) fn read_or_noop(&self, id: ReaderId, sent: u64, enough: usize) -> Read {
        self.state.lock().read_or_noop(id, sent, enough)
    }

    /// The conversation is over: a last array says how.
    pub(super) fn end(&self, outcome: &Result<(), Status>) {
        let last = || match outcome {
            Ok(()) => r#""close""#.to_owned(),
            Err(refusal) => json::refusal(refusal, json::Style::COMPACT),
        };
        if self.state.lock().end(last) {
            self.tell_all();
        }
    }

    /// The session is over at once, and nobody is told why.
    pub(super) fn go(&self) {
        self.state.lock().go();
        self.tell_all();
    }

    fn tell_all(&self) {
        self.work.notify_one();
        self.arrays.notify_waiters();
        self.room.notify_waiters();
    }

    /// Carries the conversation until one of its sides ends it. When the server stops, what is under way
    /// is finished, and nothing else begins.
    pub(super) async fn converse(
        self: Arc<Self>,
        mut conversation: Conversation,
        mut stopped: Stopped,
    ) -> Outcome {
        let mut stopping = false;
        loop {
            let (room, until) = match self.step(!stopping && conversation.wants_requests()) {
                Step::Stop => return None,
                Step::Take(map) => {
                    if let Err(refusal) = map.message.and_then(|message| conversation.receive(message)) {
                        return Some(Err(refusal));
                    }
                    continue;
                }
                Step::Wait { room, until } => (room, until),
            };
            let passed = tokio::select! {
                answer = conversation.answer(), if room => match answer {
                    Ok(Some(message)) => self.pass_on(&message),
                    Ok(None) if stopping => {
                        Err(Status::new(Code::Unavailable, "The server is stopping."))
                    }
                    Ok(None) => return Some(Ok(())),
                    Err(refusal) => Err(refusal),
                },
                () = stopped.wait(), if !stopping => {
                    stopping = true;
                    conversation.half_close();
                    Ok(())
                }
                () = self.work.notified() => Ok(()),
                () = sleep_until(until) => Ok(()),
            };
            if let Err(refusal) = passed {
                return Some(Err(refusal));
            }
        }
    }

    /// Waits until the client knows of the end, or had the time to ask.
    pub(super) async fn linger(&self) {
        let until = Instant::now() + LINGER;
        while !self.state.lock().is_done() {
            if tokio::time::timeout_at(until, self.work.notified()).await.is_err() {
                break;
            }
        }
        self.go();
    }

    fn step(&self, wants_map: bool) -> Step {
        let step = self.state.lock().step(wants_map);
        match &step {
            Step::Take(_) => self.room.notify_waiters(),
            Step::Stop => self.tell_all(),
            Step::Wait { room: true, .. } => {}
            // A back channel that has sent everything is to end, so that the client acknowledges.
            Step::Wait { room: false, .. } => self.arrays.notify_waiters(),
        }
        step
    }

    /// Keeps a message for the client.
    fn pass_on(&self, message: &[u8]) -> Result<(), Status> {
        let name = self.topic.method().definition().response;
        let json = json::answer(name, message, json::Style::COMPACT)?;
        self.state.lock().push(json);
        self.arrays.notify_waiters();
        Ok(())
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
