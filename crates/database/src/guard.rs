//! A say in a commit: asked at its turn, between the state before it and the state after it.
//!
//! The committer works alone, so nothing can come in between: what the guard sees before is what the commit builds on,
//! earlier commits of the same round included, and what it sees after is what will be stored.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use model::{DocumentPath, Status, Timestamp};

use crate::round::{Round, Staged};

/// Whoever has a say in a commit. While it decides, all commits of the database wait: it must be quick, and bound
/// itself.
pub trait Guard: Send + Sync {
    /// Decides; called again when the commit had to wait for locks and has its turn anew, and off the committer before
    /// its turn when decisions were slow: then it may refuse, and allows nothing.
    ///
    /// It is asked before the commit's preconditions count, so whoever may not write learns nothing from them.
    ///
    /// # Errors
    /// Why the commit must not be. It is answered with that, and nothing of it is stored.
    fn admit(&self, commit: &PendingCommit<'_>) -> Result<(), Status>;

    /// Whose commit it is; None when that is not known. Of those that take long to be decided each caller has places of
    /// his own, and all unknown ones have theirs together.
    fn caller(&self) -> Option<Arc<str>> {
        None
    }
}

/// A commit whose writes have been worked out, but are not stored.
pub struct PendingCommit<'a> {
    /// The time that it will have.
    pub time: Timestamp,
    /// In order.
    pub writes: &'a [PendingWrite<'a>],
    round: &'a Round,
    staged: &'a HashMap<DocumentPath, Staged>,
}

/// One write of it.
pub struct PendingWrite<'a> {
    pub path: &'a DocumentPath,
    /// It only checks a precondition.
    pub verifies: bool,
    /// The body that it finds, what earlier writes of the commit did included; None when there is no document.
    pub before: Option<Bytes>,
    /// The body that it leaves.
    pub after: Option<Bytes>,
}

impl<'a> PendingCommit<'a> {
    pub(crate) fn new(
        time: Timestamp,
        writes: &'a [PendingWrite<'a>],
        round: &'a Round,
        staged: &'a HashMap<DocumentPath, Staged>,
    ) -> Self {
        PendingCommit { time, writes, round, staged }
    }

    /// The body of a document before the commit; None when there is none.
    ///
    /// # Errors
    /// What storage answers.
    pub fn before(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        match self.staged.get(path) {
            Some(staged) => Ok(staged.before()),
            None => self.round.body(path),
        }
    }

    /// The same after all its writes.
    ///
    /// # Errors
    /// What storage answers.
    pub fn after(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        match self.staged.get(path) {
            Some(staged) => Ok(staged.after()),
            None => self.round.body(path),
        }
    }

    /// Asks; a guard that panics refuses, and the committer goes on.
    pub(crate) fn ask(&self, guard: &dyn Guard) -> Result<(), Status> {
        catch_unwind(AssertUnwindSafe(|| guard.admit(self))).unwrap_or_else(|_| {
            tracing::error!("who decides about a commit failed; the commit is refused");
            Err(Status::internal("The server failed while it decided about the commit."))
        })
    }
}
