//! One client's stream: its targets, and what is told of them in which order.
//!
//! Whoever holds the stream asks for one message after the other; nothing happens here while nobody asks. In turn:
//!
//! 1. what has been put into words already;
//! 2. the work under way: telling a new target its documents, or all targets what they missed ([`telling`]);
//! 3. what the hub left in the mailbox, commit by commit, each followed by a boundary;
//! 4. the next target that waits to be added.
//!
//! While work is under way the mailbox is left alone, and the work is about a time that everything before it has been told up
//! to. So every boundary is true for all targets that are current.

mod messages;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Code, DatabaseName, Status, Timestamp};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::event::{ListenEvent, TargetChange};
use crate::hub::Seat;
use crate::hubs::Hubs;
use crate::mailbox::{Delivery, Item, Mailbox, Slot, Taken};
use crate::target::{MAX_TARGET_DOCUMENTS, MAX_TARGETS, Resume, Target, TargetKind};
use crate::token;
use crate::view::{Wanted, Watched};
use messages::{boundary, messages, plain, removed};
use telling::{Entry, Joining, Next, Outcome, Told, Why};

pub(crate) use telling::Membership;

/// How often an idle stream is told that nothing has changed, so that its token does not grow old: as in production.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Messages that may wait when the client sends another request; one that never reads is cut off.
const MAX_UNREAD: usize = 16_384;

/// See the module. Dropping it ends it.
pub struct ListenStream {
    hubs: Arc<Hubs>,
    database: DatabaseName,
    membership: Option<Membership>,
    seat: Seat,
    /// In the order they were added.
    targets: Vec<Active>,
    ids: Ids,
    last_slot: Slot,
    told: VecDeque<ListenEvent>,
    work: Work,
    /// The time of the last boundary.
    position: Timestamp,
    next_heartbeat: Instant,
    cancelled: Arc<AtomicBool>,
}

/// A target that is, or waits to be.
struct Active {
    slot: Slot,
    id: i32,
    wanted: Wanted,
    once: bool,
    progress: Progress,
}

enum Progress {
    /// Nothing has been done for it.
    Waiting(Box<Begin>),
    /// The hub leaves in the mailbox what concerns it.
    Joined,
}

/// How a target is to begin.
#[derive(Clone, Copy)]
struct Begin {
    since: Option<Timestamp>,
    expected: Option<i32>,
    /// Its ADD has been told.
    announced: bool,
}

/// Who chooses the ids of targets.
enum Ids {
    Open,
    Client,
    /// The server; the last one it chose.
    Server(i32),
}

enum Work {
    None,
    /// More is to be told, once the client has taken what there is.
    Ready(Box<telling::Telling>),
    Running(JoinHandle<Result<Outcome, Status>>),
}

impl ListenStream {
    pub(crate) fn new(hubs: Arc<Hubs>, database: DatabaseName, number: u64) -> Self {
        ListenStream {
            hubs,
            database,
            membership: None,
            seat: Seat { stream: number, mailbox: Arc::new(Mailbox::default()) },
            targets: Vec::new(),
            ids: Ids::Open,
            last_slot: 0,
            told: VecDeque::new(),
            work: Work::None,
            position: Timestamp::ZERO,
            next_heartbeat: Instant::now() + HEARTBEAT,
            cancelled: Arc::default(),
        }
    }

    /// Adds a target. What is wrong with the target alone is told as a message.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for ids that no client uses, RESOURCE_EXHAUSTED for a client that does not read its answers: the stream
    /// ends.
    pub fn add_target(&mut self, target: Target) -> Result<(), Status> {
        self.check_unread()?;
        let Target { id, what, resume, once, expected_count } = target;
        let id = self.ids.choose(id)?;
        if self.targets.iter().any(|target| target.id == id) {
            self.drop_targets(|target| target.id == id);
            let cause = Status::new(Code::AlreadyExists, format!("Target ID already exists: {id}"));
            self.told.push_back(removed(id, cause));
            return Ok(());
        }
        match self.prepare(what, resume) {
            Ok((wanted, since)) => {
                self.last_slot += 1;
                let begin = Begin { since, expected: expected_count, announced: false };
                let progress = Progress::Waiting(Box::new(begin));
                self.targets.push(Active { slot: self.last_slot, id, wanted, once, progress });
            }
            Err(cause) => self.told.push_back(removed(id, cause)),
        }
        Ok(())
    }

