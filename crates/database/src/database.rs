//! One database: reading, committing, transactions.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use host::Host;
use model::limits::{MAX_REQUEST_BYTES, MAX_TRANSFORMS_PER_DOCUMENT};
use model::write::{CommitResult, Operation, Write, WriteResult};
use model::{DatabaseName, Status, Timestamp, validate};
use parking_lot::{Condvar, Mutex, RwLock};
use storage::Engine;
use tokio::sync::oneshot;

use crate::committer::{Answer, CommitJob, Job, Queue};
use crate::error;
use crate::guard::Guard;
use crate::ids::Ids;
use crate::index::IndexSet;
use crate::mode::Mode;
use crate::options::Options;
use crate::publication::Publication;
use crate::ready::Ready;
use crate::rehearsal::Pace;
use crate::transaction::{
    Concurrency, Ending, Kind, LockTable, ReadLock, RecentWrites, Registry, TransactionId, TransactionMode,
};
use crate::view::{ReadSet, View};
use crate::work::{Done, Work};

/// Documents and ranges that one transaction may read under locks.
const MAX_LOCKS: usize = 100_000;
/// How often a transactional read is repeated because what it read changed before it was locked.
/// Once its locks are held nothing they cover changes, so each repeat adds locks or is the last.
const MAX_READ_REPEATS: usize = 100;

/// The longest wait of a transaction over entities for another one's locks: its clients expect to be told soon that
/// somebody else is at it, and begin anew.
const ENTITY_LOCK_WAIT: Duration = Duration::from_secs(3);

/// One database. Made by [`crate::Store`].
pub struct Database {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) name: DatabaseName,
    pub(crate) mode: Mode,
    pub(crate) ids: Ids,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) host: Host,
    pub(crate) options: Arc<Options>,
    pub(crate) begun: Timestamp,
    pub(crate) publication: Publication,
    pub(crate) indexes: RwLock<Arc<IndexSet>>,
    pub(crate) queue: Mutex<Queue>,
    pub(crate) drained: Condvar,
    pub(crate) coordination: Mutex<Coordination>,
    pub(crate) recent: Mutex<RecentWrites>,
    /// Rows that commits have removed since the last clean-up that took live rows with it.
    pub(crate) removed_rows: AtomicU64,
    pub(crate) pace: Arc<Pace>,
}

/// What has been when a database is opened.
pub(crate) struct History {
    pub(crate) begun: Timestamp,
    pub(crate) last_commit: Timestamp,
}

/// Who holds which locks, and which transactions live: changed together.
pub(crate) struct Coordination {
    pub(crate) registry: Registry,
    pub(crate) locks: LockTable<CommitJob>,
}

/// At which consistency to read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadAt {
    /// The newest state.
    Now,
    /// The state at a time within the retention.
    Time(Timestamp),
    /// Inside the transaction of this token.
    Transaction(Bytes),
}

/// What the kind of a transaction makes of a read.
enum ReadPlan {
    Fixed(View),
    Recorded(View),
    Locked,
}

impl Database {
    pub(crate) fn new(
        (name, mode): (DatabaseName, Mode),
        engine: Arc<dyn Engine>,
        host: Host,
        options: Arc<Options>,
        indexes: IndexSet,
        history: History,
    ) -> Self {
        let History { begun, last_commit } = history;
        let coordination = Coordination { registry: Registry::new(mode), locks: LockTable::default() };
        let inner = Inner {
            name,
            mode,
            ids: Ids::new(engine.clone(), indexes.number()),
            engine,
            begun,
            options,
            publication: Publication::new(last_commit),
            indexes: RwLock::new(Arc::new(indexes)),
            queue: Mutex::default(),
            drained: Condvar::new(),
            coordination: Mutex::new(coordination),
            recent: Mutex::new(RecentWrites::starting(last_commit)),
            removed_rows: AtomicU64::new(0),
            pace: Pace::new(),
            host,
        };
        Database { inner: Arc::new(inner) }
    }

    /// The database's name.
    pub fn name(&self) -> &DatabaseName {
        &self.inner.name
    }

