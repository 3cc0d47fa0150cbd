//! Random requests to the database, compared with the [`Oracle`]: a few clients' commits and transactions interleaved,
//! reads of every kind at every time, indexes that come and go, restarts, clean-ups.
//!
//! All runs inside one thread over a simulated host, so a seed repeats a run exactly. What must hold:
//!
//! - a commit answers what the oracle answers, at a time later than every commit and read before it;
//! - every read shows the oracle's state at its read time, which is no earlier than what had been acknowledged;
//! - when a read-write transaction commits, all it has read is still so;
//! - nobody waits when no transaction is open;
//! - the change log tells the oracle's commits, and every index equals a scan.

mod faults;
mod reads;
mod transactions;
mod world;
mod writes;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use database::{Database, Options, ReadAt};
use model::write::{CommitResult, Write};
use model::{Status, Timestamp};

use crate::dice::Dice;
use crate::notation::show_time;
use crate::oracle::Oracle;
use crate::poll::Started;
use crate::world::{EngineKind, World};
use faults::Faults;
use reads::{Observed, Read};
use storage::faults::FaultEngine;
use storage::memory::MemoryEngine;
use transactions::is_over;

/// Steps of the log that a failure prints.
const TOLD: usize = 40;

/// What runs have done, to see that they were not idle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub commits: usize,
    pub refusals: usize,
    pub aborts: usize,
    pub waits: usize,
    pub reads: usize,
    pub past_reads: usize,
    pub index_reads: usize,
    pub transactions: usize,
    pub faults: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.commits += other.commits;
        self.refusals += other.refusals;
        self.aborts += other.aborts;
        self.waits += other.waits;
        self.reads += other.reads;
        self.past_reads += other.past_reads;
        self.index_reads += other.index_reads;
        self.transactions += other.transactions;
        self.faults += other.faults;
    }
}

/// See the module.
pub struct RandomRun {
    dice: Dice,
    on_disk: bool,
    faults: Faults,
    world: World,
    /// None only while the store is opened again.
    database: Option<Arc<Database>>,
    oracle: Oracle,
    transactions: Vec<Transaction>,
    waiting: Vec<Waiting>,
    /// Later than this must every commit be: the latest time that a read has shown.
    seen: Timestamp,
    /// Nothing before this can be compared: the database was cleared then.
    beginning: Timestamp,
    log: VecDeque<String>,
    next_name: usize,
    /// How often the indexes have changed, which may abort any transaction.
    declared: usize,
    counts: Counts,
}

/// An open transaction, and what it has read.
struct Transaction {
    name: usize,
    token: Bytes,
    kind: Kind,
    reads: Vec<(Read, Vec<String>)>,
    first_read: Option<Timestamp>,
    /// [`RandomRun::declared`] when it began.
    declared: usize,
    /// One request at a time: while it waits, its client does nothing else.
    busy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ReadOnly,
    Pessimistic,
    Optimistic,
}

/// A request that has not been answered.
struct Waiting {
    transaction: Option<usize>,
    since: Timestamp,
    /// What had been acknowledged when it was sent.
    acknowledged: Timestamp,
    request: Request,
}

enum Request {
    Commit(Vec<Write>, Started<Result<CommitResult, Status>>),
    Read(Box<Read>, Started<Result<(Observed, Timestamp), Status>>),
}

/// A request that has been answered.
struct Answered {
    transaction: Option<usize>,
    since: Timestamp,
    acknowledged: Timestamp,
    answer: Answer,
}

enum Answer {
    Commit(Vec<Write>, Result<CommitResult, Status>),
    Read(Box<Read>, Result<(Observed, Timestamp), Status>),
}

impl RandomRun {
    /// A run over an empty database.
    pub fn new(kind: EngineKind, seed: u64) -> Self {
        let world = World::new(kind, seed, Options::default());
        Self::over(world, Faults::default(), kind == EngineKind::Local, seed)
    }

