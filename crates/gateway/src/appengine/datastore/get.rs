//! `Get`: entities by their keys.

use std::collections::HashMap;

use model::entity::{Key, StoredEntity};
use model::{Code, Status};
use service::{EntityMoment, Lookup};

use super::Context;
use crate::appengine::codec::Group;
use crate::appengine::from_model;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{GetRequest, GetResponse, GotEntity};
use crate::appengine::messages::entity::EntityProto;

/// One answer for each key, in their order; what would make the answer too large is deferred, and then what is
/// found tells by its key which it is.
pub(super) async fn run(context: &Context<'_>, request: GetRequest) -> Result<GetResponse, Status> {
    if request.key.is_empty() {
        return Ok(GetResponse::default());
    }
    let home = Home::of_first(&request.key)?;
    let keys = home.keys(&request.key)?;
    let at = match context.moment(&home, request.transaction.as_ref(), request.read_time_epoch_micros)? {
        service::ReadAt::Now if request.strong == Some(false) => EntityMoment::Eventual,
        at => EntityMoment::At(at),
    };
    let lookup = Lookup { database: home.database.clone(), keys: keys.clone(), mask: None, at };
    let answer = context.service.lookup(context.call, lookup).await?;
    if !answer.deferred.is_empty() && request.allow_deferred != Some(true) {
        return Err(Status::invalid_argument(
            "The entities are too large for one answer; get fewer at a time.",
        ));
    }
    let found: HashMap<Key, StoredEntity> =
        answer.found.into_iter().map(|entity| (entity.key.clone(), entity)).collect();
    let entities = keys.iter().filter(|key| !answer.deferred.contains(key)).map(|key| {
        Ok(Group(match found.get(key) {
            Some(entity) => GotEntity {
                entity: Some(proto(&home, entity)?),
                version: Some(entity.update_time.micros()),
                key: None,
            },
            None => GotEntity { key: Some(home.reference(key)), ..GotEntity::default() },
        }))
    });
    Ok(GetResponse {
        entity: entities.collect::<Result<_, Status>>()?,
        deferred: answer.deferred.iter().map(|key| home.reference(key)).collect(),
        in_order: Some(answer.deferred.is_empty()),
    })
}

fn proto(home: &Home, entity: &StoredEntity) -> Result<EntityProto, Status> {
    let properties = entity.properties().map_err(|error| {
        tracing::error!(%error, key = %entity.key, "damaged data");
        Status::new(Code::DataLoss, "Stored data is damaged: an entity's properties.")
    })?;
    Ok(from_model::entity(home, &entity.key, &properties))
}
