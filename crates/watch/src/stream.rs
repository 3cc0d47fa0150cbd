//! One client's stream: its targets, and what is told of them in which order.
//!
//! Whoever holds the stream asks for one message after the other; nothing happens here while nobody asks. In
//! turn:
//!
//! 1. what has been put into words already;
//! 2. the work under way: telling a new target its documents, or all targets what they missed ([`telling`]);
//! 3. what the hub left in the mailbox, commit by commit, each followed by a boundary;
//! 4. the next target that waits to be added.
//!
//! While work is under way the mailbox is left alone, and the work is about a time that everything before it
//! has been told up to. So every boundary is true for all targets that are current.

mod messages;
mod rights;
mod targets;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Code, DatabaseName, Status, Timestamp};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::event::{ListenEvent, TargetChange};
use crate::hub::Seat;
use crate::hubs::Hubs;
use crate::mailbox::{Delivery, Item, Mailbox, Slot, Taken};
use crate::right::Right;
use crate::target::Target;
use messages::{boundary, messages, plain, removed};
use rights::{Decided, revised};
use targets::{Active, Targets};
use telling::{Entry, Joining, Next, Outcome, Told, Why};

pub(crate) use telling::Membership;

/// How often an idle stream is told that nothing has changed, so that its token does not grow old: as in
/// production.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Messages that may wait when the client sends another request; one that never reads is cut off.
const MAX_UNREAD: usize = 16_384;

/// See the module. Dropping it ends it.
pub struct ListenStream {
    hubs: Arc<Hubs>,
    database: DatabaseName,
    membership: Option<Membership>,
    seat: Seat,
    targets: Targets,
    /// Changes when all rights have to be decided again.
    revisions: Option<Receiver<u64>>,
    told: VecDeque<ListenEvent>,
    work: Work,
    /// The time of the last boundary.
    position: Timestamp,
    next_heartbeat: Instant,
    cancelled: Arc<AtomicBool>,
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
            targets: Targets::default(),
            revisions: None,
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
    /// INVALID_ARGUMENT for ids that no client uses, RESOURCE_EXHAUSTED for a client that does not read its
    /// answers: the stream ends.
    pub fn add_target(&mut self, target: Target) -> Result<(), Status> {
        self.add(target, None)
    }

    /// The same for a target that may be told as long as `right` allows it.
    ///
    /// # Errors
    /// As [`ListenStream::add_target`].
    pub fn add_target_by_right(&mut self, target: Target, right: Arc<dyn Right>) -> Result<(), Status> {
        self.add(target, Some(right))
    }

    /// From now on all rights are decided again whenever this changes.
    pub fn follow_revisions(&mut self, revisions: Receiver<u64>) {
        self.revisions = Some(revisions);
    }

    fn add(&mut self, target: Target, right: Option<Arc<dyn Right>>) -> Result<(), Status> {
        self.check_unread()?;
        let id = self.targets.choose_id(target.id)?;
        let refusal = if self.targets.has_id(id) {
            self.drop_targets(|target| target.id == id);
            Some(Status::new(Code::AlreadyExists, format!("Target ID already exists: {id}")))
        } else {
            self.targets.add(&self.database, id, target, right).err()
        };
        self.told.extend(refusal.map(|cause| removed(id, cause)));
        Ok(())
    }

