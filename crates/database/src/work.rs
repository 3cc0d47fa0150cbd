//! What a commit asks of the committer, and what it is answered.

use std::sync::Arc;

use model::entity::write::{EntityCommitResult, MutationResult};
use model::write::CommitResult;
use model::{Status, Timestamp};

use crate::guard::Guard;
use crate::ready::{Ready, ReadyMutation};
use crate::round::{Prepared, Round};

/// The writes of one commit.
pub(crate) enum Work {
    /// All or none.
    Documents { writes: Vec<Ready>, guard: Option<Arc<dyn Guard>> },
    /// All or none.
    Entities(Vec<ReadyMutation>),
    /// One after the other.
    Chain(Chain),
}

/// Mutations of which each stands on its own, taken one after the other up to the first that fails. It may have to
/// wait for locks in the middle, and then goes on where it was.
pub(crate) struct Chain {
    mutations: Vec<ReadyMutation>,
    results: Vec<MutationResult>,
    time: Timestamp,
}

/// What a commit has done.
pub(crate) enum Done {
    Documents(CommitResult),
    Entities(EntityCommitResult),
}

impl Work {
    /// Applies the writes, or the next link of a chain, to the newest state.
    pub(crate) fn prepare(&self, round: &Round, now: Timestamp) -> Result<Prepared, Status> {
        match self {
            Work::Documents { writes, guard } => round.prepare_writes(writes, guard.as_deref(), now),
            Work::Entities(mutations) => round.prepare_mutations(mutations, now),
            Work::Chain(chain) => {
                let next = &chain.mutations[chain.results.len()];
                round.prepare_mutations(std::slice::from_ref(next), now)
            }
        }
    }

    /// Takes what has been done. Answers the whole, unless links of a chain are left to do.
    pub(crate) fn done(&mut self, done: Done) -> Option<Done> {
        let Work::Chain(chain) = self else { return Some(done) };
        if let Done::Entities(EntityCommitResult { commit_time, results }) = done {
            chain.results.extend(results);
            chain.time = commit_time;
        }
        if chain.results.len() < chain.mutations.len() {
            return None;
        }
        let results = std::mem::take(&mut chain.results);
        Some(Done::Entities(EntityCommitResult { commit_time: chain.time, results }))
    }
}

impl Chain {
    /// A chain of at least one mutation.
    pub(crate) fn new(mutations: Vec<ReadyMutation>) -> Self {
        Chain { mutations, results: Vec::new(), time: Timestamp::ZERO }
    }
}

impl Done {
    /// What a commit of writes is answered.
    pub(crate) fn documents(self) -> CommitResult {
        match self {
            Done::Documents(result) => result,
            Done::Entities(_) => unreachable!("writes to documents do nothing to entities"),
        }
    }

    /// What a commit of mutations is answered.
    pub(crate) fn entities(self) -> EntityCommitResult {
        match self {
            Done::Entities(result) => result,
            Done::Documents(_) => unreachable!("mutations of entities do nothing to documents"),
        }
    }
}
