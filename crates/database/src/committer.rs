//! The committer: the only writer of its database.
//!
//! Requests queue; a drain takes all that wait and makes one round of them. There is no thread of its
//! own: the first request starts a drain in the background, which ends when the queue is empty. So a
//! thousand idle databases cost nothing, and under load each durable write serves all that came
//! during the one before.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use model::{Code, DocumentPath, Status, Timestamp};
use storage::Committed;
use tokio::sync::oneshot;

use crate::database::{Coordination, Inner};
use crate::error::{self, CONTENTION};
use crate::feed::Step;
use crate::mode::Mode;
use crate::round::{Prepared, Round};
use crate::transaction::{Age, Ending, Kind, TransactionId, WriteLock};
use crate::work::{Done, Fate, Work};

/// Requests of one round.
const MAX_ROUND: usize = 1_024;
/// Requests that may wait; beyond, a commit is answered with RESOURCE_EXHAUSTED at once.
const MAX_QUEUE: usize = 100_000;

/// The queue of one database.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Job>,
    draining: bool,
    /// A write failed in a way that leaves it open what is stored: no more writes until a restart.
    stopped: Option<Status>,
}

/// One request to the committer.
pub(crate) enum Job {
    Commit(CommitJob),
    Backfill { index: u32, paths: Vec<DocumentPath>, reply: mpsc::Sender<Result<(), Status>> },
}

/// A commit that waits for its turn or for locks.
pub(crate) struct CommitJob {
    pub(crate) work: Work,
    pub(crate) transaction: Option<TransactionId>,
    pub(crate) age: Age,
    pub(crate) since: Duration,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// What became of a commit that asked for its locks.
enum Locked {
    Granted(CommitJob),
    Parked,
    Lost(CommitJob),
}

/// What a commit is answered.
pub(crate) type Answer = Result<Done, Status>;

/// What a round owes to its commits once it is durable.
#[derive(Default)]
struct Outcome {
    /// Refusals wait too: they may rest on what the round writes.
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    filled: Vec<mpsc::Sender<Result<(), Status>>>,
    transactions: Vec<TransactionId>,
    /// The chains of which it has done links; they may be waiting for the rest.
    chains: Vec<Fate>,
    last: Option<Timestamp>,
    /// The commits in order, while somebody follows.
    steps: Option<Vec<Arc<Step>>>,
}

impl Inner {
    /// Queues a request and sees to it that somebody works on the queue.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), Status> {
        {
            let mut queue = self.queue.lock();
            if let Some(stopped) = &queue.stopped {
                return Err(stopped.clone());
            }
            if queue.waiting.len() >= MAX_QUEUE {
                let message = "Too many commits are waiting. Try again with exponential back-off.";
                return Err(Status::new(Code::ResourceExhausted, message));
            }
            queue.waiting.push_back(job);
        }
        self.start_drain();
        Ok(())
    }

    /// Puts commits that waited for locks back into the queue, before younger ones.
    pub(crate) fn resubmit(self: &Arc<Self>, jobs: Vec<CommitJob>) {
        if jobs.is_empty() {
            return;
        }
        {
            let mut queue = self.queue.lock();
            jobs.into_iter().rev().for_each(|job| queue.waiting.push_front(Job::Commit(job)));
        }
        self.start_drain();
    }

    fn start_drain(self: &Arc<Self>) {
        {
            let mut queue = self.queue.lock();
            if queue.draining || queue.waiting.is_empty() {
                return;
            }
            queue.draining = true;
        }
        let inner = self.clone();
        self.host.spawn_blocking(move || inner.drain());
    }

    fn drain(self: Arc<Self>) {
        loop {
            let jobs: Vec<Job> = {
                let mut queue = self.queue.lock();
                let take = queue.waiting.len().min(MAX_ROUND);
                if take == 0 {
                    queue.draining = false;
                    self.drained.notify_all();
                    return;
                }
                queue.waiting.drain(..take).collect()
            };
            self.run_round(jobs);
        }
    }

