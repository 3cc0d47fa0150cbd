//! `Delete`: entities are removed, if they exist.

use std::collections::HashMap;

use model::Status;
use model::entity::Key;
use model::entity::validate::check_mutations;
use model::entity::write::{Mutation, MutationOperation};
use service::EntityCommitMode;

use super::Context;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{DeleteRequest, DeleteResponse};

/// All or none; in a transaction they wait for the commit.
pub(super) async fn run(context: &Context<'_>, request: DeleteRequest) -> Result<DeleteResponse, Status> {
    if request.key.is_empty() {
        return Ok(DeleteResponse::default());
    }
    let home = Home::of_first(&request.key)?;
    let keys = home.keys(&request.key)?;
    let mut places: HashMap<&Key, usize> = HashMap::new();
    let mut writes = Vec::new();
    for key in &keys {
        places.entry(key).or_insert_with(|| {
            writes.push(MutationOperation::Delete(key.clone()));
            writes.len() - 1
        });
    }
    if let Some(transaction) = &request.transaction {
        let mutations: Vec<Mutation> = writes.iter().cloned().map(Mutation::from).collect();
        check_mutations(&mutations, &home.database, true)?;
        let bytes = request.key.iter().map(|key| crate::appengine::codec::write(key).len()).sum();
        context.held.transactions.write(transaction.handle.0, &home, writes, bytes)?;
        return Ok(DeleteResponse::default());
    }
    let done = context.commit(&home, writes, EntityCommitMode::SingleUse).await?;
    let version = keys.iter().map(|key| done.results.get(places[key]).map_or(0, |result| result.version));
    Ok(DeleteResponse { version: version.collect() })
}
