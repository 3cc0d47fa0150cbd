//! The lock table of one database. Pure bookkeeping: it never waits, it hands out what to wait for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::DocumentPath;
use storage::{KeyRange, Space};
use tokio::sync::oneshot;

use super::{Age, TransactionId};
use crate::view::ReadSet;

/// How long a document counts as fought over after the last conflict on it.
const CONTENDED_FOR: Duration = Duration::from_secs(1);

/// What a commit writes: documents with their keys, and index keys that appear or vanish.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteSet {
    pub(crate) documents: Vec<(DocumentPath, Bytes)>,
    pub(crate) index_keys: Vec<Bytes>,
}

/// The answer to a transaction that wants its reads protected.
pub(crate) enum ReadLock {
    Granted,
    /// Ask again when this resolves.
    Wait(oneshot::Receiver<()>),
    /// The transaction is no longer there: an older one has aborted it.
    Lost,
}

/// The answer to a commit.
#[derive(Debug)]
pub(crate) enum WriteLock {
    /// Go ahead; these younger readers were aborted for it.
    Granted { wounded: Vec<TransactionId> },
    /// Older transactions hold locks: wait until one of them has ended.
    Wait(Vec<TransactionId>),
    /// The committing transaction itself was aborted.
    Lost,
}

struct Holder {
    age: Age,
    points: HashSet<DocumentPath>,
    ranges: Vec<(Space, KeyRange)>,
    /// Prepared in the present round: its reads are decided, nobody need wait for it.
    committed: bool,
    blocked_since: Option<Duration>,
    wakers: Vec<oneshot::Sender<()>>,
}

#[derive(Default)]
struct Point {
    shared: HashSet<TransactionId>,
    update: Option<TransactionId>,
    queue: BTreeMap<Age, TransactionId>,
    contended_until: Duration,
}

/// What the present round writes. It is looked up only by transactions that lock what they read, so it is indexed
/// when the first of them asks.
#[derive(Default)]
struct InFlight {
    writes: Vec<Arc<WriteSet>>,
    /// How many of `writes` are in the sets below.
    indexed: usize,
    documents: HashSet<DocumentPath>,
    keys: HashSet<(Space, Bytes)>,
}

impl InFlight {
    /// True when the round changes something of what was read.
    fn meets(&mut self, reads: &ReadSet) -> bool {
        for set in &self.writes[self.indexed..] {
            for (path, key) in &set.documents {
                self.documents.insert(path.clone());
                self.keys.insert((Space::Documents, key.clone()));
            }
            self.keys.extend(set.index_keys.iter().map(|key| (Space::Indexes, key.clone())));
        }
        self.indexed = self.writes.len();
        reads.points.keys().any(|path| self.documents.contains(path))
            || (!reads.ranges.is_empty() && self.keys.iter().any(|(space, key)| reads.covers(*space, key)))
    }

    fn clear(&mut self) {
        self.writes.clear();
        self.indexed = 0;
        self.documents.clear();
        self.keys.clear();
    }
}

/// A commit that waits for older transactions.
struct Parked<J> {
    owner: Option<TransactionId>,
    on: Vec<TransactionId>,
    job: J,
}

/// See the module. `J` is what a commit is queued as.
pub(crate) struct LockTable<J> {
    holders: HashMap<TransactionId, Holder>,
    points: HashMap<DocumentPath, Point>,
    round: InFlight,
    round_waiters: Vec<oneshot::Sender<()>>,
    parked: Vec<Parked<J>>,
    ready: Vec<J>,
}

/// Whoever waited may have gone; then nobody needs to be woken.
fn wake(waker: oneshot::Sender<()>) {
    let _gone = waker.send(());
}

impl<J> Default for LockTable<J> {
    fn default() -> Self {
        LockTable {
            holders: HashMap::new(),
            points: HashMap::new(),
            round: InFlight::default(),
            round_waiters: Vec::new(),
            parked: Vec::new(),
            ready: Vec::new(),
        }
    }
}

impl<J> LockTable<J> {
    /// Registers a pessimistic transaction.
    pub(crate) fn begin(&mut self, id: TransactionId, age: Age) {
        let holder = Holder {
            age,
            points: HashSet::new(),
            ranges: Vec::new(),
            committed: false,
            blocked_since: None,
            wakers: Vec::new(),
        };
        self.holders.insert(id, holder);
    }

    /// Locks that the transaction holds.
    pub(crate) fn held(&self, id: TransactionId) -> usize {
        self.holders.get(&id).map_or(0, |holder| holder.points.len() + holder.ranges.len())
    }

    /// True when the transaction has itself read something of what it writes.
    pub(crate) fn has_read(&self, id: TransactionId, writes: &WriteSet) -> bool {
        let Some(holder) = self.holders.get(&id) else { return false };
        let covers = |space: Space, key: &Bytes| {
            holder.ranges.iter().any(|(of, range)| *of == space && range.contains(key))
        };
        let points = &holder.points;
        writes.documents.iter().any(|(path, key)| points.contains(path) || covers(Space::Documents, key))
            || writes.index_keys.iter().any(|key| covers(Space::Indexes, key))
    }

