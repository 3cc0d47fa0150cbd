//! Rights of targets, in the midst of what happens. A right that may have changed is decided before anything more is
//! told to its target.
//!
//! The hub leaves [`Item::Reconsider`] in the mailbox when a document changes on which a decision rests. The decision
//! made then may rest on other documents, of which the mailbox tells from now on only. So whatever waits from between
//! then and now is decided on, too.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Status, Timestamp};
use tokio::sync::watch::Receiver;

use crate::hub::{Hub, Seat};
use crate::mailbox::{Delivery, Item, Slot};
use crate::right::Right;
use crate::stream::ListenStream;
use crate::stream::telling::Outcome;

/// The targets of a stream that need a right.
#[derive(Clone)]
pub(super) struct Rights {
    seat: Seat,
    by_slot: HashMap<Slot, Arc<dyn Right>>,
}

/// Deliveries that may be told as they are.
pub(super) struct Decided {
    pub deliveries: Vec<Delivery>,
    /// Targets whose right was decided again, and whether they are discreet.
    pub discreet: Vec<(Slot, bool)>,
}

/// A target that may be told.
pub(super) struct Claimed {
    pub discreet: bool,
    /// What was taken from the mailbox and is not later than this has to be decided on as well.
    heard_since: Option<Timestamp>,
}

impl Rights {
    pub fn new(seat: Seat, by_slot: HashMap<Slot, Arc<dyn Right>>) -> Self {
        Rights { seat, by_slot }
    }

    /// Decides where deliveries ask for it. A target without a right any more is told nothing of the delivery that
    /// ended it, nor of any later one: only that it has failed. Blocks.
    pub fn decide(mut self, hub: &Hub, mut deliveries: Vec<Delivery>) -> Decided {
        let mut discreet = Vec::new();
        for n in 0..deliveries.len() {
            let time = deliveries[n].time;
            for slot in deliveries[n].take_reconsidered() {
                let Some(right) = self.by_slot.get(&slot) else { continue };
                match claim(hub, &self.seat, slot, &**right, time) {
                    Ok(claimed) => {
                        discreet.push((slot, claimed.discreet));
                        let later = deliveries[n + 1..].iter_mut();
                        let doubtful = later.take_while(|one| Some(one.time) <= claimed.heard_since);
                        doubtful.for_each(|delivery| delivery.doubt(slot));
                    }
                    Err(cause) => {
                        self.by_slot.remove(&slot);
                        deliveries[n..].iter_mut().for_each(|delivery| delivery.silence(slot));
                        deliveries[n].items.push((slot, Item::Failed(cause)));
                    }
                }
            }
        }
        Decided { deliveries, discreet }
    }

    /// The same after a decision about all targets, as of the time up to which they have been told. Blocks.
    pub fn decide_all(self, hub: &Hub, told: Timestamp, mut deliveries: Vec<Delivery>) -> Decided {
        let items = self.by_slot.keys().map(|slot| (*slot, Item::Reconsider)).collect();
        deliveries.insert(0, Delivery::new(told, items));
        self.decide(hub, deliveries)
    }
}

impl ListenStream {
    /// True once after each change that makes all rights doubtful.
    pub(super) fn is_revised(&mut self) -> bool {
        let Some(revisions) = &mut self.revisions else { return false };
        let is_revised = revisions.has_changed().unwrap_or(false);
        // Before the decisions: what changes after this is seen the next time.
        revisions.mark_unchanged();
        is_revised
    }

    /// Decides first what rights there still are to what was taken from the mailbox.
    pub(super) fn decide(&mut self, hub: Arc<Hub>, deliveries: Vec<Delivery>, all: bool) {
        let (told, rights) = (self.position, self.rights());
        self.start(move || {
            Ok(Outcome::Decided(match all {
                true => rights.decide_all(&hub, told, deliveries),
                false => rights.decide(&hub, deliveries),
            }))
        });
    }

    pub(super) fn rights(&self) -> Rights {
        Rights::new(self.seat.clone(), self.targets.rights())
    }
}

/// Resolves when rights have to be decided again. The stream's own receiver still has to see it.
pub(super) async fn revised(revisions: Option<Receiver<u64>>) {
    if let Some(mut revisions) = revisions
        && revisions.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Decides about a target at `time`, and sees to it that the mailbox asks again when what that rests on changes. Blocks.
///
/// # Errors
/// Why the target may not be told.
pub(super) fn claim(
    hub: &Hub,
    seat: &Seat,
    slot: Slot,
    right: &dyn Right,
    time: Timestamp,
) -> Result<Claimed, Status> {
    let pass = right.check(&hub.database.view_at(time)?)?;
    let heard_since = hub.rely(seat, slot, &pass.rests_on, time);
    Ok(Claimed { discreet: pass.discreet, heard_since })
}
