//! Entities by their keys.

use std::collections::HashSet;

use bytes::Bytes;
use database::{Mode, View};
use model::entity::validate::{KeyUse, check_database, check_key};
use model::entity::{Key, StoredEntity, body, size};
use model::{Code, DatabaseName, FieldPath, Status, Timestamp};

use super::EntityMoment;
use crate::blocking::Length;
use crate::reader::Reader;
use crate::{Call, ReadAt, Service, across};

/// Keys of one call, as in production.
const MAX_KEYS: usize = 1_000;
/// Bytes of entities and keys after which the other keys are deferred: clients ask for those again. With one more
/// entity this stays below what clients that talk to an emulator accept, 4 MiB.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// What a key takes, about, beside the ids in it.
const KEY_BYTES: usize = 64;

/// Which entities, which of their properties, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    pub database: DatabaseName,
    pub keys: Vec<Key>,
    /// None for all properties.
    pub mask: Option<Vec<FieldPath>>,
    pub at: EntityMoment,
}

/// What is there; each list is in the order of the request, without repetitions.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LookedUp {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    pub read_time: Timestamp,
    pub found: Vec<StoredEntity>,
    pub missing: Vec<Key>,
    /// Not looked at: the answer would be too large.
    pub deferred: Vec<Key>,
}

impl Service {
    /// Answers the entities that exist, and the keys of those that do not.
    pub async fn lookup(&self, call: &Call, request: Lookup) -> Result<LookedUp, Status> {
        let Lookup { database: name, mut keys, mask, at } = request;
        self.authorise_moment(call, &name, &at)?;
        if keys.len() > MAX_KEYS {
            let text = format!("cannot get more than {MAX_KEYS} keys in a single call");
            return Err(Status::invalid_argument(text));
        }
        for key in &keys {
            check_key(key, KeyUse::Read)?;
            check_database(key, &name)?;
        }
        if keys.len() > 1 {
            let mut seen = HashSet::with_capacity(keys.len());
            keys.retain(|key| seen.insert(key.clone()));
        }
        let at = match at {
            EntityMoment::Eventual => self.eventual.global(&name).into(),
            strong @ (EntityMoment::At(ReadAt::Now) | EntityMoment::NewTransaction(_)) => {
                self.eventual.apply(&name, keys.iter());
                strong
            }
            earlier @ EntityMoment::At(ReadAt::Time(_) | ReadAt::Transaction(_)) => earlier,
        };
        let (reader, transaction) = Reader::open(self.of_entities(&name)?, at.strong())?;
        let length = Length::of(keys.len());
        let mode = reader.mode();
        let read = move |view: &View| look(view, mode, &keys, mask.as_deref());
        let (mut answer, read_time) = self.work.read(call, &reader, length, read).await?;
        answer.transaction = transaction;
        answer.read_time = read_time;
        Ok(answer)
    }
}

fn look(view: &View, mode: Mode, keys: &[Key], mask: Option<&[FieldPath]>) -> Result<LookedUp, Status> {
    let mut answer = LookedUp::default();
    let mut bytes = 0;
    for (at, key) in keys.iter().enumerate() {
        if bytes >= MAX_BYTES {
            answer.deferred = keys[at..].to_vec();
            break;
        }
        bytes += KEY_BYTES + size::key_size(key);
        match across::entities::get(view, mode, key)? {
            Some(mut entity) => {
                if let Some(mask) = mask {
                    entity.body = masked(&entity.body, key, mask)?;
                }
                bytes += entity.body.len();
                answer.found.push(entity);
            }
            None => answer.missing.push(key.clone()),
        }
    }
    Ok(answer)
}

/// Of an entity's properties only those that `mask` names.
pub(super) fn masked(body: &[u8], key: &Key, mask: &[FieldPath]) -> Result<Bytes, Status> {
    body::project(body, mask).map_err(|error| {
        tracing::error!(%error, %key, "damaged data");
        Status::new(Code::DataLoss, "Stored data is damaged: an entity's properties.")
    })
}
