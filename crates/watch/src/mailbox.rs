//! Where the hub leaves what a stream has to tell: bounded, so that a slow stream costs its neighbours
//! nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{DocumentPath, Status, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::event::ChangedDocument;
use crate::hub::ViewId;

/// Commits that wait for one stream, and bytes of their documents. Beyond, all of them are dropped, and the
/// stream compares its own time with the present.
const MAX_DELIVERIES: usize = 1_024;
const MAX_BYTES: usize = 1 << 20;
/// What an item takes besides its document.
const ITEM_BYTES: usize = 64;

/// What one commit means to one stream.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub time: Timestamp,
    pub items: Vec<(Slot, Item)>,
    bytes: usize,
}

/// A target of a stream, never used twice: what is under way for a target that was removed and added again
/// under the same id must not reach the new one.
pub(crate) type Slot = u32;

/// What became of one document in one target.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// It is in the target, and looks like this.
    Upsert(Arc<ChangedDocument>),
    /// It does not match any more; this is what it looks like.
    Left(Arc<ChangedDocument>),
    /// It is not in the target any more, though it may be there.
    Removed(DocumentPath),
    Deleted(DocumentPath),
    /// A document changed on which the right to the target rests.
    Reconsider,
    /// The target cannot be kept up.
    Failed(Status),
}

/// What a stream finds when it looks.
pub(crate) enum Taken {
    Nothing,
    Deliveries(Vec<Delivery>),
    /// Deliveries were dropped.
    Lagging,
    /// The hub has ended: the database was cleared.
    Ended,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
    state: State,
    /// What the stream is subscribed to; the hub's business.
    views: Vec<(Slot, ViewId)>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Open,
    Lagging,
    /// The hub has ended.
    Ended,
    /// The stream has ended.
    Closed,
}

impl Mailbox {
    /// Leaves what a commit means to a target. It is not to be taken before the hub has gone through the
    /// whole commit.
    pub fn push(&self, time: Timestamp, slot: Slot, items: &[Item]) {
        let mut queue = self.queue.lock();
        if queue.state != State::Open || items.is_empty() {
            return;
        }
        let bytes = items.iter().map(Item::bytes).sum();
        queue.bytes += bytes;
        let items = items.iter().map(|item| (slot, item.clone()));
        match queue.deliveries.back_mut().filter(|last| last.time == time) {
            Some(last) => {
                last.items.extend(items);
                last.bytes += bytes;
            }
            None => queue.deliveries.push_back(Delivery { time, items: items.collect(), bytes }),
        }
        // A single commit is taken whatever its size: it is bounded by what a commit may be.
        let count = queue.deliveries.len();
        if count > MAX_DELIVERIES || (queue.bytes > MAX_BYTES && count > 1) {
            queue.drop_all(State::Lagging);
        }
    }

    /// Makes the right to a target be decided before anything later than `after` is told to it, and once at `now`, up to
    /// which all has been left here.
    pub fn doubt(&self, slot: Slot, after: Timestamp, now: Timestamp) {
        let mut queue = self.queue.lock();
        let later = queue.deliveries.iter_mut().filter(|delivery| delivery.time > after);
        later.for_each(|delivery| delivery.doubt(slot));
        drop(queue);
        self.push(now, slot, &[Item::Reconsider]);
    }

    /// Drops what waits: the stream has to find out for itself.
    pub fn lag(&self) {
        let mut queue = self.queue.lock();
        if queue.state == State::Open {
            queue.drop_all(State::Lagging);
        }
    }

    /// The hub has ended.
    pub fn end(&self) {
        let mut queue = self.queue.lock();
        if queue.state != State::Closed {
            queue.drop_all(State::Ended);
        }
    }

    /// The stream has ended.
    pub fn close(&self) {
        self.queue.lock().drop_all(State::Closed);
    }

    pub fn is_closed(&self) -> bool {
        self.queue.lock().state == State::Closed
    }

    /// Goes on after a lag: what waits from now on is complete again.
    pub fn reopen(&self) {
        let mut queue = self.queue.lock();
        if queue.state == State::Lagging {
            queue.state = State::Open;
        }
        queue.deliveries.clear();
        queue.bytes = 0;
    }

