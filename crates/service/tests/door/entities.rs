//! Entities: accounts by their roles, and nobody else where callers are verified or rules are in force.

use model::entity::query::{EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityQuery};
use model::entity::write::{Mutation, MutationOperation, OnConflict};
use model::entity::{Entity, Id, Key, Partition, PathElement, Properties};
use model::{Code, DatabaseName, Status};
use service::{
    AggregateEntities, Asked, CommitEntities, EntityCommitMode, EntityMoment, Explain, Lookup, QueryEntities,
    ReadAt, TransactionMode,
};

use crate::operations::read_write;
use crate::world::{World, call};

/// What somebody does with entities.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Lookup,
    Query,
    Count,
    LookupInNew,
    BeginReadOnly,
    BeginReadWrite,
    Commit,
    AllocateIds,
    ReserveIds,
}

const READS: [Doing; 4] = [Doing::Lookup, Doing::Query, Doing::Count, Doing::BeginReadOnly];
const WRITES: [Doing; 5] =
    [Doing::LookupInNew, Doing::BeginReadWrite, Doing::Commit, Doing::AllocateIds, Doing::ReserveIds];

fn database() -> DatabaseName {
    DatabaseName::new("p", "entities")
}

fn key(id: Option<Id>) -> Key {
    let path = vec![PathElement { kind: "K".to_owned(), id }];
    Key { partition: Partition::new(&database(), ""), path }
}

impl Doing {
    fn run(self, world: &World, who: &str) -> Result<(), Status> {
        world.runtime.block_on(self.done(world, who))
    }

    async fn done(self, world: &World, who: &str) -> Result<(), Status> {
        let (service, call, database) = (&world.service, &call(who), database());
        let partition = Partition::new(&database, "");
        let keys = vec![key(Some(Id::Number(1)))];
        let now = || EntityMoment::At(ReadAt::Now);
        let query = EntityQuery { kind: Some("K".to_owned()), ..EntityQuery::default() };
        match self {
            Doing::Lookup | Doing::LookupInNew => {
                let at = match self {
                    Doing::LookupInNew => EntityMoment::NewTransaction(read_write()),
                    _ => now(),
                };
                service.lookup(call, Lookup { database, keys, mask: None, at }).await.map(drop)
            }
            Doing::Query => {
                let asked = Asked::Query(query);
                let request = QueryEntities { partition, asked, mask: None, at: now(), explain: Explain::No };
                service.query_entities(call, request).await.map(drop)
            }
            Doing::Count => {
                let kind = EntityAggregationKind::Count { up_to: None };
                let aggregations = vec![EntityAggregation { alias: String::new(), kind }];
                let asked = Asked::Query(EntityAggregationQuery { query, aggregations });
                let request = AggregateEntities { partition, asked, at: now(), explain: Explain::No };
                service.aggregate_entities(call, request).await.map(drop)
            }
            Doing::BeginReadOnly => {
                let mode = TransactionMode::ReadOnly { read_time: None };
                service.begin_for_entities(call, &database, &mode).await.map(drop)
            }
            Doing::BeginReadWrite => {
                service.begin_for_entities(call, &database, &read_write()).await.map(drop)
            }
            Doing::Commit => {
                let entity = Entity { key: key(Some(Id::Number(2))), properties: Properties::new() };
                let mutation = Mutation {
                    operation: MutationOperation::Upsert(entity),
                    base: None,
                    on_conflict: OnConflict::KeepStored,
                    mask: None,
                    transforms: Vec::new(),
                };
                let mode = EntityCommitMode::NonTransactional;
                let request = CommitEntities { database, mutations: vec![mutation], mode };
                service.commit_entities(call, request).await.map(drop)
            }
            Doing::AllocateIds => service.allocate_ids(call, &database, vec![key(None)]).await.map(drop),
            Doing::ReserveIds => service.reserve_ids(call, &database, &keys).await,
        }
    }
}

fn check(world: &World, who: &str, doing: &[Doing], allowed: bool) {
    for one in doing {
        let outcome = one.run(world, who).map_err(|refusal| refusal.code);
        let expected = if allowed { Ok(()) } else { Err(Code::PermissionDenied) };
        assert_eq!(outcome, expected, "{who} {one:?}");
    }
}

#[test]
fn roles_decide_where_callers_are_verified_and_end_users_have_no_way_in() {
    let world = World::verified();
    world.rules("match /{all=**} { allow read, write; }");
    for (who, reads, writes) in [
        ("owner", true, true),
        ("chief", true, true),
        ("user", true, true),
        ("viewer", true, false),
        ("foreigner", false, false),
        ("alice", false, false),
        ("stranger", false, false),
        ("nobody", false, false),
    ] {
        check(&world, who, &READS, reads);
        check(&world, who, &WRITES, writes);
    }
}

#[test]
fn in_development_everybody_is_let_in_until_there_are_rules() {
    let world = World::development();
    check(&world, "nobody", &READS, true);
    check(&world, "nobody", &WRITES, true);
    world.rules("match /{all=**} { allow read, write; }");
    check(&world, "nobody", &READS, false);
    check(&world, "nobody", &WRITES, false);
    check(&world, "owner", &READS, true);
}
