//! Work for targets that does not come from the mailbox: telling new ones everything, and telling all of them
//! what they missed. Runs on blocking threads, a part at a time; the stream asks for the next when its client
//! has taken the one before.
//!
//! ```text
//!   Joining ──► Telling ──► Telling ──► … ──► over: a boundary
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::{DatabaseName, Status, Timestamp};

use crate::event::{ListenEvent, TargetChange};
use crate::hub::{Hub, Joined, Seat};
use crate::hubs::Hubs;
use crate::mailbox::{Item, Slot};
use crate::right::Right;
use crate::stream::messages::{current, messages, plain, removed};
use crate::stream::rights::{Decided, Rights, claim};
use crate::teller::Teller;
use crate::view::Wanted;

/// Why there is something to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// A target is new.
    Added,
    /// The stream was too slow, and what waited for it was dropped.
    Lagged,
    /// The database was cleared, and another one stands in its place.
    Moved,
}

/// A target that has to be told something.
pub(super) struct Entry {
    pub slot: Slot,
    pub id: i32,
    pub wanted: Wanted,
    /// The time whose state its client has.
    pub since: Option<Timestamp>,
    pub expected: Option<i32>,
    /// What decides whether it may be told.
    pub right: Option<Arc<dyn Right>>,
    /// What has left it is not shown.
    pub discreet: bool,
}

/// What is to be done, before anything is.
pub(super) struct Joining {
    pub hubs: Arc<Hubs>,
    pub database: DatabaseName,
    /// The hub that the stream takes part in already.
    pub hub: Option<Arc<Hub>>,
    pub seat: Seat,
    pub why: Why,
    pub entries: Vec<Entry>,
    /// Of the targets that have joined.
    pub rights: Rights,
    pub cancelled: Arc<AtomicBool>,
}

/// The rest of what is to be done.
pub(super) struct Telling {
    joining: Joining,
    hub: Arc<Hub>,
    time: Timestamp,
    waiting: VecDeque<Entry>,
    present: Option<(Entry, Teller)>,
}

/// What one part of the work came to.
pub(super) enum Outcome {
    Joined {
        /// When the stream did not take part before.
        membership: Option<Membership>,
        /// What had been left in the mailbox, and is to be told first.
        before: Decided,
        /// What targets watch, shared with other streams, and whether they are discreet.
        shared: Vec<(Slot, Wanted, bool)>,
        told: Told,
    },
    Told(Told),
    /// Rights were decided again.
    Decided(Decided),
    /// The stream lags, or the hub has ended: that comes first.
    NotNow,
}

/// Taking part in a hub. Dropped, it ends all subscriptions of the stream.
pub(crate) struct Membership {
    hub: Arc<Hub>,
    seat: Seat,
}

/// Messages, each about one target, and how it goes on.
pub(super) struct Told {
    pub messages: Vec<(Slot, ListenEvent)>,
    /// Targets that cannot be served; they have been told.
    pub failed: Vec<Slot>,
    pub next: Next,
}

pub(super) enum Next {
    More(Box<Telling>),
    /// There was nobody to be told.
    Nothing,
    /// All have been told the state at this time.
    Over(Timestamp),
}

impl Joining {
    /// Joins the hub, and tells the first part. Blocks.
    ///
    /// # Errors
    /// The database cannot be had.
    pub fn run(self) -> Result<Outcome, Status> {
        let (hub, membership) = match &self.hub {
            Some(hub) => (hub.clone(), None),
            None => {
                let hub = self.hubs.hub(&self.database)?;
                (hub.clone(), Some(Membership { hub, seat: self.seat.clone() }))
            }
        };
        if self.why == Why::Added
            && let Some(refused) = self.refuse(&hub)
        {
            return Ok(Outcome::Told(refused));
        }
        let wanted = self.entries.iter().map(|entry| (entry.slot, entry.wanted.clone())).collect();
        let (time, before, targets) = match hub.join(&self.seat, wanted, self.why == Why::Lagged) {
            Joined::At { time, before, targets } => (time, before, targets),
            Joined::Lagging | Joined::Ended => return Ok(Outcome::NotNow),
        };
        let mut joining = self;
        let before = joining.rights.clone().decide(&hub, before);
        let mut told = Told { messages: Vec::new(), failed: Vec::new(), next: Next::Over(time) };
        let mut shared = Vec::new();
        let mut waiting = VecDeque::new();
        for (entry, (slot, wanted)) in std::mem::take(&mut joining.entries).into_iter().zip(targets) {
            // Not before `before`: a boundary after the ADD would say that the client has something of the
            // target.
            if joining.why == Why::Added {
                told.messages.push((slot, plain(TargetChange::Add, entry.id)));
            }
            match wanted {
                Ok(wanted) => match entry.claim(&hub, &joining.seat, time) {
                    Ok(discreet) => {
                        shared.push((slot, wanted.clone(), discreet));
                        waiting.push_back(Entry { wanted, discreet, ..entry });
                    }
                    Err(cause) => told.fail(&entry, cause),
                },
                Err(cause) => told.fail(&entry, cause),
            }
        }
        let telling = Telling { joining, hub, time, waiting, present: None };
        let first = telling.run();
        told.messages.extend(first.messages);
        told.failed.extend(first.failed);
        told.next = first.next;
        Ok(Outcome::Joined { membership, before, shared, told })
    }
}