    /// Removes a target; answered even if there is none of that id.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED for a client that does not read its answers: the stream ends.
    pub fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        self.check_unread()?;
        self.drop_targets(|target| target.id == id);
        self.told.push_back(plain(TargetChange::Remove, id));
        Ok(())
    }

    /// True when [`ListenStream::next`] would answer at once: the client is what holds it up.
    pub fn is_waiting(&self) -> bool {
        !self.told.is_empty() || !self.seat.mailbox.is_empty() || matches!(self.work, Work::Ready(_))
    }

    /// Makes the stream compare by itself, as if it had been too slow. For tests.
    pub fn pretend_to_lag(&self) {
        if self.membership.is_some() {
            self.seat.mailbox.lag();
        }
    }

    /// True when [`ListenStream::next`] would only wait for the database or for time to pass.
    pub fn is_idle(&self) -> bool {
        let ended = self.membership.as_ref().is_some_and(|membership| membership.hub().has_ended());
        let moved = ended && self.has_joined();
        let waits = |target: &Active| matches!(target.progress, Progress::Waiting(_));
        matches!(self.work, Work::None) && !self.is_waiting() && !moved && !self.targets.iter().any(waits)
    }

    /// The next message; pends while there is none. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// What ends the stream: the database cannot be had any more, or a bug.
    pub async fn next(&mut self) -> Result<ListenEvent, Status> {
        loop {
            if let Some(message) = self.told.pop_front() {
                if self.told.is_empty() {
                    // An idle stream holds no buffer.
                    self.told = VecDeque::new();
                }
                return Ok(message);
            }
            if let Work::Running(running) = &mut self.work {
                let outcome = running.await;
                self.work = Work::None;
                self.take_outcome(outcome.map_err(|_| broken())??);
            } else if let Work::Ready(telling) = std::mem::replace(&mut self.work, Work::None) {
                self.start(move || Ok(Outcome::Told(telling.run())));
            } else if !self.look() {
                self.wait().await;
            }
        }
    }

    /// Looks for something to tell or to do; false when there is nothing.
    fn look(&mut self) -> bool {
        if let Some(hub) = self.membership.as_ref().map(Membership::hub) {
            let taken = if hub.has_ended() { Taken::Ended } else { self.seat.mailbox.take(hub.processed()) };
            match taken {
                Taken::Nothing => {}
                Taken::Deliveries(deliveries) => {
                    deliveries.into_iter().for_each(|delivery| self.deliver(delivery));
                    return true;
                }
                Taken::Lagging => {
                    self.join_again(Why::Lagged, Some(self.position));
                    return true;
                }
                Taken::Ended => {
                    self.membership = None;
                    self.seat.mailbox = Arc::new(Mailbox::default());
                }
            }
        }
        if self.membership.is_none() && self.has_joined() {
            self.join_again(Why::Moved, None);
            return true;
        }
        self.add_next()
    }

    /// Waits for the hub, or until the client is to hear that nothing has changed.
    async fn wait(&mut self) {
        if self.membership.is_none() {
            return std::future::pending().await;
        }
        tokio::select! {
            () = self.seat.mailbox.woken() => {}
            () = tokio::time::sleep_until(self.next_heartbeat) => self.beat(),
        }
    }

    fn beat(&mut self) {
        self.next_heartbeat = Instant::now() + HEARTBEAT;
        let Some(hub) = self.membership.as_ref().map(Membership::hub) else { return };
        // In this order: what is processed by then is in the mailbox.
        let time = hub.processed();
        if self.has_joined() && self.seat.mailbox.is_empty() && time > self.position {
            self.tell_boundary(time);
        }
    }

    fn tell_boundary(&mut self, time: Timestamp) {
        self.position = time;
        self.next_heartbeat = Instant::now() + HEARTBEAT;
        self.told.push_back(boundary(time));
    }

    /// Tells what one commit means.
    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { time, items, .. } = delivery;
        let failed = items.iter().filter_map(|(slot, item)| match item {
            Item::Failed(cause) => Some((*slot, cause.clone())),
            Item::Upsert(_) | Item::Left(_) | Item::Removed(_) | Item::Deleted(_) => None,
        });
        let failed: Vec<(Slot, Status)> = failed.collect();
        let mut told = messages(time, items, |slot| self.id_of(slot));
        for (slot, cause) in failed {
            told.extend(self.id_of(slot).map(|id| removed(id, cause)));
            self.drop_targets(|target| target.slot == slot);
        }
        if !told.is_empty() {
            self.told.extend(told);
            self.tell_boundary(time);
        }
    }

    fn id_of(&self, slot: Slot) -> Option<i32> {
        self.targets.iter().find(|target| target.slot == slot).map(|target| target.id)
    }

    fn has_joined(&self) -> bool {
        self.targets.iter().any(|target| matches!(target.progress, Progress::Joined))
    }

    /// Starts to add the next target that waits; false when there is none.
    fn add_next(&mut self) -> bool {
        let next = self.targets.iter_mut().find_map(|target| match &mut target.progress {
            Progress::Waiting(begin) => Some((target.slot, target.id, target.wanted.clone(), begin)),
            Progress::Joined => None,
        });
        let Some((slot, id, wanted, begin)) = next else { return false };
        let announced = std::mem::replace(&mut begin.announced, true);
        let entry = Entry { slot, id, wanted, since: begin.since, expected: begin.expected };
        if !announced {
            self.told.push_back(plain(TargetChange::Add, id));
        }
        self.join(Why::Added, vec![entry]);
        true
    }

    /// Joins the hub with all targets that had joined before.
    fn join_again(&mut self, why: Why, since: Option<Timestamp>) {
        let joined = self.targets.iter().filter(|target| matches!(target.progress, Progress::Joined));
        let entry = |target: &Active| {
            let Active { slot, id, wanted, .. } = target;
            Entry { slot: *slot, id: *id, wanted: wanted.clone(), since, expected: None }
        };
        let entries = joined.map(entry).collect();
        self.join(why, entries);
    }

    fn join(&mut self, why: Why, entries: Vec<Entry>) {
        let joining = Joining {
            hubs: self.hubs.clone(),
            database: self.database.clone(),
            hub: self.membership.as_ref().map(|membership| membership.hub().clone()),
            seat: self.seat.clone(),
            why,
            entries,
            cancelled: self.cancelled.clone(),
        };
        self.start(move || joining.run());
    }

    /// Runs work on a blocking thread, when it is its turn.
    fn start(&mut self, work: impl FnOnce() -> Result<Outcome, Status> + Send + 'static) {
        let reading = self.hubs.reading.clone();
        self.work = Work::Running(tokio::spawn(async move {
            let _turn = reading.acquire_owned().await.expect("the turns are never closed");
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(broken()))
        }));
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Joined { membership, before, shared, told } => {
                if let Some(membership) = membership {
                    self.membership = Some(membership);
                }
                before.into_iter().for_each(|delivery| self.deliver(delivery));
                shared.into_iter().for_each(|(slot, wanted)| self.joined(slot, wanted));
                self.take_told(told);
            }
            Outcome::Told(told) => self.take_told(told),
            // The mailbox says what must come first; the targets still wait.
            Outcome::NotNow => {}
        }
    }

    fn joined(&mut self, slot: Slot, wanted: Wanted) {
        match self.targets.iter_mut().find(|target| target.slot == slot) {
            Some(target) => {
                target.wanted = wanted;
                target.progress = Progress::Joined;
            }
            None => self.leave(slot),
        }
    }

    fn take_told(&mut self, told: Told) {
        let Told { messages, failed, next } = told;
        let live =
            messages.into_iter().filter(|(slot, _)| self.targets.iter().any(|target| target.slot == *slot));
        self.told.extend(live.map(|(_, message)| message));
        self.drop_targets(|target| failed.contains(&target.slot));
        match next {
            Next::More(mut telling) => {
                telling.keep(|slot| self.id_of(slot).is_some());
                self.work = Work::Ready(telling);
            }
            Next::Over(time) => {
                if self.has_joined() {
                    self.tell_boundary(time);
                }
                self.end_single_answers();
            }
        }
    }

    /// Removes the targets that were to be answered once, and have been.
    fn end_single_answers(&mut self) {
        let over = |target: &Active| target.once && matches!(target.progress, Progress::Joined);
        let ids: Vec<i32> =
            self.targets.iter().filter(|target| over(target)).map(|target| target.id).collect();
        self.drop_targets(over);
        self.told.extend(ids.into_iter().map(|id| plain(TargetChange::Remove, id)));
    }

    fn drop_targets(&mut self, which: impl Fn(&Active) -> bool) {
        let (dropped, kept) = std::mem::take(&mut self.targets).into_iter().partition(|target| which(target));
        self.targets = kept;
        let dropped: Vec<Active> = dropped;
        dropped.iter().for_each(|target| self.leave(target.slot));
    }

    fn leave(&self, slot: Slot) {
        if let Some(membership) = &self.membership {
            membership.hub().leave(&self.seat, Some(slot));
        }
    }

    fn check_unread(&self) -> Result<(), Status> {
        if self.told.len() > MAX_UNREAD {
            let text = "The client sends requests without reading the answers.";
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        Ok(())
    }

    /// What a target wants, and the time whose state its client has.
    fn prepare(
        &self,
        what: TargetKind,
        resume: Option<Resume>,
    ) -> Result<(Wanted, Option<Timestamp>), Status> {
        if self.targets.len() >= MAX_TARGETS {
            let text = format!("A stream can have at most {MAX_TARGETS} targets.");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        let wanted = match what {
            TargetKind::Query(query) => {
                Wanted::Query(Watched::new(query::prepare(&query, &self.database)?.matcher()?))
            }
            TargetKind::Documents(mut paths) => {
                if paths.len() > MAX_TARGET_DOCUMENTS {
                    return Err(Status::invalid_argument(format!(
                        "A target can name at most {MAX_TARGET_DOCUMENTS} documents."
                    )));
                }
                paths.sort_unstable();
                paths.dedup();
                Wanted::Documents(paths.into())
            }
            TargetKind::Refused(cause) => return Err(cause),
        };
        let since = match resume {
            None => None,
            Some(Resume::Token(token)) if token.is_empty() => None,
            Some(Resume::Token(token)) => Some(token::read(&token)?),
            Some(Resume::ReadTime(time)) => Some(time),
        };
        Ok((wanted, since))
    }
}

impl Drop for ListenStream {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // The membership, dropped next, ends the subscriptions; from here on there are no new ones.
        self.seat.mailbox.close();
    }
}

impl Ids {
    /// The id of a new target.
    fn choose(&mut self, id: i32) -> Result<i32, Status> {
        match (&*self, id) {
            (_, ..0) => Err(Status::invalid_argument(format!("Target ID {id} is negative."))),
            (Ids::Open | Ids::Client, 1..) => {
                *self = Ids::Client;
                Ok(id)
            }
            (Ids::Open, 0) => {
                *self = Ids::Server(1);
                Ok(1)
            }
            (Ids::Server(last), 0) => {
                let next =
                    last.checked_add(1).ok_or_else(|| Status::invalid_argument("Too many targets."))?;
                *self = Ids::Server(next);
                Ok(next)
            }
            (Ids::Client, 0) | (Ids::Server(_), 1..) => Err(Status::invalid_argument(
                "A stream's target IDs are chosen either by the client or by the server, not by both.",
            )),
        }
    }
}

fn broken() -> Status {
    Status::internal("The server failed while it read for a listener.")
}