    /// What it holds.
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// When it was made or last cleared: what was before this time is gone. The epoch when that is not known.
    pub fn begun(&self) -> Timestamp {
        self.inner.begun
    }

    /// The indexes as they stand.
    pub fn indexes(&self) -> Arc<IndexSet> {
        self.inner.indexes.read().clone()
    }

    /// The newest committed state.
    pub fn view(&self) -> View {
        self.inner.view()
    }

    /// The state at `time`. INVALID_ARGUMENT for the future, FAILED_PRECONDITION past the retention.
    pub fn view_at(&self, time: Timestamp) -> Result<View, Status> {
        self.inner.view_at(time)
    }

    /// Tells the newest visible commit time, and wakes on each later one.
    pub fn commits(&self) -> tokio::sync::watch::Receiver<Timestamp> {
        self.inner.publication.subscribe()
    }

    /// Commits all writes or none; with a token, as the end of that transaction.
    pub async fn commit(&self, writes: Vec<Write>, token: Option<&[u8]>) -> Result<CommitResult, Status> {
        self.commit_guarded(writes, token, None).await
    }

    /// The same, when `guard` lets it: see [`Guard`].
    pub async fn commit_guarded(
        &self,
        writes: Vec<Write>,
        token: Option<&[u8]>,
        guard: Option<Arc<dyn Guard>>,
    ) -> Result<CommitResult, Status> {
        let inner = &self.inner;
        let transaction = token.map(|token| inner.enter(token)).transpose()?;
        let _visit = transaction.map(|id| Visit { inner: inner.clone(), id });
        check_writes(&writes)?;
        if let Some(ended) = transaction.and_then(|id| inner.commit_without_writes(id, writes.is_empty())) {
            return ended.map(|commit_time| CommitResult { commit_time, results: Vec::new() });
        }
        if transaction.is_none() && writes.is_empty() {
            let commit_time = inner.view().read_time();
            return Ok(CommitResult { commit_time, results: Vec::new() });
        }
        let answer = match guard {
            None => inner.submit_writes(writes, transaction)?.await.unwrap_or_else(|_| Err(error::dropped())),
            Some(guard) => inner.commit_decided(inner.ready(writes), transaction, guard).await,
        };
        answer.map(Done::documents)
    }

    /// Commits each write on its own, in no particular order; one answer for each write.
    pub async fn batch_write(&self, writes: Vec<Write>) -> Vec<Result<WriteResult, Status>> {
        let submitted: Vec<_> = writes
            .into_iter()
            .map(|write| {
                let writes = vec![write];
                check_writes(&writes).and_then(|()| self.inner.submit_writes(writes, None))
            })
            .collect();
        let mut answers = Vec::with_capacity(submitted.len());
        for waiting in submitted {
            let answer = match waiting {
                Ok(waiting) => waiting.await.unwrap_or_else(|_| Err(error::dropped())),
                Err(refusal) => Err(refusal),
            };
            answers.push(answer.map(|done| done.documents().results.pop().unwrap_or_default()));
        }
        answers
    }

    /// Begins a transaction; answers its token.
    pub fn begin(&self, mode: &TransactionMode) -> Result<Bytes, Status> {
        let inner = &self.inner;
        if let TransactionMode::ReadOnly { read_time: Some(time) } = mode {
            inner.check_read_time(*time)?;
        }
        let secret = inner.host.secret();
        let mut coordination = inner.coordination.lock();
        let coordination = &mut *coordination;
        let default = inner.options.concurrency;
        let begun = coordination.registry.begin(mode, default, secret, inner.host.elapsed())?;
        if matches!(coordination.registry.get_mut(begun.id)?.kind, Kind::Pessimistic) {
            coordination.locks.begin(begun.id, begun.age);
        }
        Ok(begun.token)
    }

    /// Ends a transaction without writing.
    pub fn rollback(&self, token: &[u8]) -> Result<(), Status> {
        let found = self.inner.coordination.lock().registry.find(token);
        match found {
            Ok(id) => {
                self.inner.end_transaction(id, Ending::RolledBack);
                Ok(())
            }
            Err(_) => self.inner.coordination.lock().registry.may_roll_back_ended(token),
        }
    }