    /// Protects what the transaction has read. Whatever is granted stays granted while it waits for
    /// the rest. `wounded` receives transactions that had to be aborted to keep waiting finite.
    pub(crate) fn lock_reads(
        &mut self,
        id: TransactionId,
        reads: &ReadSet,
        now: Duration,
        wounded: &mut Vec<TransactionId>,
    ) -> ReadLock {
        if !self.holders.contains_key(&id) {
            return ReadLock::Lost;
        }
        if self.round.meets(reads) {
            let (waker, wait) = oneshot::channel();
            self.round_waiters.push(waker);
            return ReadLock::Wait(wait);
        }
        self.add_ranges(id, reads);
        let mut paths: Vec<_> = reads.points.keys().collect();
        paths.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        for path in paths {
            if let Some(blocker) = self.lock_point(id, path, now) {
                return self.block(id, blocker, now, wounded);
            }
        }
        if let Some(holder) = self.holders.get_mut(&id) {
            // Another read of the same transaction may still wait.
            holder.wakers.retain(|waker| !waker.is_closed());
            if holder.wakers.is_empty() {
                holder.blocked_since = None;
            }
        }
        ReadLock::Granted
    }

    fn add_ranges(&mut self, id: TransactionId, reads: &ReadSet) {
        let Some(holder) = self.holders.get_mut(&id) else { return };
        for range in &reads.ranges {
            if !holder.ranges.contains(range) {
                holder.ranges.push(range.clone());
            }
        }
    }

    /// Locks one document; answers the holder that stands in the way, if one does.
    fn lock_point(&mut self, id: TransactionId, path: &DocumentPath, now: Duration) -> Option<TransactionId> {
        let holder = self.holders.get_mut(&id)?;
        let point = self.points.entry(path.clone()).or_default();
        if point.shared.contains(&id) || point.update == Some(id) {
            return None;
        }
        let contended = now < point.contended_until || point.update.is_some() || !point.queue.is_empty();
        if !contended {
            point.shared.insert(id);
            holder.points.insert(path.clone());
            return None;
        }
        let first_in_queue = point.queue.first_key_value().is_none_or(|(age, _)| *age >= holder.age);
        match point.update {
            None if first_in_queue => {
                point.queue.remove(&holder.age);
                point.update = Some(id);
                holder.points.insert(path.clone());
                None
            }
            in_the_way => {
                point.queue.insert(holder.age, id);
                // Part of the transaction's marks, so that its end takes it out of the queue.
                holder.points.insert(path.clone());
                in_the_way.or_else(|| point.queue.first_key_value().map(|(_, first)| *first))
            }
        }
    }

    fn block(
        &mut self,
        id: TransactionId,
        blocker: TransactionId,
        now: Duration,
        wounded: &mut Vec<TransactionId>,
    ) -> ReadLock {
        if self.older_waits_for(id) {
            wounded.push(id);
            self.release(id);
            return ReadLock::Lost;
        }
        let (waker, wait) = oneshot::channel();
        let age = match self.holders.get_mut(&id) {
            Some(holder) => {
                holder.blocked_since.get_or_insert(now);
                holder.wakers.push(waker);
                holder.age
            }
            None => return ReadLock::Lost,
        };
        let blocked_younger = |h: &Holder| h.age > age && h.blocked_since.is_some() && !h.committed;
        if self.holders.get(&blocker).is_some_and(blocked_younger) {
            wounded.push(blocker);
            self.release(blocker);
        }
        ReadLock::Wait(wait)
    }

    /// True when an older transaction queues for a lock that `id` holds.
    fn older_waits_for(&self, id: TransactionId) -> bool {
        let Some(holder) = self.holders.get(&id) else { return false };
        holder.points.iter().filter_map(|path| self.points.get(path)).any(|point| {
            point.update == Some(id)
                && point.queue.first_key_value().is_some_and(|(age, _)| *age < holder.age)
        })
    }

    /// Asks for a commit's exclusive locks. When granted, readers wait for them until
    /// [`LockTable::round_ended`].
    pub(crate) fn lock_writes(
        &mut self,
        id: Option<TransactionId>,
        age: Age,
        writes: &Arc<WriteSet>,
        now: Duration,
    ) -> WriteLock {
        if id.is_some_and(|id| !self.holders.contains_key(&id)) {
            return WriteLock::Lost;
        }
        let conflicts = self.conflicts(id, writes, now);
        let older: Vec<_> =
            conflicts.iter().copied().filter(|c| self.holders.get(c).is_some_and(|h| h.age < age)).collect();
        if !older.is_empty() {
            if let Some(id) = id {
                if self.older_waits_for(id) {
                    self.release(id);
                    return WriteLock::Lost;
                }
                if let Some(holder) = self.holders.get_mut(&id) {
                    holder.blocked_since.get_or_insert(now);
                }
            }
            return WriteLock::Wait(older);
        }
        conflicts.iter().for_each(|loser| self.release(*loser));
        if let Some(holder) = id.and_then(|id| self.holders.get_mut(&id)) {
            holder.committed = true;
            holder.blocked_since = None;
        }
        self.round.writes.push(writes.clone());
        WriteLock::Granted { wounded: conflicts }
    }

