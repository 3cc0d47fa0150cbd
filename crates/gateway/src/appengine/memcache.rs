//! `memcache`: the cache of an app, which its `ndb` also keeps entities in.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use service::{CacheKey, CacheValue, Memcache, SetOutcome, SetPolicy, Step, Stepped};

use super::codec::{self, Fixed32, Fixed64, Group, Nothing};
use super::messages::memcache::{
    BatchIncrementRequest, BatchIncrementResponse, DeleteItem, DeleteRequest, DeleteResponse, GetRequest,
    GetResponse, GotItem, IncrementRequest, IncrementResponse, SetItem, SetRequest, SetResponse, Stats,
    StatsResponse,
};
use super::refusal::Refusal;

/// The service's codes for increments that change nothing.
const UNSPECIFIED_ERROR: i32 = 1;
const INVALID_VALUE: i32 = 6;
/// What becomes of a set.
const STORED: i32 = 1;
const NOT_STORED: i32 = 2;
const ERROR: i32 = 3;
const EXISTS: i32 = 4;
/// Policies of a set.
const ADD: i32 = 2;
const REPLACE: i32 = 3;
const CAS: i32 = 4;
/// What becomes of a delete.
const DELETED: i32 = 1;
const NOT_FOUND: i32 = 2;
/// The direction of an increment, and what becomes of it in a batch.
const DECREMENT: i32 = 2;
const OK: i32 = 1;
const NOT_CHANGED: i32 = 2;

/// Answers a call.
pub(super) fn call(cache: &Memcache, method: &str, request: &[u8]) -> Result<Bytes, Refusal> {
    let answer = match method {
        "Get" => codec::write(&get(cache, &codec::read(request)?)),
        "Set" => codec::write(&set(cache, codec::read(request)?)),
        "Delete" => codec::write(&delete(cache, codec::read(request)?)),
        "Increment" => codec::write(&increment(cache, &codec::read(request)?)?),
        "BatchIncrement" => codec::write(&batch_increment(cache, &codec::read(request)?)),
        "FlushAll" => {
            cache.flush();
            codec::write(&Nothing)
        }
        "Stats" => codec::write(&stats(cache)),
        _ => return Err(Refusal::no_method("memcache", method)),
    };
    Ok(answer.into())
}

fn get(cache: &Memcache, request: &GetRequest) -> GetResponse {
    let namespace = namespace(request.name_space.as_deref());
    let (for_cas, peek) = (request.for_cas == Some(true), request.for_peek == Some(true));
    // A key asked for twice is answered once.
    let keys: BTreeSet<&Bytes> = request.key.iter().collect();
    let items = keys.into_iter().filter_map(|key| {
        let found = cache.get(&named(&namespace, key), peek)?;
        Some(Group(GotItem {
            key: key.clone(),
            value: found.value.bytes,
            flags: Some(Fixed32(found.value.flags)),
            cas_id: for_cas.then_some(Fixed64(found.version)),
            expires_in_seconds: found.expires_in.and_then(|seconds| i32::try_from(seconds).ok()),
        }))
    });
    GetResponse { item: items.collect() }
}

fn set(cache: &Memcache, request: SetRequest) -> SetResponse {
    let namespace = namespace(request.name_space.as_deref());
    let statuses = request.item.into_iter().map(|Group(item)| {
        let SetItem { key, value, flags, set_policy, expiration_time, cas_id } = item;
        let policy = match (set_policy, cas_id) {
            (Some(ADD), _) => SetPolicy::Add,
            (Some(REPLACE), _) => SetPolicy::Replace,
            (Some(CAS), Some(Fixed64(version))) => SetPolicy::Unchanged(version),
            (Some(CAS), None) => return NOT_STORED,
            (_, _) => SetPolicy::Always,
        };
        let value = CacheValue { bytes: value, flags: flags.unwrap_or_default().0 };
        match cache.set(named(&namespace, &key), value, policy, expiration_time.unwrap_or_default().0) {
            SetOutcome::Stored => STORED,
            SetOutcome::NotStored => NOT_STORED,
            SetOutcome::Changed => EXISTS,
            SetOutcome::TooLong => ERROR,
        }
    });
    SetResponse { set_status: statuses.collect() }
}

fn delete(cache: &Memcache, request: DeleteRequest) -> DeleteResponse {
    let namespace = namespace(request.name_space.as_deref());
    let statuses = request.item.into_iter().map(|Group(DeleteItem { key, delete_time })| {
        let existed = cache.delete(&named(&namespace, &key), delete_time.unwrap_or_default().0);
        if existed { DELETED } else { NOT_FOUND }
    });
    DeleteResponse { delete_status: statuses.collect() }
}

fn increment(cache: &Memcache, request: &IncrementRequest) -> Result<IncrementResponse, Refusal> {
    let namespace = namespace(request.name_space.as_deref());
    match step(cache, &namespace, request) {
        Stepped::To(number) => Ok(IncrementResponse { new_value: Some(number), increment_status: Some(OK) }),
        Stepped::Missing => {
            Err(Refusal::Application(UNSPECIFIED_ERROR, "The key is not in the cache.".to_owned()))
        }
        Stepped::NotANumber => {
            let text = "The value is no unsigned number of 64 bits in decimal digits.";
            Err(Refusal::Application(INVALID_VALUE, text.to_owned()))
        }
    }
}

fn batch_increment(cache: &Memcache, request: &BatchIncrementRequest) -> BatchIncrementResponse {
    let namespace = namespace(request.name_space.as_deref());
    let items = request.item.iter().map(|item| match step(cache, &namespace, item) {
        Stepped::To(number) => IncrementResponse { new_value: Some(number), increment_status: Some(OK) },
        Stepped::Missing | Stepped::NotANumber => {
            IncrementResponse { new_value: None, increment_status: Some(NOT_CHANGED) }
        }
    });
    BatchIncrementResponse { item: items.collect() }
}

fn step(cache: &Memcache, namespace: &Arc<str>, request: &IncrementRequest) -> Stepped {
    let delta = request.delta.unwrap_or(1);
    let step = if request.direction == Some(DECREMENT) { Step::Down(delta) } else { Step::Up(delta) };
    let flags = request.initial_flags.unwrap_or_default().0;
    cache.step(named(namespace, &request.key), step, request.initial_value.map(|number| (number, flags)))
}

fn stats(cache: &Memcache) -> StatsResponse {
    let stats = cache.stats();
    StatsResponse {
        stats: Some(Stats {
            hits: stats.hits,
            misses: stats.misses,
            byte_hits: stats.byte_hits,
            items: stats.items,
            bytes: stats.bytes,
            oldest_item_age: Fixed32(stats.oldest_seconds),
        }),
    }
}

fn namespace(asked: Option<&str>) -> Arc<str> {
    asked.unwrap_or_default().into()
}

fn named(namespace: &Arc<str>, key: &Bytes) -> CacheKey {
    CacheKey { namespace: namespace.clone(), key: key.clone() }
}
