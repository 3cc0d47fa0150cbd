//! Both APIs over one database: who may, what conflicts, what is refused. What real clients see stands in
//! `clients/datastore/test_cross_api.py`.
#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::time::{Duration, Instant};

use database::Options;
use model::entity::query::EntityQuery;
use model::entity::write::{Base, Mutation, MutationOperation};
use model::entity::{Entity, EntityValue, Key, Partition, PathElement, Properties, Property};
use model::query::{Selector, StructuredQuery};
use model::write::{Operation, Precondition, Write};
use model::{Code, DatabaseName, DocumentPath, Fields, Parent, Principal, Status, Value};
use service::{
    Asked, BatchWrite, Call, Commit, CommitEntities, EntityCommitMode, Explain, GetDocument,
    ListCollectionIds, Lookup, MissingIndex, QueryEntities, ReadAt, RulesOf, RunQuery, Service,
    TransactionMode,
};
use testkit::world::{EngineKind, World};

struct Both {
    service: Service,
    _world: World,
}

fn database(mode: &str) -> DatabaseName {
    DatabaseName::new("p", mode)
}

fn call(principal: Principal) -> Call {
    Call { deadline: Instant::now() + Duration::from_secs(60), principal }
}

fn owner() -> Call {
    call(Principal::Administrator)
}

fn key(name: &str) -> Key {
    Key { partition: Partition::new(&database("native"), ""), path: vec![PathElement::new("K", name.into())] }
}

fn path(name: &str) -> DocumentPath {
    DocumentPath::new(&format!("K/{name}")).unwrap()
}

fn entity(database: &DatabaseName, name: &str, property: Property) -> Entity {
    let key = Key { partition: Partition::new(database, ""), ..key(name) };
    Entity { key, properties: Properties::from([("n".to_owned(), property)]) }
}

fn upsert(database: &DatabaseName, name: &str, n: i64) -> Mutation {
    MutationOperation::Upsert(entity(database, name, EntityValue::Integer(n).into())).into()
}

fn set(name: &str, n: i64, precondition: Precondition) -> Write {
    let fields = Fields::from([("n".to_owned(), Value::Integer(n))]);
    let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
    Write { path: path(name), operation, precondition }
}

impl Both {
    /// One database of documents and one of entities, each with an `a`.
    async fn new() -> Self {
        let world = World::new(EngineKind::Memory, 1, Options::default());
        let host = world.store().host().clone();
        let options = service::Options { missing_index: MissingIndex::Require };
        let service = Service::new(world.store().clone(), host, options).with_cross_api(true);
        let both = Both { service, _world: world };
        both.write("native", vec![set("a", 1, Precondition::None)]).await.unwrap();
        both.mutate("entities", upsert(&database("entities"), "a", 1)).await.unwrap();
        both
    }

    async fn write(&self, mode: &str, writes: Vec<Write>) -> Result<(), Status> {
        let commit = Commit { database: database(mode), writes, transaction: None };
        self.service.commit(&owner(), commit).await.map(drop)
    }

    /// True when the mutation took place, false when it met a conflict.
    async fn mutate(&self, mode: &str, mutation: Mutation) -> Result<bool, Status> {
        let mode_of_commit = EntityCommitMode::NonTransactional;
        let database = database(mode);
        let commit = CommitEntities { database, mutations: vec![mutation], mode: mode_of_commit };
        let done = self.service.commit_entities(&owner(), commit).await?;
        Ok(!done.results[0].conflict_detected)
    }

    async fn document(&self, who: Principal, mode: &str, name: &str) -> Result<Fields, Status> {
        let name = database(mode).document(&path(name));
        let get = GetDocument { name, mask: None, at: ReadAt::Now };
        Ok(self.service.get_document(&call(who), get).await?.fields().unwrap())
    }

