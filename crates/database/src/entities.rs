//! What a datastore-mode database does: commits of mutations, allocation of ids.

use std::ops::RangeInclusive;
use std::sync::Arc;

use model::entity::write::{EntityCommitResult, Mutation, MutationOperation};
use model::entity::{Id, Key, validate};
use model::{Code, Status};
use tokio::sync::oneshot;

use crate::database::{Database, Inner, Visit};
use crate::error;
use crate::ids::IdPolicy;
use crate::mode::Mode;
use crate::ready::ReadyMutation;
use crate::work::{Chain, Done, Work};

/// Attempts at an id that nobody has chosen yet, before an allocation is given up.
const MAX_ATTEMPTS: usize = 1_000;

/// Whether the mutations of a commit stand and fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMode {
    /// All or none, at one time; the end of a transaction, if there is a token.
    Transactional,
    /// One after the other, each at a time of its own, up to the first that fails; those before it stay.
    NonTransactional,
}

impl Database {
    /// Commits mutations. What can be told without looking at entities is checked first, for all of them.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what the API does not allow, ALREADY_EXISTS and NOT_FOUND for inserts and updates,
    /// FAILED_PRECONDITION for a base version that must hold and does not, ABORTED when another transaction wins.
    pub async fn commit_entities(
        &self,
        mutations: Vec<Mutation>,
        token: Option<&[u8]>,
        mode: CommitMode,
    ) -> Result<EntityCommitResult, Status> {
        let inner = &self.inner;
        inner.check_mode(Mode::Datastore)?;
        if token.is_some() && mode == CommitMode::NonTransactional {
            return Err(Status::invalid_argument("non-transaction commit cannot specify a transaction"));
        }
        let transaction = token.map(|token| inner.enter(token)).transpose()?;
        let _visit = transaction.map(|id| Visit { inner: inner.clone(), id });
        validate::check_mutations(&mutations, &inner.name, mode == CommitMode::Transactional)?;
        if let Some(ended) = transaction.and_then(|id| inner.commit_without_writes(id, mutations.is_empty()))
        {
            return ended.map(|commit_time| EntityCommitResult { commit_time, results: Vec::new() });
        }
        if mutations.is_empty() {
            let commit_time = inner.view().read_time();
            return Ok(EntityCommitResult { commit_time, results: Vec::new() });
        }
        let mutations = inner.complete(mutations).await?;
        let indexes = inner.indexes.read().clone();
        let ready =
            mutations.into_iter().map(|(mutation, is_new)| ReadyMutation::new(mutation, is_new, &indexes));
        let ready = ready.collect::<Result<Vec<_>, _>>()?;
        let work = match mode {
            CommitMode::Transactional => Work::Entities(ready),
            CommitMode::NonTransactional => Work::Chain(Chain::new(ready)),
        };
        let answer = inner.submit_commit(work, transaction)?.await;
        answer.map_or_else(|_| Err(error::dropped()), |answer| answer.map(Done::entities))
    }

    /// Completes keys with ids that were never given to anybody and name no entity, in their order.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a key that is complete or of another database.
    pub async fn allocate_ids(&self, keys: Vec<Key>, policy: IdPolicy) -> Result<Vec<Key>, Status> {
        let inner = &self.inner;
        inner.check_mode(Mode::Datastore)?;
        for key in &keys {
            validate::check_key(key, validate::KeyUse::Allocate)?;
            validate::check_database(key, &inner.name)?;
        }
        if keys.is_empty() {
            return Ok(keys);
        }
        inner
            .in_background(move |inner| keys.into_iter().map(|key| inner.allocate(key, policy)).collect())
            .await
    }

    /// Keeps the ids of keys from being allocated; names are nobody's concern.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a key that is incomplete or of another database, FAILED_PRECONDITION for none.
    pub async fn reserve_ids(&self, keys: &[Key]) -> Result<(), Status> {
        let inner = &self.inner;
        inner.check_mode(Mode::Datastore)?;
        if keys.is_empty() {
            return Err(Status::failed_precondition("List of Ids to reserve cannot be empty."));
        }
        for key in keys {
            validate::check_key(key, validate::KeyUse::Change)?;
            validate::check_database(key, &inner.name)?;
        }
        let number = |key: &Key| match key.id() {
            Some(Id::Number(number)) => Some(*number),
            Some(Id::Name(_)) | None => None,
        };
        let ids: Vec<i64> = keys.iter().filter_map(number).collect();
        inner.in_background(move |inner| inner.ids.reserve(ids.into_iter())).await
    }

    /// So many sequential ids in a row, as the legacy API allocates them.
    pub async fn allocate_id_range(&self, count: u64) -> Result<RangeInclusive<i64>, Status> {
        self.inner.check_mode(Mode::Datastore)?;
        self.inner.in_background(move |inner| inner.ids.allocate_range(count)).await
    }

    /// Keeps all sequential ids up to `last` from being allocated; answers those that were still to be had.
    pub async fn reserve_ids_up_to(&self, last: i64) -> Result<Option<RangeInclusive<i64>>, Status> {
        self.inner.check_mode(Mode::Datastore)?;
        self.inner.in_background(move |inner| inner.ids.reserve_up_to(last)).await
    }
}

impl Inner {
    fn check_mode(&self, wanted: Mode) -> Result<(), Status> {
        if self.mode == wanted { Ok(()) } else { Err(self.mode.refusal(&self.name)) }
    }

    /// Gives ids to incomplete keys; tells with each mutation whether it has got one.
    async fn complete(self: &Arc<Self>, mutations: Vec<Mutation>) -> Result<Vec<(Mutation, bool)>, Status> {
        if mutations.iter().all(|mutation| mutation.operation.key().is_complete()) {
            return Ok(mutations.into_iter().map(|mutation| (mutation, false)).collect());
        }
        let complete = |inner: &Inner, mut mutation: Mutation| {
            let entity = match &mut mutation.operation {
                MutationOperation::Insert(entity) | MutationOperation::Upsert(entity) => entity,
                MutationOperation::Update(_) | MutationOperation::Delete(_) => return Ok((mutation, false)),
            };
            if entity.key.is_complete() {
                return Ok((mutation, false));
            }
            entity.key = inner.allocate(entity.key.clone(), IdPolicy::Scattered)?;
            Ok((mutation, true))
        };
        self.in_background(move |inner| {
            mutations.into_iter().map(|mutation| complete(inner, mutation)).collect()
        })
        .await
    }

    /// Completes a key. An id that somebody has chosen on their own is passed over.
    fn allocate(&self, key: Key, policy: IdPolicy) -> Result<Key, Status> {
        let view = self.view();
        let mut key = key;
        for _ in 0..MAX_ATTEMPTS {
            key = key.completed(Id::Number(self.ids.allocate(policy)?));
            if view.get_entity(&key)?.is_none() {
                return Ok(key);
            }
        }
        let text = "The ids that come next are all taken by entities: reserve the ids that you choose.";
        Err(Status::new(Code::ResourceExhausted, text))
    }

    /// Runs what may block for a durable write.
    async fn in_background<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Inner) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let (reply, answer) = oneshot::channel();
        let inner = self.clone();
        // Nobody listens where the client has gone.
        self.host.spawn_blocking(move || drop(reply.send(work(&inner))));
        answer.await.unwrap_or_else(|_| Err(error::dropped()))
    }
}
