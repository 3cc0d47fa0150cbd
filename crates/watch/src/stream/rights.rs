//! Rights of targets, in the midst of what happens. A right that may have changed is decided before anything more is
//! told to its target.
//!
//! The hub leaves [`Item::Reconsider`] in the mailbox when a document changes on which a decision rests. The decision
//! made then may rest on other documents; what happened to those in the meantime the mailbox cannot tell, so it is
//! looked up.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Document, DocumentPath, Status, Timestamp};

use crate::hub::{Hub, Seat};
use crate::mailbox::{Delivery, Item, Slot};
use crate::right::{Pass, Right};

/// How often a decision is repeated because what it rests on changed before the hub could tell of that.
const MAX_REPEATS: usize = 20;

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
                    Ok(pass) => discreet.push((slot, pass.discreet)),
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

    /// Decides about all targets, which have been told up to `told`. Blocks.
    pub fn decide_all(self, hub: &Hub, told: Timestamp) -> Decided {
        let items = self.by_slot.keys().map(|slot| (*slot, Item::Reconsider)).collect();
        let now = hub.processed();
        let mut decided = self.decide(hub, vec![Delivery::new(now, items)]);
        // It says nothing about documents.
        decided.deliveries.iter_mut().for_each(|delivery| delivery.time = told);
        decided
    }
}

/// Decides about a target at `time`, and sees to it that the mailbox tells when what that rests on changes. Blocks.
///
/// # Errors
/// Why the target may not be told; ABORTED when what that rests on never stands still.
pub(super) fn claim(
    hub: &Hub,
    seat: &Seat,
    slot: Slot,
    right: &dyn Right,
    time: Timestamp,
) -> Result<Pass, Status> {
    let mut at = time;
    for _ in 0..MAX_REPEATS {
        let pass = right.check(&hub.database.view_at(at)?)?;
        let Some(since) = hub.rely(seat, slot, &pass.rests_on) else { return Ok(pass) };
        if since <= at || is_same(hub, &pass.rests_on, at, since)? {
            return Ok(pass);
        }
        at = since;
    }
    Err(Status::aborted("What the right to listen rests on changes too often. Try again."))
}

/// True when none of the documents changed between two times.
fn is_same(hub: &Hub, paths: &[DocumentPath], one: Timestamp, other: Timestamp) -> Result<bool, Status> {
    let (one, other) = (hub.database.view_at(one)?, hub.database.view_at(other)?);
    for path in paths {
        let (one, other) = (one.get(path)?, other.get(path)?);
        let version = |document: Option<Document>| document.map(|document| document.update_time);
        if version(one) != version(other) {
            return Ok(false);
        }
    }
    Ok(true)
}