    fn run_round(self: &Arc<Self>, jobs: Vec<Job>) {
        let (before, first) = self.publication.begin_round(&*self.engine, self.now());
        let indexes = self.indexes.read().clone();
        let mut round = Round::new((self.name.clone(), self.mode), indexes, before, first);
        let steps = self.publication.is_followed().then(Vec::new);
        let mut outcome = Outcome { steps, ..Outcome::default() };
        for job in jobs {
            match job {
                Job::Commit(job) => self.prepare(&mut round, &mut outcome, job),
                Job::Backfill { index, paths, reply } => match round.backfill(index, &paths, self.now()) {
                    Ok(()) => outcome.filled.push(reply),
                    Err(status) => drop(reply.send(Err(status))),
                },
            }
        }
        let used = round.last_time();
        let written = if round.is_empty() { Ok(()) } else { self.write(round) };
        if let Err(failure) = &written {
            // Told once is enough: a chain that has heard of it does nothing more.
            outcome.chains.iter().for_each(|chain| drop(chain.set(failure.clone())));
        }
        let last = outcome.last.filter(|_| written.is_ok());
        self.publication.end_round(used, last, outcome.steps.take());
        let ready = {
            let mut coordination = self.coordination.lock();
            coordination.locks.round_ended(&outcome.transactions);
            coordination.locks.take_ready()
        };
        self.resubmit(ready);
        // Nobody listens where the client has gone; the commit stands all the same.
        for (reply, result) in outcome.answers {
            drop(reply.send(written.clone().and(result)));
        }
        outcome.filled.into_iter().for_each(|reply| drop(reply.send(written.clone())));
    }

    /// Makes the round durable.
    fn write(&self, round: Round) -> Result<(), Status> {
        let batch = round.into_batch();
        let removed = batch.rows().filter(|row| row.value.is_none()).count();
        let failed = match self.engine.commit(batch) {
            Ok(Committed::Done) => {
                self.removed_rows.fetch_add(removed as u64, Ordering::Relaxed);
                return Ok(());
            }
            Ok(Committed::Fenced) => {
                Status::new(Code::Unavailable, "Another server has taken this database over.")
            }
            Ok(Committed::Unknown) => Status::new(
                Code::Unavailable,
                "A write failed half way: it is not known whether it is stored. Writes are stopped until the server is restarted; reads still work.",
            ),
            Err(error) => return Err(error::storage(error)),
        };
        tracing::error!(database = %self.name, status = %failed, "writes stop");
        self.queue.lock().stopped = Some(failed.clone());
        Err(failed)
    }

    /// Applies one commit, or one link of a chain after the other, and asks for its locks.
    fn prepare(self: &Arc<Self>, round: &mut Round, outcome: &mut Outcome, mut job: CommitJob) {
        if let Some(refusal) = self.refuse_early(&job) {
            outcome.answers.push((job.reply, Err(refusal)));
            return;
        }
        loop {
            let prepared = match job.work.prepare(round, self.now()) {
                Ok(prepared) => prepared,
                Err(refusal) => return self.refuse(outcome, job, refusal),
            };
            job = match self.lock(job, &prepared) {
                Locked::Granted(job) => job,
                Locked::Parked => return,
                Locked::Lost(job) => return self.refuse(outcome, job, Status::aborted(CONTENTION)),
            };
            outcome.transactions.extend(job.transaction);
            outcome.chains.extend(job.work.fate());
            let done = self.take(round, outcome, prepared);
            if let Some(all) = job.work.done(done) {
                outcome.answers.push((job.reply, Ok(all)));
                return;
            }
        }
    }

    /// Takes what has its locks into the round.
    fn take(&self, round: &mut Round, outcome: &mut Outcome, prepared: Prepared) -> Done {
        if prepared.is_noop() {
            round.use_time(prepared.time);
            return prepared.done;
        }
        self.recent.lock().add(prepared.time, prepared.writes.clone());
        if let Some(steps) = &mut outcome.steps {
            steps.push(Arc::new(prepared.step()));
        }
        outcome.last = Some(prepared.time);
        round.accept(prepared)
    }

