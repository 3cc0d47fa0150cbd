//! Lookup.

use model::entity::body;
use model::{DatabaseName, Status};
use service::{Call, LookedUp, Lookup, Service};
use wire::datastore::LookupRequest;

use super::from_proto::{self, key, read};
use super::splice;
use crate::grpc::frames::Frames;

const FOUND: u32 = 1;
const MISSING: u32 = 2;
const DEFERRED: u32 = 3;
const TRANSACTION: u32 = 5;
const READ_TIME: u32 = 7;

pub(super) async fn handle(service: &Service, call: &Call, request: LookupRequest) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let keys = request.keys.into_iter().map(|one| key::key(&database, one)).collect();
    let mask = from_proto::mask(request.property_mask)?;
    let at = read::moment(request.read_options)?;
    let asked = Lookup { database: database.clone(), keys, mask, at };
    let answer = service.lookup(call, asked).await?;
    Ok(Frames::one(|out| push(out, &database, &answer)))
}

fn push(out: &mut Vec<u8>, database: &DatabaseName, answer: &LookedUp) {
    let mut splicer = splice::Splicer::of(database);
    for entity in &answer.found {
        splicer.push_result(out, FOUND, &splice::Result::whole(entity));
    }
    for key in &answer.missing {
        splicer.push_result(out, MISSING, &splice::Result::missing(key));
    }
    for key in &answer.deferred {
        let mut bytes = Vec::new();
        body::encode_key(&mut bytes, key);
        splice::push_bytes(out, DEFERRED, &bytes);
    }
    if let Some(token) = &answer.transaction {
        splice::push_bytes(out, TRANSACTION, token);
    }
    crate::splice::push_time(out, READ_TIME, answer.read_time);
}