impl Joining {
    /// Refuses a target, if it may not be told, before anything is done for it: nobody learns about documents or
    /// indexes from how it fails.
    fn refuse(&self, hub: &Hub) -> Option<Told> {
        let entry = self.entries.first()?;
        let cause = entry.right.as_ref()?.check(&hub.database.view()).err()?;
        let mut told = Told { messages: Vec::new(), failed: Vec::new(), next: Next::Nothing };
        told.fail(entry, cause);
        Some(told)
    }
}

impl Entry {
    /// Decides whether the target may be told from `time` on; true when it is discreet.
    fn claim(&self, hub: &Hub, seat: &Seat, time: Timestamp) -> Result<bool, Status> {
        let Some(right) = &self.right else { return Ok(false) };
        claim(hub, seat, self.slot, &**right, time).map(|claimed| claimed.discreet)
    }
}

impl Membership {
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.leave(&self.seat, None);
    }
}

impl Telling {
    /// Tells the next part. Blocks.
    pub fn run(mut self) -> Told {
        let mut told = Told { messages: Vec::new(), failed: Vec::new(), next: Next::Over(self.time) };
        if let Some((entry, teller)) = self.present.take().or_else(|| self.begin(&mut told)) {
            self.tell(entry, teller, &mut told);
        }
        told.next = self.next();
        told
    }

    /// Forgets targets that are no more.
    pub fn keep(&mut self, is_there: impl Fn(Slot) -> bool) {
        self.waiting.retain(|entry| is_there(entry.slot));
        self.present.take_if(|(entry, _)| !is_there(entry.slot));
    }

    fn next(self) -> Next {
        if self.present.is_none() && self.waiting.is_empty() {
            return Next::Over(self.time);
        }
        Next::More(Box::new(self))
    }

    fn begin(&mut self, told: &mut Told) -> Option<(Entry, Teller)> {
        let entry = self.waiting.pop_front()?;
        let joining = &self.joining;
        let teller = Teller::new(
            &self.hub.database,
            entry.wanted.clone(),
            joining.hubs.options().clone(),
            self.time,
            entry.since,
            joining.cancelled.clone(),
        );
        match teller {
            Ok(teller) => {
                if teller.reset || joining.why == Why::Moved {
                    told.messages.push((entry.slot, plain(TargetChange::Reset, entry.id)));
                }
                Some((entry, teller))
            }
            Err(cause) => {
                told.fail(&entry, cause);
                None
            }
        }
    }

    fn tell(&mut self, entry: Entry, mut teller: Teller, told: &mut Told) {
        let part = match teller.next() {
            Ok(part) => part,
            Err(cause) => return told.fail(&entry, cause),
        };
        let shown = |item: Item| if entry.discreet { item.discreet() } else { item };
        let items = part.items.into_iter().map(|item| (entry.slot, shown(item))).collect();
        let messages = messages(self.time, items, |_| Some(entry.id));
        told.messages.extend(messages.into_iter().map(|message| (entry.slot, message)));
        if !part.last {
            self.present = Some((entry, teller));
            return;
        }
        match entry.expected.map_or(Ok(None), |expected| teller.filter(expected)) {
            Ok(Some((count, names))) => {
                let filter = ListenEvent::Filter { target: entry.id, count, names };
                told.messages.push((entry.slot, filter));
            }
            Ok(None) => {}
            Err(cause) => return told.fail(&entry, cause),
        }
        // To those that lagged nothing is new but what they were told, unless they had to forget everything.
        if self.joining.why != Why::Lagged || teller.reset {
            told.messages.push((entry.slot, current(entry.id, self.time)));
        }
    }
}

impl Told {
    fn fail(&mut self, entry: &Entry, cause: Status) {
        self.failed.push(entry.slot);
        self.messages.push((entry.slot, removed(entry.id, cause)));
    }
}
