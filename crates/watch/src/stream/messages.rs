//! Deliveries as the messages that tell them.

use std::sync::Arc;

use model::{DocumentPath, Status, Timestamp};

use crate::event::{ChangedDocument, ListenEvent, TargetChange};
use crate::mailbox::{Item, Slot};
use crate::token;

/// One document in one commit, for all targets of a stream.
struct Group {
    path: DocumentPath,
    /// More than one only when targets select different fields.
    shown: Vec<(Arc<ChangedDocument>, Vec<i32>)>,
    left: Option<Arc<ChangedDocument>>,
    removed: Vec<i32>,
    deleted: bool,
}

/// The messages that tell what a commit means, in the order of its documents; `id_of` is the id of a target
/// that still is.
pub(super) fn messages(
    time: Timestamp,
    items: Vec<(Slot, Item)>,
    id_of: impl Fn(Slot) -> Option<i32>,
) -> Vec<ListenEvent> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (slot, item) in items {
        let (Some(id), Some(path)) = (id_of(slot), item.path()) else { continue };
        let place = *places.entry(path.clone()).or_insert_with(|| {
            groups.push(Group::new(path.clone()));
            groups.len() - 1
        });
        groups[place].add(id, item);
    }
    groups.into_iter().flat_map(|group| group.messages(time)).collect()
}

impl Group {
    fn new(path: DocumentPath) -> Self {
        Group { path, shown: Vec::new(), left: None, removed: Vec::new(), deleted: false }
    }

    fn add(&mut self, id: i32, item: Item) {
        match item {
            Item::Upsert(document) => {
                match self.shown.iter_mut().find(|(shown, _)| Arc::ptr_eq(shown, &document)) {
                    Some((_, ids)) => ids.push(id),
                    None => self.shown.push((document, vec![id])),
                }
                return;
            }
            Item::Left(document) => self.left = Some(document),
            Item::Removed(_) => {}
            Item::Deleted(_) => self.deleted = true,
            // Has no path, so it is in no group.
            Item::Reconsider | Item::Failed(_) => return,
        }
        self.removed.push(id);
    }

    fn messages(self, time: Timestamp) -> Vec<ListenEvent> {
        let Group { path, mut shown, left, mut removed, deleted } = self;
        removed.sort_unstable();
        shown.iter_mut().for_each(|(_, ids)| ids.sort_unstable());
        shown.sort_by(|(_, one), (_, other)| one.cmp(other));
        if shown.is_empty() {
            return vec![match left {
                _ if deleted => ListenEvent::Deleted { path, read_time: time, targets: removed },
                Some(document) => ListenEvent::Changed { document, targets: Vec::new(), removed },
                None => ListenEvent::Removed { path, read_time: time, targets: removed },
            }];
        }
        let changed = |(document, targets)| {
            let removed = std::mem::take(&mut removed);
            ListenEvent::Changed { document, targets, removed }
        };
        shown.into_iter().map(changed).collect()
    }
}

/// Everything told before is the state at this time.
pub(super) fn boundary(time: Timestamp) -> ListenEvent {
    ListenEvent::Targets {
        change: TargetChange::NoChange,
        ids: Vec::new(),
        cause: None,
        token: Some(token::write(time)),
        read_time: Some(time),
    }
}

/// A target is as it is at this time.
pub(super) fn current(id: i32, time: Timestamp) -> ListenEvent {
    ListenEvent::Targets {
        change: TargetChange::Current,
        ids: vec![id],
        cause: None,
        token: Some(token::write(time)),
        read_time: Some(time),
    }
}

/// A change of a target without more to say.
pub(super) fn plain(change: TargetChange, id: i32) -> ListenEvent {
    ListenEvent::Targets { change, ids: vec![id], cause: None, token: None, read_time: None }
}

/// A target is no more, and why.
pub(super) fn removed(id: i32, cause: Status) -> ListenEvent {
    ListenEvent::Targets {
        change: TargetChange::Remove,
        ids: vec![id],
        cause: Some(cause),
        token: None,
        read_time: None,
    }
}