    async fn version(&self, who: Principal, mode: &str, name: &str) -> Result<Option<i64>, Status> {
        let database = database(mode);
        let key = Key { partition: Partition::new(&database, ""), ..key(name) };
        let lookup = Lookup { database, keys: vec![key], mask: None, at: ReadAt::Now.into() };
        let found = self.service.lookup(&call(who), lookup).await?.found;
        Ok(found.first().map(|entity| entity.update_time.micros()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_version_is_kept_across() {
    let both = Both::new().await;
    let native = database("native");
    let version = both.version(Principal::Administrator, "native", "a").await.unwrap().unwrap();
    let based = |base, n| Mutation { base: Some(base), ..upsert(&native, "a", n) };
    assert_eq!(both.mutate("native", based(Base::Version(version), 2)).await, Ok(true));
    assert_eq!(both.mutate("native", based(Base::Version(version), 3)).await, Ok(false));
    assert_eq!(both.mutate("native", based(Base::Version(0), 4)).await, Ok(false));
    let fields = both.document(Principal::Administrator, "native", "a").await.unwrap();
    assert_eq!(fields["n"], Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn preconditions_of_documents_hold_for_entities() {
    let both = Both::new().await;
    let outcome = |precondition, name| both.write("entities", vec![set(name, 2, precondition)]);
    let code = |outcome: Result<(), Status>| outcome.map_err(|refusal| refusal.code);
    let early = model::Timestamp::ZERO.next();
    assert_eq!(code(outcome(Precondition::Exists(false), "a").await), Err(Code::AlreadyExists));
    assert_eq!(code(outcome(Precondition::Exists(true), "b").await), Err(Code::NotFound));
    assert_eq!(code(outcome(Precondition::UpdateTime(early), "a").await), Err(Code::FailedPrecondition));
    let update_time = both.version(Principal::Administrator, "entities", "a").await.unwrap().unwrap();
    let update_time = model::Timestamp::from_micros(update_time).unwrap();
    assert_eq!(code(outcome(Precondition::UpdateTime(update_time), "a").await), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_cannot_hold_is_refused_by_the_propertys_name() {
    let both = Both::new().await;
    let native = database("native");
    let text = Property { meaning: 2, ..EntityValue::String("x".to_owned()).into() };
    let mutation = MutationOperation::Upsert(entity(&native, "a", text)).into();
    let refusal = both.mutate("native", mutation).await.unwrap_err();
    assert!(refusal.code == Code::InvalidArgument && refusal.message.contains("\"n\""), "{refusal}");
    let text = Property { meaning: 2, ..EntityValue::String("x".to_owned()).into() };
    let mutation = MutationOperation::Upsert(entity(&database("entities"), "a", text)).into();
    assert_eq!(both.mutate("entities", mutation).await, Ok(true));
    let fields = both.document(Principal::Administrator, "entities", "a").await.unwrap();
    assert!(matches!(&fields["n"], Value::Map(map) if map["meaning"] == Value::Integer(2)), "{fields:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn end_users_under_rules_have_no_way_to_entities_by_either_api() {
    let both = Both::new().await;
    let rules = "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents {
        match /{path=**} { allow read, write; } } }";
    both.service.set_rules(RulesOf::Everything, Some(rules)).unwrap();
    let user = || Principal::Anonymous;
    assert!(both.document(user(), "native", "a").await.is_ok());
    assert_eq!(both.document(user(), "entities", "a").await.unwrap_err().code, Code::PermissionDenied);
    assert_eq!(both.version(user(), "native", "a").await.unwrap_err().code, Code::PermissionDenied);
    let write = Commit {
        database: database("entities"),
        writes: vec![set("a", 2, Precondition::None)],
        transaction: None,
    };
    let refusal = both.service.commit(&call(user()), write).await.unwrap_err();
    assert_eq!(refusal.code, Code::PermissionDenied);
    let from = Selector { collection_id: Some("K".to_owned()), all_descendants: false };
    let query = StructuredQuery::all(Parent::Root, from);
    let request =
        RunQuery { database: database("entities"), query, at: ReadAt::Now.into(), explain: Explain::No };
    let refusal = both.service.run_query(&call(user()), request).await.err().unwrap();
    assert_eq!(refusal.code, Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_across_says_so() {
    let both = Both::new().await;
    let mut refusals = Vec::new();
    let list = ListCollectionIds {
        database: database("entities"),
        parent: Parent::Root,
        page_size: 0,
        page_token: String::new(),
        at: ReadAt::Now,
    };
    refusals.push(both.service.list_collection_ids(&owner(), list).await.unwrap_err());
    refusals.push(both.service.listen(&Principal::Administrator, &database("entities")).err().unwrap());
    let batch = BatchWrite { database: database("entities"), writes: Vec::new() };
    refusals.push(both.service.batch_write(&owner(), batch).await.unwrap_err());
    refusals.push(both.service.reserve_ids(&owner(), &database("native"), &[key("a")]).await.unwrap_err());
    let projection = EntityQuery {
        kind: Some("K".to_owned()),
        projection: vec!["n".to_owned()],
        ..EntityQuery::default()
    };
    for query in [EntityQuery::default(), projection] {
        let request = QueryEntities {
            partition: Partition::new(&database("native"), ""),
            asked: Asked::Query(query),
            mask: None,
            at: ReadAt::Now.into(),
            explain: Explain::No,
        };
        refusals.push(both.service.query_entities(&owner(), request).await.unwrap_err());
    }
    refusals.push(
        both.write(
            "entities",
            vec![Write { operation: Operation::Verify, ..set("a", 1, Precondition::None) }],
        )
        .await
        .unwrap_err(),
    );
    for refusal in refusals {
        assert!(refusal.code == Code::Unimplemented && refusal.message.contains("--cross-api"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_one_api_sees_no_later_write_of_the_other() {
    let both = Both::new().await;
    let database = database("entities");
    let mode = TransactionMode::ReadOnly { read_time: None };
    let token = both.service.begin_transaction(&owner(), &database, &mode).await.unwrap();
    let get = GetDocument { name: database.document(&path("a")), mask: None, at: ReadAt::Transaction(token) };
    let before = both.service.get_document(&owner(), get.clone()).await.unwrap();
    both.mutate("entities", upsert(&database, "a", 7)).await.unwrap();
    assert_eq!(both.service.get_document(&owner(), get).await.unwrap(), before);
    let now = both.document(Principal::Administrator, "entities", "a").await.unwrap();
    assert_eq!(now["n"], Value::Integer(7));
}
