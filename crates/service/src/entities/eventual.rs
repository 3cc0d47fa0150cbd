//! The eventual consistency of the old Datastore, for tests that want to see it.
//!
//! There a commit was applied to each entity group by itself, some time after it was acknowledged. A read by
//! key, or a query below an ancestor, first brought its group up to date; a query over all groups did not, and
//! could miss what was just written (DATASTORE.md 4.4).
//!
//! ```text
//!   pending:  group → its first commit that is not applied          (groups that nobody read strongly since)
//!   a global read looks at the state just before the first of those; first, each is applied by the odds
//! ```
//! So a global read always shows a state that was, as if groups were applied in the order of their commits.

use std::collections::{BTreeMap, HashMap};

use database::ReadAt;
use host::Host;
use model::entity::{Key, PathElement};
use model::{DatabaseName, Timestamp};
use parking_lot::Mutex;

/// Groups of one database that wait to be applied; then the oldest one is.
const MOST_PENDING: usize = 10_000;
/// A group is applied after so many microseconds, whatever the odds: well within the shortest retention in use.
const LONGEST: i64 = 60 * 1_000_000;

/// What is not applied yet.
pub(crate) struct Eventual {
    host: Host,
    /// The odds that a global read finds a commit applied.
    odds: f64,
    databases: Mutex<HashMap<DatabaseName, Pending>>,
}

/// An entity group: a namespace and a root.
type Group = (std::sync::Arc<str>, PathElement);

#[derive(Default)]
struct Pending {
    since: HashMap<Group, Timestamp>,
    /// The other way round; commits of one time are told apart by their group.
    in_order: BTreeMap<(Timestamp, String), Group>,
}

impl Eventual {
    /// With the odds (0 to 1) that a global read finds a commit applied; at 1 nothing is ever stale.
    pub(crate) fn new(host: Host, odds: f64) -> Self {
        Eventual { host, odds, databases: Mutex::default() }
    }

    /// True when nothing is ever stale.
    pub(super) fn is_strong(&self) -> bool {
        self.odds >= 1.0
    }

    /// `keys` were written at `time`.
    pub(super) fn written<'a>(
        &self,
        database: &DatabaseName,
        keys: impl Iterator<Item = &'a Key>,
        time: Timestamp,
    ) {
        if self.is_strong() {
            return;
        }
        let mut databases = self.databases.lock();
        let pending = databases.entry(database.clone()).or_default();
        keys.filter_map(group).for_each(|group| pending.add(group, time));
    }

    /// The groups of `keys` are read strongly: what was written to them is applied.
    pub(super) fn apply<'a>(&self, database: &DatabaseName, keys: impl Iterator<Item = &'a Key>) {
        if self.is_strong() {
            return;
        }
        if let Some(pending) = self.databases.lock().get_mut(database) {
            keys.filter_map(group).for_each(|group| pending.apply(&group));
        }
    }

    /// The moment that a global read at the newest time sees.
    pub(super) fn global(&self, database: &DatabaseName) -> ReadAt {
        if self.is_strong() {
            return ReadAt::Now;
        }
        let mut databases = self.databases.lock();
        let Some(pending) = databases.get_mut(database) else { return ReadAt::Now };
        let overdue = Timestamp::from_micros(self.host.now_micros() - LONGEST).unwrap_or(Timestamp::ZERO);
        while let Some(time) = pending.first() {
            if time > overdue && !self.is_applied_by_the_odds() {
                return ReadAt::Time(time.previous());
            }
            pending.apply_first();
        }
        ReadAt::Now
    }

    fn is_applied_by_the_odds(&self) -> bool {
        // The upper 53 bits are a fraction with all the digits that a double has.
        let dice = (self.host.random() >> 11) as f64 / (1_u64 << 53) as f64;
        dice < self.odds
    }
}

impl Pending {
    fn add(&mut self, group: Group, time: Timestamp) {
        if self.since.contains_key(&group) {
            return;
        }
        if self.since.len() >= MOST_PENDING {
            self.apply_first();
        }
        self.in_order.insert((time, name(&group)), group.clone());
        self.since.insert(group, time);
    }

    fn first(&self) -> Option<Timestamp> {
        self.in_order.first_key_value().map(|((time, _), _)| *time)
    }

    fn apply_first(&mut self) {
        if let Some((_, group)) = self.in_order.pop_first() {
            self.since.remove(&group);
        }
    }

    fn apply(&mut self, group: &Group) {
        if let Some(time) = self.since.remove(group) {
            self.in_order.remove(&(time, name(group)));
        }
    }
}

/// The group of a key.
fn group(key: &Key) -> Option<Group> {
    let root = key.path.first()?;
    Some((key.partition.namespace.clone(), root.clone()))
}

fn name(group: &Group) -> String {
    format!("{group:?}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use host::ManualClock;
    use model::entity::{Id, Partition};

    use super::*;

    fn name() -> DatabaseName {
        DatabaseName::new("p", "d")
    }

    fn key(root: &str) -> Key {
        let element = |id| PathElement { kind: "K".to_owned(), id: Some(id) };
        let path = vec![element(Id::Name(root.to_owned())), element(Id::Number(1))];
        Key { partition: Partition { project: "p".into(), database: "d".into(), namespace: "".into() }, path }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn a_global_read_sees_a_group_once_it_was_read_by_key() {
        let clock = Arc::new(ManualClock::at(100));
        let eventual = Eventual::new(Host::simulated(clock.clone(), 1), 0.0);
        assert_eq!(eventual.global(&name()), ReadAt::Now);
        eventual.written(&name(), [&key("a")].into_iter(), at(50));
        eventual.written(&name(), [&key("b"), &key("a")].into_iter(), at(60));
        assert_eq!(eventual.global(&name()), ReadAt::Time(at(49)));
        eventual.apply(&name(), [&key("a")].into_iter());
        assert_eq!(eventual.global(&name()), ReadAt::Time(at(59)));
        clock.advance(std::time::Duration::from_micros(LONGEST as u64));
        assert_eq!(eventual.global(&name()), ReadAt::Now);
    }

    #[test]
    fn the_odds_decide_how_often_a_commit_is_missed() {
        for (odds, expected) in [(0.0, 0..1), (0.9, 800..1_000), (1.0, 1_000..1_001)] {
            let eventual = Eventual::new(Host::simulated(Arc::new(ManualClock::at(100)), 7), odds);
            let mut seen = 0;
            for _ in 0..1_000 {
                eventual.written(&name(), [&key("a")].into_iter(), at(50));
                seen += usize::from(eventual.global(&name()) == ReadAt::Now);
                eventual.apply(&name(), [&key("a")].into_iter());
            }
            assert!(expected.contains(&seen), "{odds}: {seen}");
        }
    }

    #[test]
    fn what_waits_to_be_applied_is_bounded() {
        let eventual = Eventual::new(Host::simulated(Arc::new(ManualClock::at(100)), 1), 0.0);
        for number in 0..=MOST_PENDING {
            let key = key(&number.to_string());
            eventual.written(&name(), [&key].into_iter(), at(number as i64));
        }
        assert_eq!(eventual.global(&name()), ReadAt::Time(at(0)));
        let databases = eventual.databases.lock();
        let pending = &databases[&name()];
        assert_eq!((pending.since.len(), pending.in_order.len()), (MOST_PENDING, MOST_PENDING));
    }
}
