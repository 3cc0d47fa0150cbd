//! Random transactions: how they begin, go on and end.

use database::{Concurrency, ReadAt, TransactionMode};
use model::{Code, Status};

use super::{Kind, RandomRun, Transaction};

impl RandomRun {
    pub(super) fn begin(&mut self) {
        if self.transactions.len() >= 5 {
            return;
        }
        let retry = self.transactions.first().filter(|_| self.dice.chance(20));
        let retry = retry.map(|open| open.token.clone());
        let (kind, mode) = match self.dice.below(5) {
            0 => {
                let read_time = if self.dice.chance(50) { self.random_past() } else { None };
                (Kind::ReadOnly, TransactionMode::ReadOnly { read_time })
            }
            1 => {
                (Kind::Optimistic, TransactionMode::ReadWrite { retry, concurrency: Concurrency::Optimistic })
            }
            _ => (Kind::Pessimistic, TransactionMode::ReadWrite { retry, concurrency: Concurrency::Default }),
        };
        // The attempt to be repeated may have ended too long ago to be remembered.
        let Ok(token) = self.database().begin(&mode) else { return };
        self.next_name += 1;
        let name = self.next_name;
        self.note(format!("begin {name} {mode:?}"));
        self.counts.transactions += 1;
        let (reads, declared) = (Vec::new(), self.declared);
        self.transactions.push(Transaction {
            name,
            token,
            kind,
            reads,
            first_read: None,
            declared,
            busy: false,
        });
    }

    /// One of the transactions that are not waiting.
    pub(super) fn idle_transaction(&mut self) -> Option<usize> {
        let idle: Vec<_> = self.transactions.iter().filter(|open| !open.busy).map(|open| open.name).collect();
        if idle.is_empty() { None } else { Some(*self.dice.pick(&idle)) }
    }

    pub(super) fn transaction(&self, name: Option<usize>) -> Option<&Transaction> {
        self.transactions.iter().find(|open| Some(open.name) == name)
    }

    pub(super) fn read_in_transaction(&mut self) {
        let name = self.idle_transaction();
        let Some(token) = self.transaction(name).map(|open| open.token.clone()) else { return };
        let read = self.random_read();
        self.start_read(name, ReadAt::Transaction(token), read);
    }

    pub(super) fn commit_transaction(&mut self) {
        let Some(name) = self.idle_transaction() else { return };
        let read_only = self.transaction(Some(name)).is_some_and(|open| open.kind == Kind::ReadOnly);
        let writes = if read_only || self.dice.chance(15) { Vec::new() } else { self.random_writes() };
        self.submit(Some(name), writes);
    }

    pub(super) fn roll_back(&mut self) -> Result<(), String> {
        let Some(name) = self.idle_transaction() else { return Ok(()) };
        self.end(name)
    }

    /// Ends a transaction, also one that waits: its request is answered by that.
    pub(super) fn end(&mut self, name: usize) -> Result<(), String> {
        self.note(format!("roll back {name}"));
        let Some(token) = self.transaction(Some(name)).map(|open| open.token.clone()) else { return Ok(()) };
        let refused = self.database().rollback(&token).err().filter(|status| !is_over(status));
        if let Some(status) = refused {
            return Err(format!("rollback of {name}: {status}"));
        }
        self.settle()?;
        self.transactions.retain(|open| open.name != name);
        Ok(())
    }

    /// Ends all transactions that can be ended; then nothing may be left waiting.
    pub(super) fn finish_some(&mut self) -> Result<(), String> {
        if self.dice.chance(30) { self.end_all_transactions() } else { Ok(()) }
    }

    pub(super) fn end_all_transactions(&mut self) -> Result<(), String> {
        while let Some(name) = self.transactions.first().map(|open| open.name) {
            self.end(name)?;
        }
        self.settle()
    }
}

/// A transaction that is over: aborted, expired, forgotten, or its time is too long past.
pub(super) fn is_over(status: &Status) -> bool {
    status.code == Code::Aborted
        || ["Invalid transaction.", "The requested 'read_time' is too old."]
            .contains(&status.message.as_str())
}
