//! Which rows are never read any more. Storage drops them when it compacts, without a trace.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use model::Timestamp;
use parking_lot::RwLock;
use storage::{Expired, Space};

use crate::keys::{DatabaseNumber, indexes, trailing_time};

/// A row expires when its database was cleared, its index dropped, or the time in its key is before
/// the horizon. Rows of history and the change log end with such a time, and nothing refers to them
/// once it is past, so they may vanish one by one and in any order.
pub(crate) struct Retention {
    horizon: AtomicI64,
    cleared: RwLock<HashSet<DatabaseNumber>>,
    dropped: RwLock<HashSet<(DatabaseNumber, u32)>>,
}

impl Retention {
    pub(crate) fn new(cleared: HashSet<DatabaseNumber>, dropped: HashSet<(DatabaseNumber, u32)>) -> Self {
        Retention { horizon: AtomicI64::new(0), cleared: RwLock::new(cleared), dropped: RwLock::new(dropped) }
    }

    /// Nobody reads at times before this any more.
    pub(crate) fn advance(&self, horizon: Timestamp) {
        self.horizon.fetch_max(horizon.micros(), Ordering::SeqCst);
    }

    pub(crate) fn clear(&self, number: DatabaseNumber) {
        self.cleared.write().insert(number);
    }

    pub(crate) fn drop_index(&self, number: DatabaseNumber, index: u32) {
        self.dropped.write().insert((number, index));
    }
}

impl Expired for Retention {
    fn expired(&self, space: Space, key: &[u8]) -> bool {
        let Some(number) = DatabaseNumber::of(key) else { return false };
        if space == Space::Meta {
            return false;
        }
        if self.cleared.read().contains(&number) {
            return true;
        }
        match space {
            Space::History | Space::Changes => {
                let horizon = self.horizon.load(Ordering::SeqCst);
                trailing_time(key).is_some_and(|time| time.micros() <= horizon)
            }
            Space::Indexes => {
                let index = indexes::declared_number(key);
                index.is_some_and(|index| self.dropped.read().contains(&(number, index)))
            }
            Space::Meta | Space::Documents => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{CollectionPath, DocumentPath};

    use super::*;
    use crate::keys::{changes, documents, history};

    #[test]
    fn only_what_nobody_can_read_any_more_expires() {
        let (kept, cleared) = (DatabaseNumber(1), DatabaseNumber(2));
        let retention = Retention::new(HashSet::from([cleared]), HashSet::from([(kept, 7)]));
        let time = |micros| Timestamp::from_micros(micros).expect("in range");
        retention.advance(time(100));
        retention.advance(time(50));

        let path = DocumentPath::new("c/a").expect("even");
        let document = |number| documents::key(number, &path);
        let past = |number, at| history::key(history::Kind::Document, &document(number), time(at));
        let table = [
            (Space::Documents, document(kept), false),
            (Space::Documents, document(cleared), true),
            (Space::History, past(kept, 100), true),
            (Space::History, past(kept, 101), false),
            (Space::History, past(cleared, 101), true),
            (Space::Changes, changes::key(kept, time(100)), true),
            (Space::Changes, changes::key(kept, time(101)), false),
            (Space::Indexes, indexes::declared(kept, 7, None), true),
            (Space::Indexes, indexes::declared(kept, 8, None), false),
            (Space::Indexes, indexes::declared(DatabaseNumber(3), 7, None), false),
            (Space::Indexes, indexes::declared(kept, 7, CollectionPath::new("c").as_ref()), true),
            (Space::Meta, document(cleared), false),
            (Space::History, vec![0, 0, 0, 1], false),
            (Space::Changes, vec![0], false),
        ];
        for (space, key, expired) in table {
            assert_eq!(retention.expired(space, &key), expired, "{space:?} {key:?}");
        }
    }
}
