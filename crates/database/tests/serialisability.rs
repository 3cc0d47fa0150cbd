//! Many clients at once, with every kind of transaction, on few documents: could it have happened one after the other?

mod concurrent;

use std::sync::Arc;
use std::time::Duration;

use concurrent::{Client, Values};
use database::{
    Database, FieldOverride, IndexFile, IndexScope, Options, SingleFieldIndex, SingleFieldKind, Store,
};
use host::Host;
use model::{DatabaseName, FieldPath};
use storage::Engine;
use storage::faults::{Fault, FaultEngine};
use storage::local::{LocalEngine, LocalOptions};
use storage::memory::MemoryEngine;
use testkit::dice::Dice;
use testkit::history::{Recorder, Transaction, graph, replay};
use testkit::indexes_equal_scan;

/// Longer than any run takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs so many clients over `engine`; answers what they did and saw.
async fn check(
    engine: Arc<dyn Engine>,
    values: Values,
    clients: u64,
    transactions: usize,
) -> Vec<Transaction> {
    let store = Store::open(engine.clone(), Host::real(), Options::default()).expect("an empty store opens");
    let database = store.database(&DatabaseName::new("p", "d")).expect("a database is made on use");
    let history = run(&database, values, clients, transactions).await;
    indexes_equal_scan::check(&engine, &database).expect("every index equals a scan");
    history
}

async fn run(
    database: &Arc<Database>,
    values: Values,
    clients: u64,
    transactions: usize,
) -> Vec<Transaction> {
    let recorder = Arc::new(Recorder::default());
    let tasks: Vec<_> = (0..clients)
        .map(|seed| {
            let client = Client::new(database.clone(), recorder.clone(), values, Dice::new(seed));
            tokio::spawn(client.run(transactions))
        })
        .collect();
    for task in tasks {
        let done = tokio::time::timeout(PATIENCE, task).await.expect("nobody waits for ever");
        done.expect("no client panics");
    }
    let last = Client::new(database.clone(), recorder.clone(), values, Dice::new(0));
    last.look_at_all().await;
    drop(last);
    Arc::into_inner(recorder).expect("all clients are gone").finish()
}

#[track_caller]
fn assert_serialisable(history: &[Transaction], values: Values) {
    if let Err(wrong) = replay::check(history) {
        panic!("{wrong}");
    }
    if let (Values::Lists, Err(wrong)) = (values, graph::check(history)) {
        panic!("{wrong}");
    }
    let committed = history.iter().filter(|transaction| transaction.time.is_some()).count();
    assert!(committed > history.len() / 4, "only {committed} of {} came through", history.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lists_are_strictly_serialisable() {
    let history = check(Arc::new(MemoryEngine::new()), Values::Lists, 12, 60).await;
    assert_serialisable(&history, Values::Lists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn registers_are_strictly_serialisable() {
    let history = check(Arc::new(MemoryEngine::new()), Values::Registers, 12, 60).await;
    assert_serialisable(&history, Values::Registers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn they_are_on_a_disk() {
    let directory = tempfile::tempdir().expect("the machine has room for a directory");
    let options = LocalOptions { reserve_bytes: 0, ..LocalOptions::default() };
    let engine = LocalEngine::open(directory.path(), options).expect("the directory opens");
    let history = check(Arc::new(engine), Values::Lists, 12, 25).await;
    assert_serialisable(&history, Values::Lists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn they_are_while_writes_are_slow_and_fail() {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    let made = Store::open(engine.clone(), Host::real(), Options::default()).expect("an empty store opens");
    made.database(&DatabaseName::new("p", "d")).expect("nothing disturbs it yet");
    let disturbed = engine.clone();
    let noise = tokio::spawn(async move {
        for round in 0.. {
            let gate = disturbed.hold_commits();
            if round % 20 == 0 {
                disturbed.fail_next(if round % 40 == 0 { Fault::Full } else { Fault::Io });
            }
            tokio::time::sleep(Duration::from_micros(700)).await;
            gate.open();
            tokio::task::yield_now().await;
        }
    });
    let history = check(engine, Values::Lists, 16, 40).await;
    noise.abort();
    assert_serialisable(&history, Values::Lists);
    let aborted = |transaction: &&Transaction| transaction.time.is_none();
    assert!(history.iter().filter(aborted).count() > 0, "the noise has disturbed nobody");
}

/// Times that commits become visible between two changes of indexes.
const COMMITS_BETWEEN: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn they_are_while_indexes_come_and_go() {
    let engine = Arc::new(MemoryEngine::new());
    let store = Store::open(engine, Host::real(), Options::default()).expect("an empty store opens");
    let name = DatabaseName::new("p", "d");
    let database = store.database(&name).expect("a database is made on use");
    let mut commits = database.commits();
    let noise = tokio::spawn(async move {
        let ordered = SingleFieldIndex { scope: IndexScope::Collection, kind: SingleFieldKind::Ordered };
        for round in 0.. {
            let indexes = if round % 2 == 0 { vec![ordered] } else { Vec::new() };
            let (collection_id, field) = ("lists".to_owned(), Some(FieldPath::single("key")));
            let overrides = vec![FieldOverride { collection_id, field, indexes }];
            let file = IndexFile { indexes: Vec::new(), overrides };
            store.declare_indexes(&name, &file).expect("the catalog can be written");
            // Paced by what comes through: by a clock, a slow machine would abort everybody every time.
            for _ in 0..COMMITS_BETWEEN {
                commits.changed().await.expect("the database outlives the noise");
            }
        }
    });
    let history = run(&database, Values::Lists, 12, 60).await;
    noise.abort();
    assert_serialisable(&history, Values::Lists);
}