    /// Runs `read` at the consistency asked for; answers what it returns and the read time. In a
    /// read-write transaction `read` may run more than once, so it must depend on the view alone.
    pub async fn read<T>(
        &self,
        at: &ReadAt,
        read: impl Fn(&View) -> Result<T, Status>,
    ) -> Result<(T, Timestamp), Status> {
        let inner = &self.inner;
        let fixed = |view: View| read(&view).map(|out| (out, view.read_time()));
        let token = match at {
            ReadAt::Now => return fixed(inner.view()),
            ReadAt::Time(time) => return fixed(inner.view_at(*time)?),
            ReadAt::Transaction(token) => token,
        };
        let id = inner.enter(token)?;
        let _visit = Visit { inner: inner.clone(), id };
        match inner.plan_read(id)? {
            ReadPlan::Fixed(view) => fixed(view),
            ReadPlan::Recorded(view) => {
                let (recording, reads) = view.recording();
                let out = read(&recording)?;
                drop(recording);
                inner.add_reads(id, &reads.lock())?;
                Ok((out, view.read_time()))
            }
            ReadPlan::Locked => inner.read_locked(id, read).await,
        }
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.host.now_micros()).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn view(&self) -> View {
        let (snapshot, time) = self.publication.newest(&*self.engine, self.now());
        View::new(self.name.clone(), snapshot, self.indexes.read().clone(), time)
    }

    fn view_at(&self, time: Timestamp) -> Result<View, Status> {
        self.check_read_time(time)?;
        let (snapshot, time) = self.publication.at(&*self.engine, time);
        Ok(View::new(self.name.clone(), snapshot, self.indexes.read().clone(), time))
    }

    fn check_read_time(&self, time: Timestamp) -> Result<(), Status> {
        let newest = self.now().max(self.publication.newest(&*self.engine, self.now()).1.read_time);
        if time > newest {
            return Err(Status::invalid_argument("The requested 'read_time' cannot be in the future."));
        }
        let retention = i64::try_from(self.options.retention.as_micros()).unwrap_or(i64::MAX);
        if time < newest.saturating_add(-retention) {
            return Err(Status::failed_precondition("The requested 'read_time' is too old."));
        }
        Ok(())
    }

    fn submit_writes(
        self: &Arc<Self>,
        writes: Vec<Write>,
        transaction: Option<TransactionId>,
    ) -> Result<oneshot::Receiver<Answer>, Status> {
        self.submit_commit(Work::Documents(self.ready(writes)), transaction)
    }

    fn ready(&self, writes: Vec<Write>) -> Vec<Ready> {
        let indexes = self.indexes.read().clone();
        writes.into_iter().map(|write| Ready::new(write, &indexes)).collect()
    }

    /// Queues a commit.
    pub(crate) fn submit_commit(
        self: &Arc<Self>,
        work: Work,
        transaction: Option<TransactionId>,
    ) -> Result<oneshot::Receiver<Answer>, Status> {
        let (reply, answer) = oneshot::channel();
        let age = {
            let mut coordination = self.coordination.lock();
            match transaction {
                Some(id) => coordination.registry.get_mut(id)?.age,
                None => coordination.registry.next_age(),
            }
        };
        let since = self.host.elapsed();
        self.submit(Job::Commit(CommitJob { work, transaction, age, since, reply }))?;
        Ok(answer)
    }

    /// The answer to a transactional commit that the committer need not see: a read-only one, or one
    /// without writes, whose reads hold already (by locks, or as of one snapshot).
    pub(crate) fn commit_without_writes(
        self: &Arc<Self>,
        id: TransactionId,
        is_empty: bool,
    ) -> Option<Result<Timestamp, Status>> {
        let read_only = {
            let mut coordination = self.coordination.lock();
            match coordination.registry.get_mut(id) {
                Ok(transaction) => matches!(transaction.kind, Kind::ReadOnly { .. }),
                Err(ended) => return Some(Err(ended)),
            }
        };
        if is_empty {
            // Before the locks are free: at this time all that was read is still so.
            let commit_time = self.view().read_time();
            self.end_transaction(id, Ending::Committed);
            return Some(Ok(commit_time));
        }
        if read_only {
            self.end_transaction(id, Ending::Refused);
            let text = "Cannot modify entities in a read-only transaction.";
            return Some(Err(Status::invalid_argument(text)));
        }
        None
    }