    /// Takes what waits up to `time`.
    pub fn take(&self, time: Timestamp) -> Taken {
        let mut queue = self.queue.lock();
        match queue.state {
            State::Lagging => return Taken::Lagging,
            State::Ended => return Taken::Ended,
            State::Open | State::Closed => {}
        }
        let ready = queue.deliveries.partition_point(|delivery| delivery.time <= time);
        if ready == 0 {
            return Taken::Nothing;
        }
        let taken: Vec<Delivery> = queue.deliveries.drain(..ready).collect();
        queue.bytes -= taken.iter().map(|delivery| delivery.bytes).sum::<usize>();
        if queue.deliveries.is_empty() {
            // An idle stream holds no buffer.
            queue.deliveries = VecDeque::new();
        }
        Taken::Deliveries(taken)
    }

    pub fn is_empty(&self) -> bool {
        let queue = self.queue.lock();
        queue.deliveries.is_empty() && matches!(queue.state, State::Open | State::Closed)
    }

    /// Wakes the stream.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Resolves after [`Mailbox::wake`].
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    pub fn add_view(&self, slot: Slot, view: ViewId) {
        self.queue.lock().views.push((slot, view));
    }

    /// The views of one slot.
    pub fn views_of(&self, slot: Slot) -> Vec<ViewId> {
        let queue = self.queue.lock();
        queue.views.iter().filter(|(of, _)| *of == slot).map(|(_, view)| *view).collect()
    }

    pub fn drop_view(&self, slot: Slot, view: ViewId) {
        self.queue.lock().views.retain(|own| *own != (slot, view));
    }

    /// Takes the views of one slot, or of all.
    pub fn take_views(&self, slot: Option<Slot>) -> Vec<(Slot, ViewId)> {
        let mut queue = self.queue.lock();
        let views = std::mem::take(&mut queue.views);
        let (taken, kept) = views.into_iter().partition(|(of, _)| slot.is_none_or(|slot| slot == *of));
        queue.views = kept;
        taken
    }
}

impl Delivery {
    pub fn new(time: Timestamp, items: Vec<(Slot, Item)>) -> Self {
        Delivery { time, items, bytes: 0 }
    }

    /// Makes the right to a target be decided first, if it is told anything.
    pub fn doubt(&mut self, slot: Slot) {
        if self.items.iter().any(|(of, _)| *of == slot) {
            self.items.push((slot, Item::Reconsider));
        }
    }

    /// True when rights must be decided before it is told.
    pub fn reconsiders(&self) -> bool {
        self.items.iter().any(|(_, item)| matches!(item, Item::Reconsider))
    }

    /// Takes the targets out whose rights must be decided, each once.
    pub fn take_reconsidered(&mut self) -> Vec<Slot> {
        let asked = self.items.extract_if(.., |(_, item)| matches!(item, Item::Reconsider));
        let mut slots: Vec<Slot> = asked.map(|(slot, _)| slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Takes out all that is for one target.
    pub fn silence(&mut self, slot: Slot) {
        self.items.retain(|(of, _)| *of != slot);
    }
}

impl Queue {
    fn drop_all(&mut self, state: State) {
        self.deliveries = VecDeque::new();
        self.bytes = 0;
        self.state = state;
    }
}

impl Item {
    fn bytes(&self) -> usize {
        ITEM_BYTES
            + match self {
                Item::Upsert(document) | Item::Left(document) => document.document().body.len(),
                Item::Removed(_) | Item::Deleted(_) | Item::Reconsider | Item::Failed(_) => 0,
            }
    }

    /// The same for a target that must not show what has left it.
    pub fn discreet(self) -> Self {
        match self {
            Item::Left(document) => Item::Removed(document.document().path.clone()),
            Item::Upsert(_) | Item::Removed(_) | Item::Deleted(_) | Item::Reconsider | Item::Failed(_) => {
                self
            }
        }
    }

    /// The document that it is about; none when the whole target is.
    pub fn path(&self) -> Option<&DocumentPath> {
        match self {
            Item::Upsert(document) | Item::Left(document) => Some(&document.document().path),
            Item::Removed(path) | Item::Deleted(path) => Some(path),
            Item::Reconsider | Item::Failed(_) => None,
        }
    }
}