    /// The transactions, other than `id`, whose reads the writes would change.
    fn conflicts(
        &mut self,
        id: Option<TransactionId>,
        writes: &WriteSet,
        now: Duration,
    ) -> Vec<TransactionId> {
        let mut found: Vec<TransactionId> = Vec::new();
        let holders = &self.holders;
        let counts = |other: &TransactionId| {
            Some(*other) != id && holders.get(other).is_some_and(|holder| !holder.committed)
        };
        for (path, _) in &writes.documents {
            let Some(point) = self.points.get_mut(path) else { continue };
            let before = found.len();
            found.extend(point.shared.iter().chain(&point.update).copied().filter(counts));
            if found.len() > before {
                point.contended_until = now + CONTENDED_FOR;
            }
        }
        for (other, holder) in holders.iter().filter(|(other, h)| !h.ranges.is_empty() && counts(other)) {
            let covers = |space: Space, key: &Bytes| {
                holder.ranges.iter().any(|(of, range)| *of == space && range.contains(key))
            };
            if writes.documents.iter().any(|(_, key)| covers(Space::Documents, key))
                || writes.index_keys.iter().any(|key| covers(Space::Indexes, key))
            {
                found.push(*other);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Keeps a commit until one of `on`, or its own transaction, has ended.
    pub(crate) fn park(&mut self, owner: Option<TransactionId>, on: Vec<TransactionId>, job: J) {
        self.parked.push(Parked { owner, on, job });
    }

    /// Commits whose waiting has ended, since the last call.
    pub(crate) fn take_ready(&mut self) -> Vec<J> {
        std::mem::take(&mut self.ready)
    }

    /// Parked commits that `overdue` picks leave the table.
    pub(crate) fn take_parked(&mut self, overdue: impl Fn(&J) -> bool) -> Vec<J> {
        let (late, kept): (Vec<_>, Vec<_>) = self.parked.drain(..).partition(|parked| overdue(&parked.job));
        self.parked = kept;
        late.into_iter().map(|parked| parked.job).collect()
    }

    /// The round's commits are visible (or have failed): readers may go on, its transactions end.
    pub(crate) fn round_ended(&mut self, transactions: &[TransactionId]) {
        self.round.clear();
        transactions.iter().for_each(|id| self.release(*id));
        self.round_waiters.drain(..).for_each(wake);
    }

    /// Ends a transaction: its locks pass on, what waited for it is woken.
    pub(crate) fn release(&mut self, id: TransactionId) {
        if let Some(holder) = self.holders.remove(&id) {
            for path in &holder.points {
                self.release_point(id, holder.age, path);
            }
            holder.wakers.into_iter().for_each(wake);
        }
        let (woken, kept): (Vec<_>, Vec<_>) =
            self.parked.drain(..).partition(|parked| parked.owner == Some(id) || parked.on.contains(&id));
        self.parked = kept;
        self.ready.extend(woken.into_iter().map(|parked| parked.job));
    }

    fn release_point(&mut self, id: TransactionId, age: Age, path: &DocumentPath) {
        let Some(point) = self.points.get_mut(path) else { return };
        point.shared.remove(&id);
        if point.queue.get(&age) == Some(&id) {
            point.queue.remove(&age);
        }
        if point.update == Some(id) {
            point.update = None;
        }
        if point.update.is_none()
            && let Some((_, next)) = point.queue.pop_first()
        {
            point.update = Some(next);
            if let Some(holder) = self.holders.get_mut(&next) {
                holder.points.insert(path.clone());
                holder.blocked_since = None;
                holder.wakers.drain(..).for_each(wake);
            }
        }
        let idle = point.shared.is_empty() && point.update.is_none() && point.queue.is_empty();
        if idle && point.contended_until.is_zero() {
            self.points.remove(path);
        }
    }

    /// Transactions that have waited for a lock longer than `limit`.
    pub(crate) fn blocked_longer_than(&self, limit: Duration, now: Duration) -> Vec<TransactionId> {
        let late =
            |holder: &Holder| holder.blocked_since.is_some_and(|since| now.saturating_sub(since) > limit);
        self.holders.iter().filter(|(_, holder)| late(holder)).map(|(id, _)| *id).collect()
    }

    /// Forgets documents that nobody fights over any more.
    pub(crate) fn forget_idle(&mut self, now: Duration) {
        self.points.retain(|_, point| {
            point.contended_until > now
                || !point.shared.is_empty()
                || point.update.is_some()
                || !point.queue.is_empty()
        });
    }
}
