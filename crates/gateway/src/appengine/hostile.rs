//! Any bytes as a call of an app: an answer or a refusal, never a panic.

use super::codec::{self, Message};
use super::datastore::query;
use super::home::Home;
use super::messages::{datastore, memcache, remote_api};
use super::{from_model, to_model};

/// Reads bytes as a call, and both them and what is in it as the requests they may be.
///
/// # Panics
/// When something is wrong with the readers.
pub fn read_hostile(bytes: &[u8]) {
    if let Some(call) = coherent::<remote_api::Request>(bytes) {
        requests(&call.request);
    }
    requests(bytes);
}

fn requests(bytes: &[u8]) {
    if let Some(put) = coherent::<datastore::PutRequest>(bytes) {
        put.entity.iter().for_each(entity);
    }
    if let Some(query) = coherent::<datastore::Query>(bytes)
        && let Ok(home) = Home::of(&query.app, query.database_id.as_deref())
    {
        // Most are refused, which is as well.
        drop(query::entity_query(&home, &query));
    }
    if let Some(get) = coherent::<datastore::GetRequest>(bytes)
        && let Ok(home) = Home::of_first(&get.key)
    {
        drop(home.keys(&get.key));
    }
    drop(coherent::<datastore::AllocateIdsRequest>(bytes));
    drop(coherent::<datastore::BeginTransactionRequest>(bytes));
    drop(coherent::<datastore::NextRequest>(bytes));
    drop(coherent::<memcache::SetRequest>(bytes));
    drop(coherent::<memcache::BatchIncrementRequest>(bytes));
}

/// What the bytes are, if they are such a message: written anew, it must read the same.
fn coherent<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<M> {
    let message: M = codec::read(bytes).ok()?;
    let written = codec::write(&message);
    let again: M = codec::read(&written).expect("what was written can be read");
    // Not the messages: NaN differs from itself.
    assert_eq!(codec::write(&again), written);
    Some(message)
}

fn entity(proto: &super::messages::entity::EntityProto) {
    let Some(home) = proto.key.as_ref().and_then(|key| Home::of_key(key).ok()) else { return };
    let Ok(entity) = to_model::entity(&home, proto) else { return };
    let canonical = from_model::entity(&home, &entity.key, &entity.properties);
    let again = to_model::entity(&home, &canonical).expect("what was read once can be read again");
    let again = from_model::entity(&home, &again.key, &again.properties);
    assert_eq!(codec::write(&again), codec::write(&canonical), "{proto:?}");
}
