//! `Put`: entities are stored, whether they exist or not.

use model::Status;
use model::entity::validate::check_mutations;
use model::entity::write::{Mutation, MutationOperation};
use model::entity::{Entity, Key};
use service::EntityCommitMode;

use super::Context;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{PutRequest, PutResponse, Transaction};
use crate::appengine::messages::entity::EntityProto;
use crate::appengine::to_model;

/// All or none. In a transaction ids are made at once, and the entities wait for the commit.
pub(super) async fn run(context: &Context<'_>, request: PutRequest) -> Result<PutResponse, Status> {
    let Some(first) = request.entity.first() else { return Ok(PutResponse::default()) };
    let home = Home::of_key(first.key.as_ref().ok_or_else(no_key)?)?;
    let entities = request.entity.iter().map(|proto| to_model::entity(&home, proto));
    let entities: Vec<Entity> = entities.collect::<Result<_, _>>()?;
    match &request.transaction {
        Some(transaction) => within(context, &home, transaction, entities, &request.entity).await,
        None => at_once(context, &home, entities).await,
    }
}

async fn at_once(context: &Context<'_>, home: &Home, entities: Vec<Entity>) -> Result<PutResponse, Status> {
    let mut keys: Vec<Key> = entities.iter().map(|entity| entity.key.clone()).collect();
    let writes = entities.into_iter().map(MutationOperation::Upsert).collect();
    let done = context.commit(home, writes, EntityCommitMode::SingleUse).await?;
    let mut versions = Vec::with_capacity(keys.len());
    for (key, result) in keys.iter_mut().zip(done.results) {
        versions.push(result.version);
        if let Some(allocated) = result.key {
            *key = allocated;
        }
    }
    Ok(PutResponse { key: keys.iter().map(|key| home.reference(key)).collect(), version: versions })
}

async fn within(
    context: &Context<'_>,
    home: &Home,
    transaction: &Transaction,
    mut entities: Vec<Entity>,
    protos: &[EntityProto],
) -> Result<PutResponse, Status> {
    let mutations: Vec<Mutation> =
        entities.iter().cloned().map(|entity| MutationOperation::Upsert(entity).into()).collect();
    // What is wrong in itself is told here and not by the commit, which names no entity.
    check_mutations(&mutations, &home.database, true)?;
    complete(context, home, &mut entities).await?;
    let key = entities.iter().map(|entity| home.reference(&entity.key)).collect();
    let bytes = protos.iter().map(|proto| crate::appengine::codec::write(proto).len()).sum();
    let writes = entities.into_iter().map(MutationOperation::Upsert).collect();
    context.held.transactions.write(transaction.handle.0, home, writes, bytes)?;
    Ok(PutResponse { key, version: vec![] })
}

/// Gives ids to those entities that have none.
async fn complete(context: &Context<'_>, home: &Home, entities: &mut [Entity]) -> Result<(), Status> {
    let incomplete = || entities.iter().filter(|entity| !entity.key.is_complete());
    let keys: Vec<Key> = incomplete().map(|entity| entity.key.clone()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut allocated = context.service.allocate_ids(context.call, &home.database, keys).await?.into_iter();
    for entity in entities.iter_mut().filter(|entity| !entity.key.is_complete()) {
        entity.key = allocated.next().ok_or_else(|| Status::internal("An id was not allocated."))?;
    }
    Ok(())
}

fn no_key() -> Status {
    Status::invalid_argument("Entity is missing key.")
}