    /// Removes a target; answered even if there is none of that id.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED for a client that does not read its answers: the stream ends.
    pub fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        self.check_unread()?;
        // Clients count answers: one to the addition, one to the removal.
        let unanswered = self.targets.is_waiting(id);
        self.drop_targets(|target| target.id == id);
        self.told.extend(unanswered.then(|| plain(TargetChange::Add, id)));
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
        let moved = ended && self.targets.has_joined();
        matches!(self.work, Work::None) && !self.is_waiting() && !moved && !self.targets.has_waiting()
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
        if let Some(hub) = self.membership.as_ref().map(|membership| membership.hub().clone()) {
            let taken = if hub.has_ended() { Taken::Ended } else { self.seat.mailbox.take(hub.processed()) };
            // After that: what was taken may be later than the change.
            let all = self.is_revised();
            match taken {
                Taken::Nothing if all => {
                    self.decide(hub, Vec::new(), all);
                    return true;
                }
                Taken::Nothing => {}
                Taken::Deliveries(deliveries) if all || deliveries.iter().any(Delivery::reconsiders) => {
                    self.decide(hub, deliveries, all);
                    return true;
                }
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
        if self.membership.is_none() && self.targets.has_joined() {
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
            () = revised(self.revisions.clone()) => {}
            () = tokio::time::sleep_until(self.next_heartbeat) => self.beat(),
        }
    }

    fn beat(&mut self) {
        self.next_heartbeat = Instant::now() + HEARTBEAT;
        let Some(hub) = self.membership.as_ref().map(Membership::hub) else { return };
        // In this order: what is processed by then is in the mailbox.
        let time = hub.processed();
        if self.targets.has_joined() && self.seat.mailbox.is_empty() && time > self.position {
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
        let Delivery { time, mut items, .. } = delivery;
        for (slot, item) in &mut items {
            if self.targets.is_discreet(*slot) {
                *item = std::mem::replace(item, Item::Reconsider).discreet();
            }
        }
        let failed = items.iter().filter_map(|(slot, item)| match item {
            Item::Failed(cause) => Some((*slot, cause.clone())),
            Item::Upsert(_) | Item::Left(_) | Item::Removed(_) | Item::Deleted(_) | Item::Reconsider => None,
        });
        let failed: Vec<(Slot, Status)> = failed.collect();
        let mut told = messages(time, items, |slot| self.targets.id_of(slot));
        for (slot, cause) in failed {
            told.extend(self.targets.id_of(slot).map(|id| removed(id, cause)));
            self.drop_targets(|target| target.slot == slot);
        }
        if !told.is_empty() {
            self.told.extend(told);
            self.tell_boundary(time);
        }
    }

    /// Starts to add the next target that waits; false when there is none.
    fn add_next(&mut self) -> bool {
        let Some(entry) = self.targets.next_waiting() else { return false };
        self.join(Why::Added, vec![entry]);
        true
    }

    /// Joins the hub with all targets that had joined before.
    fn join_again(&mut self, why: Why, since: Option<Timestamp>) {
        self.join(why, self.targets.joined(since));
    }

    fn join(&mut self, why: Why, entries: Vec<Entry>) {
        let joining = Joining {
            hubs: self.hubs.clone(),
            database: self.database.clone(),
            hub: self.membership.as_ref().map(|membership| membership.hub().clone()),
            seat: self.seat.clone(),
            why,
            entries,
            rights: self.rights(),
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
                self.take_decided(before);
                for (slot, wanted, discreet) in shared {
                    if !self.targets.join(slot, wanted) {
                        self.leave(slot);
                    }
                    self.targets.set_discreet(slot, discreet);
                }
                self.take_told(told);
            }
            Outcome::Decided(decided) => self.take_decided(decided),
            Outcome::Told(told) => self.take_told(told),
            // The mailbox says what must come first; the targets still wait.
            Outcome::NotNow => {}
        }
    }

    fn take_decided(&mut self, decided: Decided) {
        let Decided { deliveries, discreet } = decided;
        discreet.into_iter().for_each(|(slot, discreet)| self.targets.set_discreet(slot, discreet));
        deliveries.into_iter().for_each(|delivery| self.deliver(delivery));
    }

    fn take_told(&mut self, told: Told) {
        let Told { messages, failed, next } = told;
        let live = messages.into_iter().filter(|(slot, _)| self.targets.id_of(*slot).is_some());
        self.told.extend(live.map(|(_, message)| message));
        self.drop_targets(|target| failed.contains(&target.slot));
        match next {
            Next::More(mut telling) => {
                telling.keep(|slot| self.targets.id_of(slot).is_some());
                self.work = Work::Ready(telling);
            }
            Next::Over(time) => {
                if self.targets.has_joined() {
                    self.tell_boundary(time);
                }
                self.end_single_answers();
            }
            Next::Nothing => {}
        }
    }

    /// Removes the targets that were to be answered once, and have been.
    fn end_single_answers(&mut self) {
        let dropped = self.drop_targets(|target| target.is_single() && target.is_joined());
        self.told.extend(dropped.into_iter().map(|id| plain(TargetChange::Remove, id)));
    }

    /// Answers the ids of what was dropped.
    fn drop_targets(&mut self, which: impl Fn(&Active) -> bool) -> Vec<i32> {
        let dropped = self.targets.remove(which);
        dropped.iter().for_each(|target| self.leave(target.slot));
        dropped.into_iter().map(|target| target.id).collect()
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
}

impl Drop for ListenStream {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // The membership, dropped next, ends the subscriptions; from here on there are no new ones.
        self.seat.mailbox.close();
    }
}

fn broken() -> Status {
    Status::internal("The server failed while it read for a listener.")
}
