//! The transactions of one database: which live, and how the others ended.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use model::{Code, Status, Timestamp};

use super::{Age, Concurrency, TransactionMode};
use crate::error::{CONTENTION, EXPIRED, INVALID_TRANSACTION};
use crate::mode::Mode;
use crate::view::{ReadSet, View};

/// Numbers a transaction within one run of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TransactionId(u64);

/// Open transactions in one database; beyond, begin answers RESOURCE_EXHAUSTED.
const MAX_OPEN: usize = 100_000;
/// Beyond so many none that only reads is begun: end users may begin those, and must leave room for servers.
const MAX_OPEN_FOR_READERS: usize = MAX_OPEN / 2;
/// How long an ended token is told apart from one that never was (production: about 300 s of age).
const REMEMBERED_FOR: Duration = Duration::from_secs(300);
/// How many of them, the oldest forgotten first: then the token is like one that never was. Those that only read, which
/// end users may begin, are counted apart, so that they make nobody forget how a transaction that writes has ended.
const MAX_REMEMBERED: usize = 100_000;
const MAX_READERS_REMEMBERED: usize = MAX_REMEMBERED / 2;
const TOKEN_BYTES: usize = 16;

/// What its token has besides its number, so that nobody can name the transaction of another, nor one of another
/// database or run.
pub(crate) type Secret = [u8; 8];

/// A live transaction.
pub(crate) struct Transaction {
    secret: Secret,
    pub(crate) kind: Kind,
    pub(crate) age: Age,
    began: Duration,
    last_used: Duration,
    /// Requests under way; a transaction at work is not idle.
    busy: u32,
}

/// What kind of transaction, and what it has fixed so far.
pub(crate) enum Kind {
    ReadOnly { read_time: Option<Timestamp>, view: Option<View> },
    Pessimistic,
    Optimistic { view: Option<View>, reads: ReadSet },
}

/// How a transaction ended, which decides what its token answers from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Committed,
    RolledBack,
    /// Its commit was refused for a reason of its own.
    Refused,
    /// An older transaction needed what it had read.
    Wounded,
    /// It waited for a lock too long.
    WaitedTooLong,
    Expired,
}

struct Ended {
    secret: Secret,
    how: Ending,
    at: Duration,
    age: Age,
}

/// A new transaction.
pub(crate) struct Begun {
    pub(crate) id: TransactionId,
    pub(crate) age: Age,
    pub(crate) token: Bytes,
}

/// See the module.
pub(crate) struct Registry {
    mode: Mode,
    next: u64,
    live: HashMap<TransactionId, Transaction>,
    ended: HashMap<TransactionId, Ended>,
    /// In the order of their end, those that only read apart.
    readers_ended: VecDeque<TransactionId>,
    others_ended: VecDeque<TransactionId>,
}

impl Registry {
    pub(crate) fn new(mode: Mode) -> Self {
        Registry {
            mode,
            next: 1,
            live: HashMap::new(),
            ended: HashMap::new(),
            readers_ended: VecDeque::new(),
            others_ended: VecDeque::new(),
        }
    }

    /// The age of a commit without a transaction: the youngest.
    pub(crate) fn next_age(&mut self) -> Age {
        self.next += 1;
        Age(self.next)
    }

    /// Starts a transaction, whose token nobody knows who does not know `secret`.
    pub(crate) fn begin(
        &mut self,
        mode: &TransactionMode,
        default: Concurrency,
        secret: Secret,
        now: Duration,
    ) -> Result<Begun, Status> {
        let most = match mode {
            TransactionMode::ReadOnly { .. } => MAX_OPEN_FOR_READERS,
            TransactionMode::ReadWrite { .. } => MAX_OPEN,
        };
        if self.live.len() >= most {
            return Err(Status::new(
                Code::ResourceExhausted,
                format!("More than {most} transactions are open: commit or roll back some."),
            ));
        }
        let fresh = self.next_age();
        let (kind, age) = match mode {
            TransactionMode::ReadOnly { read_time } => {
                (Kind::ReadOnly { read_time: *read_time, view: None }, fresh)
            }
            TransactionMode::ReadWrite { retry, concurrency } => {
                let age = retry.as_ref().map(|token| self.age_of(token)).transpose()?.unwrap_or(fresh);
                let concurrency = if *concurrency == Concurrency::Default { default } else { *concurrency };
                match concurrency {
                    Concurrency::Optimistic => {
                        (Kind::Optimistic { view: None, reads: ReadSet::default() }, age)
                    }
                    Concurrency::Default | Concurrency::Pessimistic => (Kind::Pessimistic, age),
                }
            }
        };
        let id = TransactionId(fresh.0);
        // A live predecessor keeps its age; two of one age would not be ordered.
        let taken = age != fresh && self.live.values().any(|other| other.age == age);
        let age = if taken { fresh } else { age };
        self.live.insert(id, Transaction { secret, kind, age, began: now, last_used: now, busy: 0 });
        Ok(Begun { id, age, token: token(id, secret) })
    }