    /// A run over an engine whose writes fail now and then.
    pub fn with_faults(seed: u64) -> Self {
        let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
        let world = World::over(engine.clone(), seed, Options::default());
        Self::over(world, Faults::of(engine), false, seed)
    }

    fn over(world: World, faults: Faults, on_disk: bool, seed: u64) -> Self {
        RandomRun {
            dice: Dice::new(seed),
            on_disk,
            faults,
            database: Some(world.database()),
            oracle: Oracle::new(world.name().clone()),
            beginning: world.now(),
            seen: Timestamp::ZERO,
            world,
            transactions: Vec::new(),
            waiting: Vec::new(),
            log: VecDeque::new(),
            next_name: 0,
            declared: 0,
            counts: Counts::default(),
        }
    }

    /// Does so many steps, then checks everything once more.
    ///
    /// # Errors
    /// What was not as it should be, with the steps that led to it.
    pub fn run(mut self, steps: usize) -> Result<Counts, String> {
        let done = (0..steps).try_for_each(|_| self.step()).and_then(|()| {
            self.end_all_transactions()?;
            self.check_everything()
        });
        done.map(|()| self.counts).map_err(|wrong| {
            self.log.iter().fold(format!("{wrong}\nthe last steps:\n"), |mut text, line| {
                writeln!(text, "  {line}").expect("writing to a string cannot fail");
                text
            })
        })
    }

    fn database(&self) -> Arc<Database> {
        self.database.clone().expect("the store is open")
    }

    fn note(&mut self, what: String) {
        if self.log.len() == TOLD {
            self.log.pop_front();
        }
        self.log.push_back(what);
    }

    fn step(&mut self) -> Result<(), String> {
        // Only there is something closed and read back.
        if self.on_disk && self.dice.below(200) == 0 {
            self.reopen();
        }
        match self.dice.below(1_000) {
            0..30 => self.plain_commit_with_fault()?,
            30..330 => self.plain_commit(),
            330..430 => self.read_now(),
            430..530 => self.read_past()?,
            530..600 => self.begin(),
            600..750 => self.read_in_transaction(),
            750..840 => self.commit_transaction(),
            840..865 => self.roll_back()?,
            865..900 => self.finish_some()?,
            900..985 => self.pass_time(),
            985..993 => self.declare()?,
            993..996 => self.clean_up(),
            996..998 => self.reopen(),
            998 => self.clear(),
            _ => self.check_everything()?,
        }
        self.settle()
    }

    fn plain_commit(&mut self) {
        let writes = self.random_writes();
        self.submit(None, writes);
    }

    fn submit(&mut self, transaction: Option<usize>, writes: Vec<Write>) {
        let token = self.transaction(transaction).map(|transaction| transaction.token.clone());
        self.note(format!("commit {transaction:?} {writes:?}"));
        let (database, sent) = (self.database(), writes.clone());
        let future = async move { database.commit(sent, token.as_deref()).await };
        self.wait_for(transaction, Request::Commit(writes, Started::new(future)));
    }

    fn start_read(&mut self, transaction: Option<usize>, at: ReadAt, read: Read) {
        self.note(format!("read {transaction:?} {at:?} {read:?}"));
        let (database, what) = (self.database(), read.clone());
        let future = async move { database.read(&at, |view| what.run(view)).await };
        self.wait_for(transaction, Request::Read(Box::new(read), Started::new(future)));
    }

    fn wait_for(&mut self, transaction: Option<usize>, request: Request) {
        if let Some(open) = self.transactions.iter_mut().find(|open| Some(open.name) == transaction) {
            open.busy = true;
        }
        let (since, acknowledged) = (self.world.now(), self.oracle.last_commit());
        self.waiting.push(Waiting { transaction, since, acknowledged, request });
    }

    fn read_now(&mut self) {
        let read = self.random_read();
        self.start_read(None, ReadAt::Now, read);
    }

