//! Which rows are never read any more. Storage drops them when it compacts, without a trace.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};

use model::Timestamp;
use parking_lot::RwLock;
use storage::{Expired, Space};

use crate::keys::{DatabaseNumber, indexes, trailing_time};

/// A row expires when its database was cleared, when its index was dropped before the horizon, or when
/// the time in its key is before the horizon. Rows of history and the change log end with such a time, and
/// nothing refers to them once it is past, so they may vanish one by one and in any order.
pub(crate) struct Retention {
    horizon: AtomicI64,
    cleared: RwLock<HashSet<DatabaseNumber>>,
    /// When each index was dropped: whoever began to read before that may still be scanning its rows.
    dropped: RwLock<HashMap<(DatabaseNumber, u32), Timestamp>>,
}

impl Retention {
    /// What the catalog knows as garbage. Its indexes were dropped in an earlier run: nobody reads them any more.
    pub(crate) fn new(cleared: HashSet<DatabaseNumber>, dropped: HashSet<(DatabaseNumber, u32)>) -> Self {
        let dropped = dropped.into_iter().map(|index| (index, Timestamp::ZERO)).collect();
        Retention { horizon: AtomicI64::new(0), cleared: RwLock::new(cleared), dropped: RwLock::new(dropped) }
    }

    /// Nobody reads at times before this any more.
    pub(crate) fn advance(&self, horizon: Timestamp) {
        self.horizon.fetch_max(horizon.micros(), Ordering::SeqCst);
    }

    pub(crate) fn clear(&self, number: DatabaseNumber) {
        self.cleared.write().insert(number);
    }

    /// An index is gone for all who begin to read after `when`.
    pub(crate) fn drop_index(&self, number: DatabaseNumber, index: u32, when: Timestamp) {
        self.dropped.write().insert((number, index), when);
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
        let past = |time: Timestamp| time.micros() <= self.horizon.load(Ordering::SeqCst);
        match space {
            Space::History | Space::Changes => trailing_time(key).is_some_and(past),
            Space::Indexes => {
                let index = indexes::declared_number(key);
                let dropped = index.and_then(|index| self.dropped.read().get(&(number, index)).copied());
                dropped.is_some_and(past)
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
        retention.drop_index(kept, 9, time(100));
        retention.drop_index(kept, 10, time(101));

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
            (Space::Indexes, indexes::declared(kept, 9, None), true),
            (Space::Indexes, indexes::declared(kept, 10, None), false),
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