    /// The live transaction of a token, or what its token answers now that it has ended.
    pub(crate) fn find(&self, token: &[u8]) -> Result<TransactionId, Status> {
        let id = self.read_token(token)?;
        if self.live.contains_key(&id) {
            return Ok(id);
        }
        Err(self.ended_status(id))
    }

    /// What the token of an ended transaction answers.
    pub(crate) fn ended_status(&self, id: TransactionId) -> Status {
        match self.ended.get(&id).map(|ended| ended.how) {
            Some(Ending::Committed | Ending::RolledBack | Ending::Expired) => match self.mode {
                Mode::Native => Status::aborted(EXPIRED),
                Mode::Datastore => Status::invalid_argument(EXPIRED),
            },
            Some(Ending::Refused) => Status::invalid_argument(EXPIRED),
            Some(Ending::Wounded) => Status::aborted(CONTENTION),
            Some(Ending::WaitedTooLong) => Status::aborted(self.mode.waited_too_long()),
            None => Status::invalid_argument(INVALID_TRANSACTION),
        }
    }

    /// Whether a rollback of this token is in order although the transaction has ended.
    pub(crate) fn may_roll_back_ended(&self, token: &[u8]) -> Result<(), Status> {
        let id = self.read_token(token)?;
        match self.ended.get(&id).map(|ended| ended.how) {
            Some(Ending::Committed) | None => Err(self.ended_status(id)),
            Some(_) => Ok(()),
        }
    }

    pub(crate) fn get_mut(&mut self, id: TransactionId) -> Result<&mut Transaction, Status> {
        if !self.live.contains_key(&id) {
            return Err(self.ended_status(id));
        }
        Ok(self.live.get_mut(&id).expect("just looked up"))
    }

    /// Marks the beginning of a request of the transaction.
    pub(crate) fn enter(&mut self, id: TransactionId, now: Duration) -> Result<(), Status> {
        let transaction = self.get_mut(id)?;
        transaction.busy += 1;
        transaction.last_used = now;
        Ok(())
    }

    /// Marks the end of a request.
    pub(crate) fn leave(&mut self, id: TransactionId, now: Duration) {
        if let Some(transaction) = self.live.get_mut(&id) {
            transaction.busy = transaction.busy.saturating_sub(1);
            transaction.last_used = now;
        }
    }

    /// Ends a transaction; nothing happens when it has ended already.
    pub(crate) fn end(&mut self, id: TransactionId, how: Ending, now: Duration) {
        if let Some(transaction) = self.live.remove(&id) {
            let Transaction { secret, kind, age, .. } = transaction;
            self.ended.insert(id, Ended { secret, how, at: now, age });
            let (order, most) = match kind {
                Kind::ReadOnly { .. } => (&mut self.readers_ended, MAX_READERS_REMEMBERED),
                Kind::Pessimistic | Kind::Optimistic { .. } => (&mut self.others_ended, MAX_REMEMBERED),
            };
            order.push_back(id);
            if order.len() > most
                && let Some(oldest) = order.pop_front()
            {
                self.ended.remove(&oldest);
            }
        }
    }

    /// Transactions past their life or idle time.
    pub(crate) fn overdue(&self, lifetime: Duration, idle: Duration, now: Duration) -> Vec<TransactionId> {
        // A caller may have read the clock before another that came to the lock first: then nothing has passed.
        let since = |then: Duration| now.saturating_sub(then);
        let late = |t: &Transaction| since(t.began) > lifetime || (t.busy == 0 && since(t.last_used) > idle);
        self.live.iter().filter(|(_, transaction)| late(transaction)).map(|(id, _)| *id).collect()
    }

    /// Every live transaction.
    pub(crate) fn live_ids(&self) -> Vec<TransactionId> {
        self.live.keys().copied().collect()
    }

    /// Every live transaction that may write.
    pub(crate) fn live_writers(&self) -> Vec<TransactionId> {
        let writers = self.live.iter().filter(|(_, t)| !matches!(t.kind, Kind::ReadOnly { .. }));
        writers.map(|(id, _)| *id).collect()
    }

    /// Forgets tokens that ended long ago.
    pub(crate) fn forget_old(&mut self, now: Duration) {
        let ended = &mut self.ended;
        for order in [&mut self.readers_ended, &mut self.others_ended] {
            while let Some(id) = order.front() {
                if ended.get(id).is_some_and(|ended| now.saturating_sub(ended.at) <= REMEMBERED_FOR) {
                    break;
                }
                ended.remove(id);
                order.pop_front();
            }
        }
    }

    fn age_of(&self, token: &[u8]) -> Result<Age, Status> {
        let id = self.read_token(token)?;
        let live = self.live.get(&id).map(|transaction| transaction.age);
        live.or_else(|| self.ended.get(&id).map(|ended| ended.age))
            .ok_or_else(|| Status::invalid_argument(INVALID_TRANSACTION))
    }

