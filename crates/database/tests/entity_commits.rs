//! Commits of mutations where engines fail, threads race, and entities have too many index entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use database::{
    CommitMode, Concurrency, Database, IdPolicy, IndexDefinition, IndexFile, Options, ReadAt, Store,
    TransactionMode,
};
use host::Host;
use model::entity::write::{EntityCommitResult, Mutation, MutationOperation};
use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties};
use model::query::Direction;
use model::{Code, DatabaseName, Status};
use storage::faults::{Fault, FaultEngine};
use storage::memory::MemoryEngine;
use testkit::indexes_equal_scan;
use testkit::poll::{Started, at_once};
use testkit::world::{EngineKind, World};

fn key(kind: &str, id: impl Into<Id>) -> Key {
    let partition = Partition::new(&DatabaseName::new("p", "(default)"), "");
    Key { partition, path: vec![PathElement::new(kind, id.into())] }
}

fn put(key: Key, properties: &[(&str, EntityValue)]) -> Mutation {
    let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
    MutationOperation::Upsert(Entity { key, properties: properties.collect() }).into()
}

fn commit(
    database: &Arc<Database>,
    mutations: Vec<Mutation>,
    mode: CommitMode,
) -> Started<Result<EntityCommitResult, Status>> {
    let database = database.clone();
    Started::new(async move { database.commit_entities(mutations, None, mode).await })
}

fn committed(database: &Arc<Database>, mutations: Vec<Mutation>) -> Result<EntityCommitResult, Status> {
    commit(database, mutations, CommitMode::Transactional).look().expect("nobody is in the way")
}

fn numbered(ids: impl Iterator<Item = i64>) -> Vec<Mutation> {
    ids.map(|id| put(key("K", id), &[("n", EntityValue::Integer(id))])).collect()
}

/// The numeric ids of the entities that are there.
fn present(database: &Database, ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let view = database.view();
    ids.filter(|id| view.get_entity(&key("K", *id)).expect("reads go on").is_some()).collect()
}

#[test]
fn a_chain_is_one_durable_write() {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    let world = World::over(engine.clone(), 1, Options::default());
    let database = world.datastore();
    let before = engine.committed();
    let answer = commit(&database, numbered(1..=500), CommitMode::NonTransactional).look();
    let results = answer.expect("nobody is in the way").expect("nothing fails").results;
    assert_eq!(engine.committed() - before, 1);
    let versions: BTreeSet<i64> = results.iter().map(|result| result.version).collect();
    assert_eq!(versions.len(), 500, "each has a time of its own");
}

/// A transaction that has read the second entity, and a chain over three that waits for it.
fn waiting_chain(database: &Arc<Database>) -> (bytes::Bytes, Started<Result<EntityCommitResult, Status>>) {
    let pessimistic = TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Pessimistic };
    let token = database.begin(&pessimistic).expect("a transaction begins");
    let (reader, at) = (database.clone(), ReadAt::Transaction(token.clone()));
    at_once(async move { reader.read(&at, |view| view.get_entity(&key("K", 2))).await }).expect("a read");
    let mut chain = commit(database, numbered(1..=3), CommitMode::NonTransactional);
    assert!(chain.look().is_none(), "the second link waits for the reader");
    (token, chain)
}

#[test]
fn a_chain_that_waits_hears_that_its_first_links_are_not_stored() {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    let world = World::over(engine.clone(), 1, Options::default());
    let database = world.datastore();
    engine.fail_next(Fault::Full);
    let (reader, mut chain) = waiting_chain(&database);
    assert!(present(&database, 1..=3).is_empty());
    database.rollback(&reader).expect("the reader goes");
    let refusal = chain.look().expect("it goes on").expect_err("its beginning is lost");
    assert_eq!(refusal.code, Code::ResourceExhausted);
    assert!(present(&database, 1..=3).is_empty());
}

#[test]
fn a_chain_whose_write_fails_has_not_happened_or_up_to_where_it_waited() {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    let world = World::over(engine.clone(), 1, Options::default());
    let database = world.datastore();
    engine.fail_next(Fault::Full);
    let failed = commit(&database, numbered(1..=3), CommitMode::NonTransactional).look();
    let refusal = failed.expect("nobody is in the way").expect_err("it was planned");
    assert_eq!(refusal.code, Code::ResourceExhausted);
    assert!(present(&database, 1..=3).is_empty());

    let world = World::over(engine.clone(), 1, Options::default());
    let database = world.datastore();
    let (reader, mut chain) = waiting_chain(&database);
    assert_eq!(present(&database, 1..=3), [1]);
    engine.fail_next(Fault::Full);
    database.rollback(&reader).expect("the reader goes");
    let refusal = chain.look().expect("it goes on").expect_err("it was planned");
    assert_eq!(refusal.code, Code::ResourceExhausted);
    assert_eq!(present(&database, 1..=3), [1]);
    assert_eq!(indexes_equal_scan::check(world.engine(), &database), Ok(()));
}

