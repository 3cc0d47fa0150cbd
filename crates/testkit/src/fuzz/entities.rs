//! What clients send as text or bytes for queries of entities: GQL, and cursors.

use bytes::Bytes;
use database::{CommitMode, Options};
use model::entity::query::{EntityQuery, GqlParameter, GqlQuery, GqlStatement};
use model::entity::write::{Mutation, MutationOperation};
use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties};
use query::entities::{prepare_entities, run_entity_query};
use query::{MissingIndex, parse_gql};

use crate::poll::at_once;
use crate::world::{EngineKind, World};

thread_local! {
    /// A few entities to ask for.
    static WORLD: World = {
        let world = World::new(EngineKind::Memory, 1, Options::default());
        let partition = partition(&world);
        let mutation = |n: i64| {
            let list = EntityValue::Array(vec![EntityValue::Integer(n).into(), EntityValue::Null.into()]);
            let properties = Properties::from([("a".to_owned(), list.into())]);
            let key = Key { partition: partition.clone(), path: vec![PathElement::new("K", Id::Number(n))] };
            Mutation {
                operation: MutationOperation::Upsert(Entity { key, properties }),
                base: None,
                on_conflict: Default::default(),
                mask: None,
                transforms: Vec::new(),
            }
        };
        let (database, mutations) = (world.datastore(), (1..5).map(mutation).collect());
        at_once(async move { database.commit_entities(mutations, None, CommitMode::Transactional).await })
            .expect("nothing stands in its way");
        world
    };
}

/// Queries that the corpus has cursors of.
const QUERIES: [&str; 4] = [
    "SELECT * FROM K",
    "SELECT * FROM K ORDER BY a DESC",
    "SELECT DISTINCT a FROM K",
    "SELECT a FROM K ORDER BY __key__ DESC",
];

fn partition(world: &World) -> Partition {
    Partition::new(world.datastore().view().database(), "")
}

fn parsed(world: &World, text: &str) -> Option<GqlStatement> {
    let value = GqlParameter::Value(EntityValue::Integer(1).into());
    let named = [("v".to_owned(), value), ("c".to_owned(), GqlParameter::Cursor(Bytes::from_static(b"c")))];
    let query =
        GqlQuery { text: text.to_owned(), allow_literals: true, positional: Vec::new(), named: named.into() };
    parse_gql(&query, &partition(world)).ok()
}

/// What is read can be asked, or is refused.
pub(super) fn gql(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    WORLD.with(|world| {
        let view = world.datastore().view();
        match parsed(world, text) {
            Some(GqlStatement::Query(query)) => drop(run_entity_query(&view, &query, MissingIndex::Suggest)),
            Some(GqlStatement::Aggregation(query)) => drop(prepare_entities(&query.query, view.database())),
            None => {}
        }
    });
}

fn from(world: &World, gql: &str, start: Option<Bytes>) -> Vec<Bytes> {
    let Some(GqlStatement::Query(query)) = parsed(world, gql) else { return Vec::new() };
    let query = EntityQuery { start, ..query };
    let found = run_entity_query(&world.datastore().view(), &query, MissingIndex::Suggest);
    found.map_or_else(|_| Vec::new(), |(_, batch)| batch.rows.into_iter().map(|row| row.cursor).collect())
}

/// Results go on from a cursor, or the cursor is refused.
pub(super) fn entity_cursors(input: &[u8]) {
    WORLD.with(|world| {
        for gql in QUERIES {
            let all = from(world, gql, None).len();
            let rest = from(world, gql, Some(Bytes::copy_from_slice(input)));
            assert!(rest.len() <= all, "{gql}: no cursor makes more of a query");
        }
    });
}

pub(super) fn entity_cursor_corpus() -> Vec<Vec<u8>> {
    let cursors = |world: &World| QUERIES.map(|gql| from(world, gql, None)).concat();
    WORLD.with(cursors).into_iter().map(|cursor| cursor.to_vec()).collect()
}

pub(super) fn gql_corpus() -> Vec<Vec<u8>> {
    let more = [
        "SELECT a, b FROM K WHERE a >= 1 AND (b = 'x''y' OR c IN ARRAY(1, NULL)) ORDER BY a DESC LIMIT @v OFFSET @c + 5",
        "SELECT DISTINCT ON (a) * FROM `K` WHERE __key__ HAS ANCESTOR KEY(NAMESPACE('n'), K, 1, L, 'x')",
        "AGGREGATE COUNT_UP_TO(5) AS n, SUM(K.a) OVER (SELECT * FROM K WHERE 1 <= a)",
        "SELECT * FROM K WHERE a = DATETIME('2020-02-29T23:59:59.123456+01:30') AND b = BLOB('aGk') AND c != -1.5e3",
    ];
    QUERIES.into_iter().chain(more).map(|text| text.as_bytes().to_vec()).collect()
}
