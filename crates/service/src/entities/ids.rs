//! Ids made by the server, and ids that it is not to make.

use std::ops::RangeInclusive;

use database::IdPolicy;
use model::entity::Key;
use model::principal::Role;
use model::{DatabaseName, Status};

use crate::{Call, Service};

/// Keys of one call.
const MAX_KEYS: usize = 10_000;

impl Service {
    /// Completes `keys`, whose last elements lack ids, with ids that nobody else is given.
    pub async fn allocate_ids(
        &self,
        call: &Call,
        database: &DatabaseName,
        keys: Vec<Key>,
    ) -> Result<Vec<Key>, Status> {
        self.authorise_entities(call, database, Role::User)?;
        check_count(&keys)?;
        self.datastore(database)?.allocate_ids(keys, IdPolicy::Scattered).await
    }

    /// Keeps the numbers of `keys` from being given out; names are not given out anyway.
    pub async fn reserve_ids(
        &self,
        call: &Call,
        database: &DatabaseName,
        keys: &[Key],
    ) -> Result<(), Status> {
        self.authorise_entities(call, database, Role::User)?;
        check_count(keys)?;
        self.datastore(database)?.reserve_ids(keys).await
    }

    /// So many small ids in a row, as App Engine allocates them.
    pub async fn allocate_id_range(
        &self,
        call: &Call,
        database: &DatabaseName,
        count: u64,
    ) -> Result<RangeInclusive<i64>, Status> {
        self.authorise_entities(call, database, Role::User)?;
        self.datastore(database)?.allocate_id_range(count).await
    }

    /// Keeps all small ids up to `last` from being given out; answers those that were still to be had.
    pub async fn reserve_ids_up_to(
        &self,
        call: &Call,
        database: &DatabaseName,
        last: i64,
    ) -> Result<Option<RangeInclusive<i64>>, Status> {
        self.authorise_entities(call, database, Role::User)?;
        self.datastore(database)?.reserve_ids_up_to(last).await
    }
}

fn check_count(keys: &[Key]) -> Result<(), Status> {
    if keys.len() > MAX_KEYS {
        let text = format!("A request can have at most {MAX_KEYS} keys; send the others in another one.");
        return Err(Status::invalid_argument(text));
    }
    Ok(())
}
