//! Indexes that are replaced while transactions rely on what they have not found in them.

use std::sync::Arc;
use std::time::Duration;

use database::{
    ByteRange, Concurrency, Database, FieldOverride, IndexFile, IndexScope, NameSource, Options, ReadAt,
    Scope, SingleFieldIndex, SingleFieldKind, Store, TransactionMode, View,
};
use host::Host;
use model::encoding::push_index_value;
use model::query::Direction;
use model::write::{Operation, Precondition, Write};
use model::{Code, CollectionPath, DatabaseName, DocumentPath, FieldPath, Fields, Status, Value};
use storage::Engine;
use storage::memory::MemoryEngine;
use testkit::indexes_equal_scan;

const CLIENTS: usize = 4;
const ROUNDS: i64 = 150;
/// Longer than any round takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// The only index of `claims.round`, or none.
fn declared(indexed: bool) -> IndexFile {
    let ordered = SingleFieldIndex { scope: IndexScope::Collection, kind: SingleFieldKind::Ordered };
    let indexes = if indexed { vec![ordered] } else { Vec::new() };
    let field = Some(FieldPath::single("round"));
    let collection_id = "claims".to_owned();
    IndexFile { indexes: Vec::new(), overrides: vec![FieldOverride { collection_id, field, indexes }] }
}

/// The claims of a round, counted in the index when there is one; the documents themselves are not read then.
fn count(view: &View, round: i64) -> Result<usize, Status> {
    let collection = CollectionPath::new("claims").expect("an id");
    let field = FieldPath::single("round");
    let scope = Scope::Collection(collection.clone());
    let index = view.indexes().single_field(&scope, &field, SingleFieldKind::Ordered);
    let serves = |index: &database::DeclaredIndex| index.serves(view.read_time());
    let index = index.filter(|(_, declared)| declared.as_ref().is_none_or(|index| serves(index)));
    let mut found = 0;
    match index {
        Some((source, _)) => {
            let mut value = Vec::new();
            push_index_value(&mut value, &Value::Integer(round));
            let mut scan = view.scan_index(&source, ByteRange::prefix(&value), Direction::Ascending);
            while scan.next()?.is_some() {
                found += 1;
            }
        }
        None => {
            let source = NameSource::Collection(collection);
            let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
            while let Some(document) = scan.next()? {
                let fields = document.fields().expect("a body that was written");
                found += usize::from(fields.get("round") == Some(&Value::Integer(round)));
            }
        }
    }
    Ok(found)
}

/// Claims the round, unless somebody has.
async fn claim(database: Arc<Database>, round: i64, client: usize, concurrency: Concurrency) {
    let id = format!("claims/{round}-{client}");
    let fields = Fields::from([("round".to_owned(), Value::Integer(round))]);
    let write = Write {
        path: DocumentPath::new(&id).expect("a collection and an id"),
        operation: Operation::Set { fields, mask: None, transforms: Vec::new() },
        precondition: Precondition::None,
    };
    let mut retry = None;
    loop {
        let mode = TransactionMode::ReadWrite { retry: retry.take(), concurrency };
        let token = database.begin(&mode).expect("there is room for a transaction");
        let read = database.read(&ReadAt::Transaction(token.clone()), |view| count(view, round)).await;
        let done = match read {
            Ok((0, _)) => database.commit(vec![write.clone()], Some(&token)).await.map(drop),
            Ok(_) => database.rollback(&token),
            Err(status) => Err(status),
        };
        match done {
            Ok(()) => return,
            Err(status) => assert_eq!(status.code, Code::Aborted, "{status}"),
        }
        retry = Some(token);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_claims_twice_while_indexes_come_and_go() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    let store = Store::open(engine.clone(), Host::real(), Options::default()).expect("an empty store opens");
    let name = DatabaseName::new("p", "d");
    let database = store.database(&name).expect("a database is made on use");
    for round in 0..ROUNDS {
        let clients = (0..CLIENTS).map(|client| {
            let concurrency =
                if client % 2 == 0 { Concurrency::Pessimistic } else { Concurrency::Optimistic };
            tokio::spawn(claim(database.clone(), round, client, concurrency))
        });
        let clients: Vec<_> = clients.collect();
        let (replaced, of) = (store.clone(), name.clone());
        let replacing =
            tokio::task::spawn_blocking(move || replaced.declare_indexes(&of, &declared(round % 2 == 0)));
        for client in clients {
            let done = tokio::time::timeout(PATIENCE, client).await.expect("nobody waits for ever");
            done.expect("no client panics");
        }
        replacing.await.expect("it does not panic").expect("the catalog can be written");
        assert_eq!(count(&database.view(), round), Ok(1), "round {round}");
    }
    indexes_equal_scan::check(&engine, &database).expect("every index equals a scan");
}
