//! What a commit asks of the committer, and what it is answered.

use std::sync::{Arc, OnceLock};

use model::entity::write::{EntityCommitResult, MutationResult};
use model::write::CommitResult;
use model::{Status, Timestamp};

use crate::ready::{Ready, ReadyMutation};
use crate::rehearsal::Asked;
use crate::round::{Prepared, Round};

/// The writes of one commit.
pub(crate) enum Work {
    /// All or none.
    Documents(Vec<Ready>),
    /// All or none, if a guard lets them.
    Decided { writes: Arc<Vec<Ready>>, asked: Asked },
    /// All or none.
    Entities(Vec<ReadyMutation>),
    /// One after the other.
    Chain(Chain),
}

/// Mutations of which each stands on its own, taken one after the other up to the first that fails. It may have to
/// wait for locks in the middle, and then goes on where it was, unless the round with its first links has failed.
pub(crate) struct Chain {
    mutations: Vec<ReadyMutation>,
    results: Vec<MutationResult>,
    time: Timestamp,
    fate: Fate,
}

/// Why the links that a chain has done are not stored after all: told by the round that did them.
pub(crate) type Fate = Arc<OnceLock<Status>>;

/// What a commit has done.
pub(crate) enum Done {
    Documents(CommitResult),
    Entities(EntityCommitResult),
}

impl Work {
    /// Applies the writes, or the next link of a chain, to the newest state.
    pub(crate) fn prepare(&self, round: &Round, now: Timestamp) -> Result<Prepared, Status> {
        match self {
            Work::Documents(writes) => round.prepare_writes(writes, None, now),
            Work::Decided { writes, asked } => {
                asked.at_turn(|ask| round.prepare_writes(writes, Some(ask), now))
            }
            Work::Entities(mutations) => round.prepare_mutations(mutations, now),
            Work::Chain(chain) => {
                if let Some(failure) = chain.fate.get() {
                    return Err(failure.clone());
                }
                let next = &chain.mutations[chain.results.len()];
                round.prepare_mutations(std::slice::from_ref(next), now)
            }
        }
    }

    /// Where a round tells a chain that it has failed.
    pub(crate) fn fate(&self) -> Option<Fate> {
        match self {
            Work::Chain(chain) => Some(chain.fate.clone()),
            Work::Documents(_) | Work::Decided { .. } | Work::Entities(_) => None,
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
        Chain { mutations, results: Vec::new(), time: Timestamp::ZERO, fate: Fate::default() }
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