    pub(crate) fn enter(&self, token: &[u8]) -> Result<TransactionId, Status> {
        let mut coordination = self.coordination.lock();
        let id = coordination.registry.find(token)?;
        coordination.registry.enter(id, self.host.elapsed())?;
        Ok(id)
    }

    /// Ends a transaction and lets go of what it holds.
    pub(crate) fn end_transaction(self: &Arc<Self>, id: TransactionId, how: Ending) {
        let ready = {
            let mut coordination = self.coordination.lock();
            coordination.registry.end(id, how, self.host.elapsed());
            coordination.locks.release(id);
            coordination.locks.take_ready()
        };
        self.resubmit(ready);
    }

    fn plan_read(&self, id: TransactionId) -> Result<ReadPlan, Status> {
        let read_time = match &self.coordination.lock().registry.get_mut(id)?.kind {
            Kind::Pessimistic => return Ok(ReadPlan::Locked),
            Kind::ReadOnly { view: Some(view), .. } => return Ok(ReadPlan::Fixed(view.clone())),
            Kind::Optimistic { view: Some(view), .. } => return Ok(ReadPlan::Recorded(view.clone())),
            Kind::ReadOnly { read_time, view: None } => *read_time,
            Kind::Optimistic { view: None, .. } => None,
        };
        // Made outside the lock: a view at a given time may have to wait for a round, which needs it.
        let fresh = match read_time {
            Some(time) => self.view_at(time)?,
            None => self.view(),
        };
        Ok(match &mut self.coordination.lock().registry.get_mut(id)?.kind {
            Kind::Pessimistic => ReadPlan::Locked,
            Kind::ReadOnly { view, .. } => ReadPlan::Fixed(view.get_or_insert(fresh).clone()),
            Kind::Optimistic { view, .. } => ReadPlan::Recorded(view.get_or_insert(fresh).clone()),
        })
    }

    fn add_reads(&self, id: TransactionId, reads: &ReadSet) -> Result<(), Status> {
        let mut coordination = self.coordination.lock();
        if let Kind::Optimistic { reads: all, .. } = &mut coordination.registry.get_mut(id)?.kind {
            all.merge(reads);
            check_lock_count(all.points.len() + all.ranges.len())?;
        }
        Ok(())
    }

    /// Reads, locks what was read, and reads again if it changed in between.
    async fn read_locked<T>(
        self: &Arc<Self>,
        id: TransactionId,
        read: impl Fn(&View) -> Result<T, Status>,
    ) -> Result<(T, Timestamp), Status> {
        for _ in 0..MAX_READ_REPEATS {
            let view = self.view();
            let (recording, reads) = view.recording();
            let out = read(&recording)?;
            drop(recording);
            let reads = std::mem::take(&mut *reads.lock());
            self.lock_reads(id, &reads).await?;
            if !self.recent.lock().may_have_changed(view.read_time(), &reads) {
                return Ok((out, view.read_time()));
            }
        }
        self.end_transaction(id, Ending::WaitedTooLong);
        Err(Status::aborted(self.mode.waited_too_long()))
    }

    async fn lock_reads(self: &Arc<Self>, id: TransactionId, reads: &ReadSet) -> Result<(), Status> {
        loop {
            let (lock, ready) = {
                let mut coordination = self.coordination.lock();
                let coordination = &mut *coordination;
                check_lock_count(coordination.locks.held(id) + reads.points.len() + reads.ranges.len())?;
                let now = self.host.elapsed();
                let mut wounded = Vec::new();
                let lock = coordination.locks.lock_reads(id, reads, now, &mut wounded);
                for loser in wounded {
                    coordination.registry.end(loser, Ending::Wounded, now);
                }
                if matches!(lock, ReadLock::Lost) {
                    return Err(coordination.registry.ended_status(id));
                }
                (lock, coordination.locks.take_ready())
            };
            self.resubmit(ready);
            match lock {
                // A dropped waker means the transaction has ended; the next round tells how.
                ReadLock::Wait(wait) => drop(wait.await),
                ReadLock::Granted | ReadLock::Lost => return Ok(()),
            }
        }
    }