    /// The transaction that a token names; one that nobody knows any more is named by no token.
    fn read_token(&self, token: &[u8]) -> Result<TransactionId, Status> {
        let invalid = || Status::invalid_argument(INVALID_TRANSACTION);
        let (id, secret) = token.split_first_chunk::<8>().ok_or_else(invalid)?;
        let id = TransactionId(u64::from_be_bytes(*id));
        let live = self.live.get(&id).map(|transaction| transaction.secret);
        let known = live.or_else(|| self.ended.get(&id).map(|ended| ended.secret)).ok_or_else(invalid)?;
        if known == *secret { Ok(id) } else { Err(invalid()) }
    }
}

fn token(id: TransactionId, secret: Secret) -> Bytes {
    let mut token = Vec::with_capacity(TOKEN_BYTES);
    token.extend_from_slice(&id.0.to_be_bytes());
    token.extend_from_slice(&secret);
    token.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_ONLY: TransactionMode = TransactionMode::ReadOnly { read_time: None };
    const READ_WRITE: TransactionMode =
        TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default };

    /// Whoever begins one learns nothing with which to read in, commit or roll back another's.
    #[test]
    fn a_token_tells_nothing_of_the_tokens_of_others() {
        let mut registry = Registry::new(Mode::Native);
        let mut begin =
            |secret| registry.begin(&READ_WRITE, Concurrency::Default, secret, Duration::ZERO).expect("room");
        let (own, other) = (begin([1; 8]), begin([2; 8]));
        assert_eq!(registry.find(&other.token).ok(), Some(other.id));
        let guessed = [&other.token[..8], &own.token[8..]].concat();
        for token in [&guessed[..], &other.token[..15], &[&other.token[..], &[0]].concat(), b""] {
            assert!(registry.find(token).is_err() && registry.may_roll_back_ended(token).is_err());
        }
        registry.end(other.id, Ending::Wounded, Duration::ZERO);
        assert!(registry.may_roll_back_ended(&guessed).is_err() && registry.age_of(&guessed).is_err());
        assert!(registry.may_roll_back_ended(&other.token).is_ok());
    }

    #[test]
    fn readers_leave_room_for_who_writes() {
        let mut registry = Registry::new(Mode::Native);
        let mut begin = |mode| registry.begin(mode, Concurrency::Optimistic, [0; 8], Duration::ZERO).is_ok();
        assert!((0..MAX_OPEN_FOR_READERS).all(|_| begin(&READ_ONLY)));
        assert!(!begin(&READ_ONLY) && begin(&READ_WRITE));
    }

    #[test]
    fn however_many_end_at_once_what_is_remembered_is_bounded() {
        for (mode, most) in [(READ_ONLY, MAX_READERS_REMEMBERED), (READ_WRITE, MAX_REMEMBERED)] {
            let mut registry = Registry::new(Mode::Native);
            let [oldest, old] = [(); 2].map(|()| run(&mut registry, &mode, Ending::RolledBack));
            (0..most - 1).for_each(|_| drop(run(&mut registry, &mode, Ending::RolledBack)));
            let queued = registry.readers_ended.len() + registry.others_ended.len();
            assert_eq!((registry.ended.len(), queued), (most, most));
            assert!(registry.find(&oldest).is_err_and(|status| status.code == Code::InvalidArgument));
            assert!(registry.may_roll_back_ended(&old).is_ok());
            registry.forget_old(REMEMBERED_FOR + Duration::from_secs(1));
            assert!(registry.ended.is_empty() && registry.may_roll_back_ended(&old).is_err());
        }
    }

    #[test]
    fn however_many_only_read_a_wounded_transaction_is_told_so() {
        let mut registry = Registry::new(Mode::Native);
        let wounded = run(&mut registry, &READ_WRITE, Ending::Wounded);
        (0..2 * MAX_REMEMBERED).for_each(|_| drop(run(&mut registry, &READ_ONLY, Ending::Committed)));
        assert!(registry.find(&wounded).is_err_and(|status| status.code == Code::Aborted));
    }

    /// Begins a transaction and ends it at once. Answers its token.
    fn run(registry: &mut Registry, mode: &TransactionMode, how: Ending) -> Bytes {
        let begun = registry.begin(mode, Concurrency::Default, [0; 8], Duration::ZERO).expect("room");
        registry.end(begun.id, how, Duration::ZERO);
        begun.token
    }

    #[test]
    fn a_look_from_before_a_transaction_began_or_ended_finds_nothing_late() {
        let [before, later] = [1, 2].map(Duration::from_secs);
        let mut registry = Registry::new(Mode::Native);
        let begun = registry.begin(&READ_ONLY, Concurrency::Default, [0; 8], later).expect("there is room");
        assert_eq!(registry.overdue(Duration::ZERO, Duration::ZERO, before), []);
        registry.end(begun.id, Ending::Committed, later);
        registry.forget_old(before);
        assert!(registry.ended.contains_key(&begun.id));
    }
}