    /// What can be refused before anything is applied: a lost or outdated transaction.
    fn refuse_early(&self, job: &CommitJob) -> Option<Status> {
        let id = job.transaction?;
        let mut coordination = self.coordination.lock();
        let now = self.host.elapsed();
        let transaction = match coordination.registry.get_mut(id) {
            Ok(transaction) => transaction,
            Err(ended) => return Some(ended),
        };
        if let Kind::Optimistic { view: Some(view), reads } = &transaction.kind
            && self.recent.lock().may_have_changed(view.read_time(), reads)
        {
            coordination.registry.end(id, Ending::Wounded, now);
            return Some(Status::aborted(CONTENTION));
        }
        None
    }

    /// Asks for a commit's locks, and parks it when it has to wait for them.
    fn lock(&self, job: CommitJob, prepared: &Prepared) -> Locked {
        let now = self.host.elapsed();
        let mut coordination = self.coordination.lock();
        let coordination = &mut *coordination;
        let pessimistic = match job.transaction.map(|id| (id, coordination.registry.get_mut(id))) {
            None => None,
            // Ended by its client or by time, since the commit was looked at: it must not go through as a plain one.
            Some((_, Err(_))) => return Locked::Lost(job),
            Some((id, Ok(transaction))) => matches!(transaction.kind, Kind::Pessimistic).then_some(id),
        };
        match coordination.locks.lock_writes(pessimistic, job.age, &prepared.writes, now) {
            WriteLock::Lost => Locked::Lost(job),
            // Whoever is older and has read it will most likely write it too: then this one is lost, for it has read
            // what was there before.
            WriteLock::Wait(_) if self.loses_at_once(coordination, &job, prepared) => {
                job.transaction.iter().for_each(|id| coordination.locks.release(*id));
                Locked::Lost(job)
            }
            WriteLock::Wait(on) => {
                coordination.locks.park(job.transaction, on, job);
                Locked::Parked
            }
            WriteLock::Granted { wounded } => {
                for loser in wounded {
                    coordination.registry.end(loser, Ending::Wounded, now);
                }
                if let Some(id) = job.transaction {
                    coordination.registry.end(id, Ending::Committed, now);
                }
                Locked::Granted(job)
            }
        }
    }

    /// In datastore mode a transaction that has itself read what it writes does not wait for older readers of it: the
    /// one that began first wins, and the other is told at once.
    fn loses_at_once(&self, coordination: &Coordination, job: &CommitJob, prepared: &Prepared) -> bool {
        let has_read = |id: TransactionId| coordination.locks.has_read(id, &prepared.writes);
        self.mode == Mode::Datastore && job.transaction.is_some_and(has_read)
    }

    /// Answers a commit that cannot be, and ends its transaction.
    fn refuse(self: &Arc<Self>, outcome: &mut Outcome, job: CommitJob, refusal: Status) {
        if let Some(id) = job.transaction {
            let how = if refusal.code == Code::Aborted { Ending::Wounded } else { Ending::Refused };
            self.end_transaction(id, how);
        }
        outcome.answers.push((job.reply, Err(refusal)));
    }

    /// Refuses the commits that have waited for locks longer than the limit.
    pub(crate) fn refuse_overdue_commits(self: &Arc<Self>, limit: Duration) {
        let now = self.host.elapsed();
        let late = self.coordination.lock().locks.take_parked(|job| now.saturating_sub(job.since) > limit);
        for job in late {
            if let Some(id) = job.transaction {
                self.end_transaction(id, Ending::WaitedTooLong);
            }
            drop(job.reply.send(Err(Status::aborted(self.mode.waited_too_long()))));
        }
    }

    /// Waits until the queue is empty.
    pub(crate) fn finish(&self) {
        let mut queue = self.queue.lock();
        while queue.draining || !queue.waiting.is_empty() {
            self.drained.wait(&mut queue);
        }
    }
}