    /// The longest wait of a transaction for another one's locks.
    fn transaction_lock_wait(&self) -> Duration {
        match self.mode {
            Mode::Native => self.options.lock_wait,
            Mode::Datastore => self.options.lock_wait.min(ENTITY_LOCK_WAIT),
        }
    }

    /// Ends what has lived, idled or waited too long.
    pub(crate) fn tick(self: &Arc<Self>) {
        let options = &self.options;
        let now = self.host.elapsed();
        let (expired, waited) = {
            let mut coordination = self.coordination.lock();
            coordination.registry.forget_old(now);
            coordination.locks.forget_idle(now);
            let expired =
                coordination.registry.overdue(options.transaction_lifetime, options.transaction_idle, now);
            (expired, coordination.locks.blocked_longer_than(self.transaction_lock_wait(), now))
        };
        self.refuse_overdue_commits(options.lock_wait);
        expired.into_iter().for_each(|id| self.end_transaction(id, Ending::Expired));
        waited.into_iter().for_each(|id| self.end_transaction(id, Ending::WaitedTooLong));
    }

    /// Puts `set` in place of the indexes. When `fewer` are maintained from now on, the read-write
    /// transactions end in the same moment: what they have read in an index that is not maintained any more,
    /// they cannot keep true, and a commit that ignores that index must not come between. Transactions that
    /// only read go on, on rows that the retention keeps for them. Answers a time that no view with the
    /// indexes before is later than.
    ///
    /// The round under way goes on with the indexes it began with. It maintains all that are ready in `set`,
    /// for an index that is new there is not ready before it is built, and what was exempted stays so.
    pub(crate) fn replace_indexes(self: &Arc<Self>, set: IndexSet, fewer: bool) -> Timestamp {
        let ready = {
            let mut coordination = self.coordination.lock();
            let coordination = &mut *coordination;
            *self.indexes.write() = Arc::new(set);
            if fewer {
                let now = self.host.elapsed();
                for id in coordination.registry.live_writers() {
                    coordination.registry.end(id, Ending::Wounded, now);
                    coordination.locks.release(id);
                }
            }
            coordination.locks.take_ready()
        };
        self.resubmit(ready);
        self.view().read_time()
    }

    /// Ends every transaction: what they rest on is going away.
    pub(crate) fn end_all_transactions(self: &Arc<Self>, how: Ending) {
        let live = self.coordination.lock().registry.live_ids();
        live.into_iter().for_each(|id| self.end_transaction(id, how));
    }
}

/// Keeps a transaction from counting as idle while one of its requests is under way.
pub(crate) struct Visit {
    pub(crate) inner: Arc<Inner>,
    pub(crate) id: TransactionId,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.inner.coordination.lock().registry.leave(self.id, self.inner.host.elapsed());
    }
}

fn check_lock_count(count: usize) -> Result<(), Status> {
    if count > MAX_LOCKS {
        return Err(Status::invalid_argument("Transaction too big. Decrease transaction size."));
    }
    Ok(())
}

/// What can be told of writes without looking at the documents.
fn check_writes(writes: &[Write]) -> Result<(), Status> {
    let mut transforms = std::collections::HashMap::new();
    let mut bytes = 0;
    for write in writes {
        let Operation::Set { fields, transforms: of_write, .. } = &write.operation else { continue };
        validate::check_fields(fields)?;
        bytes += model::size::fields_size(fields);
        let count = transforms.entry(&write.path).or_insert(0);
        *count += of_write.len();
        if *count > MAX_TRANSFORMS_PER_DOCUMENT {
            return Err(Status::invalid_argument(format!(
                "cannot apply more than {MAX_TRANSFORMS_PER_DOCUMENT} field transforms to a single document"
            )));
        }
    }
    if bytes > MAX_REQUEST_BYTES {
        return Err(Status::invalid_argument("Transaction too big. Decrease transaction size."));
    }
    Ok(())
}

/// The concurrency of read-write transactions that ask for none.
pub(crate) const DEFAULT_CONCURRENCY: Concurrency = Concurrency::Pessimistic;