    fn read_past(&mut self) -> Result<(), String> {
        let Some(time) = self.random_past() else { return Ok(()) };
        let read = self.random_read();
        self.counts.past_reads += 1;
        let view = self.database().view_at(time).map_err(|status| format!("{time:?}: {status}"))?;
        let observed = read.run(&view).map_err(|status| status.to_string())?;
        self.seen = self.seen.max(time);
        self.compare_read(&read, &observed, time)
    }

    fn pass_time(&mut self) {
        let micros = match self.dice.below(20) {
            0..14 => self.dice.below(1_000),
            14..18 => self.dice.below(5_000_000),
            18 => self.dice.below(100_000_000),
            _ => self.dice.below(1_500_000_000),
        };
        self.note(format!("{micros} µs pass"));
        self.world.advance(Duration::from_micros(micros as u64));
        self.world.store().tick();
    }

    /// Takes in all answers that have come, in the order of their times.
    fn settle(&mut self) -> Result<(), String> {
        let mut answered = Vec::new();
        loop {
            // An answer may be what another request waits for.
            let more = self.take_answers();
            if more.is_empty() {
                break;
            }
            answered.extend(more);
        }
        let before = self.oracle.last_commit();
        let commit_time = |one: &Answered| match &one.answer {
            Answer::Commit(_, Ok(committed)) => committed.commit_time,
            Answer::Commit(_, Err(_)) | Answer::Read(..) => Timestamp::MAX,
        };
        answered.sort_by_key(commit_time);
        for one in answered {
            self.take_in(one, before)?;
        }
        if self.transactions.is_empty() && !self.waiting.is_empty() {
            return Err(format!("{} requests wait although no transaction is open", self.waiting.len()));
        }
        Ok(())
    }

    fn take_answers(&mut self) -> Vec<Answered> {
        let mut answered = Vec::new();
        let mut kept = Vec::new();
        for Waiting { transaction, since, acknowledged, request } in std::mem::take(&mut self.waiting) {
            let (request, answer) = match request {
                Request::Commit(writes, mut commit) => match commit.look() {
                    Some(answer) => (None, Some(Answer::Commit(writes, answer))),
                    None => (Some(Request::Commit(writes, commit)), None),
                },
                Request::Read(read, mut reading) => match reading.look() {
                    Some(answer) => (None, Some(Answer::Read(read, answer))),
                    None => (Some(Request::Read(read, reading)), None),
                },
            };
            answered.extend(answer.map(|answer| Answered { transaction, since, acknowledged, answer }));
            if let Some(request) = request {
                self.counts.waits += 1;
                kept.push(Waiting { transaction, since, acknowledged, request });
            }
        }
        self.waiting = kept;
        answered
    }

    fn take_in(&mut self, answered: Answered, before: Timestamp) -> Result<(), String> {
        let Answered { transaction, since, acknowledged, answer } = answered;
        match answer {
            Answer::Commit(writes, Ok(committed)) => self.committed(transaction, &writes, &committed),
            Answer::Commit(writes, Err(status)) => self.refused(transaction, &writes, &status, since, before),
            Answer::Read(read, Ok((observed, time))) => {
                let newest = self.transaction(transaction).is_none_or(|open| match open.kind {
                    Kind::Pessimistic => true,
                    Kind::Optimistic => open.first_read.is_none(),
                    Kind::ReadOnly => false,
                });
                if newest && time < acknowledged {
                    return Err(format!(
                        "a read at {} does not see all that was acknowledged",
                        show_time(time)
                    ));
                }
                self.observed(transaction, *read, observed, time)
            }
            Answer::Read(_, Err(status)) if is_over(&status) => {
                self.note(format!("read of {transaction:?}: {status}"));
                self.counts.aborts += 1;
                self.transactions.retain(|open| Some(open.name) != transaction);
                Ok(())
            }
            Answer::Read(read, Err(status)) => Err(format!("{read:?}: {status}")),
        }
    }
}
