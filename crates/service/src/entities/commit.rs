//! Mutations, all or none, or one after the other.

use bytes::Bytes;
use database::{CommitMode, Mode};
use model::entity::Key;
use model::entity::write::{EntityCommitResult, Mutation};
use model::principal::Role;
use model::{DatabaseName, Status};

use crate::{Call, Service, across};

/// The mutations, and how they belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitEntities {
    pub database: DatabaseName,
    pub mutations: Vec<Mutation>,
    pub mode: EntityCommitMode,
}

/// How the mutations of a commit belong together.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityCommitMode {
    /// Each is atomic by itself; the first that cannot be done ends the commit, and those before it stay.
    NonTransactional,
    /// All or none, at the end of a transaction.
    Transaction(Bytes),
    /// All or none, in a transaction that read nothing.
    SingleUse,
}

impl Service {
    /// Commits the mutations; a result for each, in their order.
    pub async fn commit_entities(
        &self,
        call: &Call,
        request: CommitEntities,
    ) -> Result<EntityCommitResult, Status> {
        let CommitEntities { database: name, mutations, mode } = request;
        self.authorise_entities(call, &name, Role::User)?;
        let database = self.of_entities(&name)?;
        if database.mode() == Mode::Native {
            return across::entities::commit(&database, &self.host, mutations, mode).await;
        }
        let (mode, token) = match mode {
            EntityCommitMode::NonTransactional => (CommitMode::NonTransactional, None),
            EntityCommitMode::Transaction(token) => (CommitMode::Transactional, Some(token)),
            EntityCommitMode::SingleUse => (CommitMode::Transactional, None),
        };
        let stale = (!self.eventual.is_strong()).then(|| {
            let keys: Vec<Key> = mutations.iter().map(|one| one.operation.key().clone()).collect();
            (keys, database.view().read_time().next())
        });
        let result = database.commit_entities(mutations, token.as_deref(), mode).await?;
        if let Some((keys, since)) = stale {
            let keys = keys.iter().zip(&result.results).map(|(key, done)| done.key.as_ref().unwrap_or(key));
            self.eventual.written(&name, keys, since);
        }
        Ok(result)
    }
}