#[test]
fn an_entity_has_a_limited_number_of_index_entries() {
    let world = World::new(EngineKind::Memory, 1, Options::default());
    let database = world.datastore();
    let numbers =
        |count: i64| EntityValue::Array((0..count).map(|n| EntityValue::Integer(n).into()).collect());
    let put_numbers = |id: i64, a: i64, b: i64| {
        committed(&database, vec![put(key("K", id), &[("a", numbers(a)), ("b", numbers(b))])])
    };
    put_numbers(1, 10_000, 10_000).expect("as many as there may be");
    let refusal = put_numbers(2, 10_000, 10_001).expect_err("one too many");
    assert!(refusal.message.starts_with("Too many indexed properties"), "{refusal}");

    // In an index that comes later the first one would have a hundred million entries: it is left out.
    put_numbers(3, 100, 100).expect("a small one");
    let ascending = |name: &str| (name.to_owned(), Direction::Ascending);
    let indexes = vec![IndexDefinition::of_kind("K", true, [ascending("a"), ascending("b")])];
    let file = IndexFile { indexes, overrides: Vec::new() };
    world.store().declare_indexes(world.name(), &file).expect("an index is declared");
    let refusal = put_numbers(4, 200, 100).expect_err("20,000 entries there, and 300 more");
    assert!(refusal.message.starts_with("Too many indexed properties"), "{refusal}");
    put_numbers(3, 100, 101).expect("a small one");
    let view = database.view();
    let path = key("K", 3).document_path().expect("the key is complete");
    let (_, source) = view.indexes().entity_composites("", "K", Some(&path)).remove(0);
    let mut scan = view.scan_index(&source, database::ByteRange::all(), Direction::Ascending);
    let count = std::iter::from_fn(|| scan.next().expect("reads go on")).count();
    assert_eq!(count, 10_100);
    // Whoever was too big for the index can still be changed and deleted.
    let remove = MutationOperation::Delete(key("K", 1)).into();
    committed(&database, vec![remove]).expect("it is deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_that_many_allocate_at_once_are_all_different() {
    let store =
        Store::open(Arc::new(MemoryEngine::new()), Host::real(), Options::default()).expect("it opens");
    let database = store.datastore(&DatabaseName::new("p", "(default)")).expect("it is made");
    let incomplete = || {
        let mut key = key("K", 1);
        key.path[0].id = None;
        key
    };
    let mut clients = Vec::new();
    for _ in 0..8 {
        let database = database.clone();
        clients.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..50 {
                let keys = vec![incomplete(); 10];
                ids.extend(database.allocate_ids(keys, IdPolicy::Scattered).await.expect("there are enough"));
                let put = put(incomplete(), &[]);
                let result = database.commit_entities(vec![put], None, CommitMode::NonTransactional).await;
                ids.extend(result.expect("nobody is in the way").results.remove(0).key);
            }
            ids
        }));
    }
    let mut given = BTreeSet::new();
    for client in clients {
        for key in client.await.expect("a client ends") {
            assert!(given.insert(key.clone()), "{key} twice");
        }
    }
    assert_eq!(given.len(), 8 * 50 * 11);
}

/// Registers an address for `owner`, if it is free; whether it did.
async fn register(database: &Database, address: i64, owner: i64) -> Result<bool, Status> {
    let token =
        database.begin(&TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default })?;
    let at = ReadAt::Transaction(token.clone());
    let (found, _) = database.read(&at, |view| view.get_entity(&key("Email", address))).await?;
    if found.is_some() {
        database.rollback(&token)?;
        return Ok(false);
    }
    let owner = Properties::from([("owner".to_owned(), EntityValue::Integer(owner).into())]);
    let entity = Entity { key: key("Email", address), properties: owner };
    let insert = MutationOperation::Insert(entity).into();
    database.commit_entities(vec![insert], Some(&token), CommitMode::Transactional).await?;
    Ok(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_address_that_many_register_at_once_has_one_owner() {
    const ADDRESSES: i64 = 200;
    let store =
        Store::open(Arc::new(MemoryEngine::new()), Host::real(), Options::default()).expect("it opens");
    let database = store.datastore(&DatabaseName::new("p", "(default)")).expect("it is made");
    let mut clients = Vec::new();
    for owner in 0..8 {
        let database = database.clone();
        clients.push(tokio::spawn(async move {
            let mut registered = Vec::new();
            for address in 1..=ADDRESSES {
                match register(&database, address, owner).await {
                    Ok(true) => registered.push(address),
                    Ok(false) => {}
                    Err(status) => assert_eq!(status.code, Code::Aborted, "{status}"),
                }
            }
            (owner, registered)
        }));
    }
    let mut owners = BTreeMap::new();
    for client in clients {
        let (owner, registered) = client.await.expect("a client ends");
        for address in registered {
            assert_eq!(owners.insert(address, owner), None, "{address} twice");
        }
    }
    let view = database.view();
    for address in 1..=ADDRESSES {
        let stored = view.get_entity(&key("Email", address)).expect("reads go on");
        let owner = stored.map(|stored| stored.properties().expect("a body")["owner"].value.clone());
        assert_eq!(owner, owners.get(&address).map(|owner| EntityValue::Integer(*owner)), "{address}");
    }
    assert_eq!(owners.len(), usize::try_from(ADDRESSES).expect("it is small"), "the oldest always wins");
}
