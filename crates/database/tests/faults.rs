//! Writes that are slow, fail, or fail half way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use database::{
    Column, ColumnKind, Concurrency, Database, IndexDefinition, IndexFile, IndexScope, IndexState, Options,
    ReadAt, Scope, Store, TransactionMode, View,
};
use host::Host;
use model::query::Direction;
use model::write::{CommitResult, FieldTransform, Operation, Precondition, TransformKind, Write};
use model::{Code, DatabaseName, DocumentPath, FieldPath, Fields, Status, Timestamp, Value};
use storage::faults::{Fault, FaultEngine};
use storage::memory::MemoryEngine;
use storage::{Batch, Committed, Engine, EngineStats, Expired, Reclaimed, Snapshot, Space, StorageError};
use testkit::indexes_equal_scan;
use testkit::poll::at_once;
use testkit::world::World;

type Faulty = Arc<FaultEngine<MemoryEngine>>;

fn faulty_world() -> (Faulty, World) {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    (engine.clone(), World::over(engine, 1, Options::default()))
}

/// A database whose commits are written by other threads.
fn concurrent_database() -> (Faulty, Arc<Database>) {
    let engine = Arc::new(FaultEngine::new(MemoryEngine::new()));
    let store = Store::open(engine.clone(), Host::real(), Options::default()).expect("an empty store opens");
    let database = store.database(&DatabaseName::new("p", "d")).expect("a database is made on use");
    (engine, database)
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::new(text).expect("a collection and an id")
}

fn set(at: &str, n: i64) -> Write {
    let fields = Fields::from([("n".to_owned(), Value::Integer(n))]);
    let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
    Write { path: path(at), operation, precondition: Precondition::None }
}

fn increment(at: &str) -> Write {
    let kind = TransformKind::Increment(Value::Integer(1));
    let transforms = vec![FieldTransform { path: FieldPath::single("n"), kind }];
    let operation = Operation::Set { fields: Fields::new(), mask: Some(Vec::new()), transforms };
    Write { path: path(at), operation, precondition: Precondition::None }
}

fn commit(database: &Arc<Database>, writes: Vec<Write>) -> Result<CommitResult, Status> {
    let database = database.clone();
    at_once(async move { database.commit(writes, None).await })
}

/// The number that a document holds.
fn number(view: &View, at: &str) -> Option<i64> {
    let document = view.get(&path(at)).expect("reads go on")?;
    match document.fields().expect("a body that was written").get("n") {
        Some(Value::Integer(n)) => Some(*n),
        other => panic!("{other:?} is not a number"),
    }
}

fn log(database: &Database) -> Vec<Timestamp> {
    let mut scan = database.changes_after(Timestamp::ZERO);
    std::iter::from_fn(|| scan.next().expect("reads go on")).map(|record| record.time).collect()
}

#[test]
fn a_write_that_is_refused_has_not_happened_and_the_next_one_is_free() {
    for (fault, code) in [(Fault::Full, Code::ResourceExhausted), (Fault::Io, Code::Internal)] {
        let (engine, world) = faulty_world();
        let database = world.database();
        commit(&database, vec![set("c/a", 1)]).expect("nothing fails yet");
        engine.fail_next(fault);
        let refusal = commit(&database, vec![set("c/a", 2), set("c/b", 2)]).expect_err("it was planned");
        assert_eq!(refusal.code, code);
        assert_eq!((number(&database.view(), "c/a"), number(&database.view(), "c/b")), (Some(1), None));
        assert_eq!(log(&database).len(), 1);
        let next = commit(&database, vec![set("c/a", 3)]).expect("the fault is over");
        assert_eq!(log(&database).last(), Some(&next.commit_time));
        indexes_equal_scan::check(world.engine(), &database).expect("every index equals a scan");
    }
}

#[test]
fn a_write_in_doubt_stops_writes_and_is_there_whole_or_not_at_all() {
    for applied in [true, false] {
        let (engine, mut world) = faulty_world();
        let database = world.database();
        commit(&database, vec![set("c/a", 1)]).expect("nothing fails yet");
        engine.fail_next(Fault::Unknown { applied });
        let doubt = commit(&database, vec![set("c/a", 2), set("c/b", 2)]).expect_err("it was planned");
        assert_eq!(doubt.code, Code::Unavailable);
        // Reads show what was known before; writes are refused, also those that would change nothing.
        assert_eq!((number(&database.view(), "c/a"), number(&database.view(), "c/b")), (Some(1), None));
        let refusal = commit(&database, vec![set("c/a", 1)]).expect_err("writes are stopped");
        assert_eq!(refusal.code, Code::Unavailable);
        let token = database
            .begin(&TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default })
            .expect("a transaction may still read");
        let (reader, at) = (database.clone(), ReadAt::Transaction(token));
        let read = at_once(async move { reader.read(&at, |view| Ok(number(view, "c/a"))).await });
        assert_eq!(read.expect("reads go on").0, Some(1));

        drop(database);
        engine.reopen().expect("the engine inside is sound");
        world.reopen();
        let database = world.database();
        let expected = if applied { (Some(2), Some(2)) } else { (Some(1), None) };
        assert_eq!((number(&database.view(), "c/a"), number(&database.view(), "c/b")), expected);
        assert_eq!(log(&database).len(), if applied { 2 } else { 1 });
        indexes_equal_scan::check(world.engine(), &database).expect("every index equals a scan");
        commit(&database, vec![set("c/a", 3)]).expect("writes go on");
    }
}

#[test]
fn only_a_durable_commit_wakes_those_who_follow() {
    for fault in [Fault::Full, Fault::Io, Fault::Fenced, Fault::Unknown { applied: true }] {
        let (engine, world) = faulty_world();
        let database = world.database();
        let mut commits = database.commits();
        let first = commit(&database, vec![set("c/a", 1)]).expect("nothing fails yet");
        assert!(commits.has_changed().expect("the database is there"), "{fault:?}");
        assert_eq!(*commits.borrow_and_update(), first.commit_time);
        engine.fail_next(fault);
        commit(&database, vec![set("c/a", 2)]).expect_err("it was planned");
        assert!(!commits.has_changed().expect("the database is there"), "{fault:?}");
        assert_eq!(*commits.borrow(), first.commit_time, "{fault:?}");
    }
}

#[test]
fn a_fenced_owner_writes_no_more() {
    let (engine, world) = faulty_world();
    let database = world.database();
    commit(&database, vec![set("c/a", 1)]).expect("nothing fails yet");
    engine.fail_next(Fault::Fenced);
    for n in 2..4 {
        let refusal = commit(&database, vec![set("c/a", n)]).expect_err("another owns the data");
        assert_eq!(refusal.code, Code::Unavailable);
        assert_eq!(number(&database.view(), "c/a"), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_sees_a_commit_that_is_not_durable() {
    let (engine, database) = concurrent_database();
    database.commit(vec![set("c/a", 1)], None).await.expect("nothing stands in its way");
    let gate = engine.hold_commits();
    let writer = tokio::spawn({
        let database = database.clone();
        async move { database.commit(vec![set("c/a", 2)], None).await }
    });
    gate.wait_for(1);

    let before = database.view();
    assert_eq!(number(&before, "c/a"), Some(1));
    assert_eq!(log(&database).len(), 1);
    // A read at a time that the commit may have must wait for it, and so must a transaction that reads what it writes.
    let now = Timestamp::from_micros(Host::real().now_micros()).expect("a date of our age");
    let past = tokio::task::spawn_blocking({
        let database = database.clone();
        move || database.view_at(now)
    });
    let mode = TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default };
    let token = database.begin(&mode).expect("there is room for a transaction");
    let reader = tokio::spawn({
        let (database, at) = (database.clone(), ReadAt::Transaction(token));
        async move { database.read(&at, |view| Ok(number(view, "c/a"))).await }
    });
    tokio::task::yield_now().await;
    assert!(!past.is_finished() && !reader.is_finished() && !writer.is_finished());

    gate.open();
    let committed = writer.await.expect("it does not panic").expect("it goes through").commit_time;
    assert!(before.read_time() < committed, "a read before the commit has a time before it");
    let past = past.await.expect("it does not panic").expect("the time has come");
    let there = if committed <= past.read_time() { 2 } else { 1 };
    assert_eq!((past.read_time(), number(&past, "c/a")), (now, Some(there)));
    let read = reader.await.expect("it does not panic").expect("nobody stands in its way");
    assert_eq!(read.0, Some(2));
    assert_eq!(number(&before, "c/a"), Some(1));
    assert_eq!(number(&database.view_at(before.read_time()).expect("not long past"), "c/a"), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_document_takes_many_commits_in_one_write() {
    const MANY: usize = 300;
    let (engine, database) = concurrent_database();
    let gate = engine.hold_commits();
    let spawn = || {
        let database = database.clone();
        tokio::spawn(async move { database.commit(vec![increment("c/hot")], None).await })
    };
    let first = spawn();
    gate.wait_for(1);
    let before = engine.committed();
    // Polled by hand, so that all of them surely stand in the queue when the gate opens.
    let mut waiting: Vec<_> = (0..MANY)
        .map(|_| {
            let database = database.clone();
            let future = async move { database.commit(vec![increment("c/hot")], None).await };
            testkit::poll::Started::new(future)
        })
        .collect();
    assert!(waiting.iter_mut().all(|commit| commit.look().is_none()));
    gate.open();
    let first = first.await.expect("it does not panic").expect("it goes through").commit_time;

    let mut time = first;
    for (n, commit) in waiting.into_iter().enumerate() {
        let committed = commit.rest().await.expect("it goes through");
        assert!(committed.commit_time > time, "each has its own time");
        time = committed.commit_time;
        assert_eq!(committed.results[0].transform_results, [Value::Integer(n as i64 + 2)]);
    }
    assert_eq!(engine.committed() - before, 2, "one write for the first, one for all others");
    // Each of them can be read at its own time, though they shared a write.
    let view = database.view_at(time).expect("not long past");
    assert_eq!(number(&view, "c/hot"), Some(MANY as i64 + 1));
    assert_eq!(number(&database.view_at(first).expect("not long past"), "c/hot"), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_that_rests_on_a_failed_write_is_not_told_as_a_fact() {
    let (engine, database) = concurrent_database();
    let gate = engine.hold_commits();
    let submit = |write: Write| {
        let database = database.clone();
        testkit::poll::Started::new(async move { database.commit(vec![write], None).await })
    };
    let mut first = submit(set("c/other", 1));
    assert!(first.look().is_none());
    gate.wait_for(1);
    let create = || Write { precondition: Precondition::Exists(false), ..set("c/a", 1) };
    let mut waiting = [submit(create()), submit(create()), submit(set("c/a", 1))];
    assert!(waiting.iter_mut().all(|commit| commit.look().is_none()));
    // The round that is held, and the one that the three will share.
    engine.fail_next(Fault::Full);
    engine.fail_next(Fault::Full);
    gate.open();
    for commit in [first].into_iter().chain(waiting) {
        let refusal = commit.rest().await.expect_err("the write failed");
        assert_eq!(refusal.code, Code::ResourceExhausted, "{refusal}");
    }
    database.commit(vec![create()], None).await.expect("nothing is there: the creation is in order");
}

/// An engine of which one commit, counted from when it is told, fails.
struct Countdown {
    inner: MemoryEngine,
    /// The commit to fail; 0 is none.
    left: AtomicUsize,
}

impl Engine for Countdown {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.inner.snapshot()
    }

    fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(StorageError::io("writing a batch", std::io::Error::other("counted down")));
        }
        self.inner.commit(batch)
    }

    fn set_expired(&self, filter: Arc<dyn Expired>) {
        self.inner.set_expired(filter);
    }

    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        self.inner.reclaim(spaces)
    }

    fn stats(&self) -> EngineStats {
        self.inner.stats()
    }
}

/// The only declared index, and what a scan of it finds.
fn index_rows(database: &Database) -> (IndexState, Vec<String>) {
    let view = database.view();
    let scope = Scope::Group { collection_id: "c".to_owned() };
    let (index, source) = view.indexes().composites(&scope).pop().expect("it is declared");
    let mut scan = view.scan_index(&source, database::ByteRange::all(), Direction::Ascending);
    let rows = std::iter::from_fn(|| scan.next().expect("reads go on"));
    let rows = rows.map(|entry| entry.path(&source).expect("a name").to_string()).collect();
    (index.state, rows)
}

#[test]
fn an_index_build_that_fails_is_not_taken_for_complete_and_goes_on_after_a_restart() {
    let column = |name: &str| Column { path: FieldPath::single(name), kind: ColumnKind::Ascending };
    let definition = IndexDefinition {
        collection_id: "c".to_owned(),
        scope: IndexScope::CollectionGroup,
        columns: vec![column("n"), column("n")],
    };
    let file = IndexFile { indexes: vec![definition], overrides: Vec::new() };
    // The catalog, the entries of the documents from before, the catalog again.
    for fails in 1..=3 {
        let engine = Arc::new(Countdown { inner: MemoryEngine::new(), left: AtomicUsize::new(0) });
        let options = Options { indexes: file.clone(), ..Options::default() };
        let mut world = World::over(engine.clone(), 1, Options::default());
        commit(&world.database(), vec![set("c/a", 1)]).expect("nothing fails yet");
        engine.left.store(fails, Ordering::SeqCst);
        let declared = world.store().declare_indexes(world.name(), &file);
        assert_eq!(declared.is_err(), fails == 1, "only the declaration itself is waited for");
        if fails > 1 {
            let (state, _) = index_rows(&world.database());
            assert_eq!(state == IndexState::Building, fails == 2, "fault {fails}: {state:?}");
        }
        commit(&world.database(), vec![set("c/b", 2)]).expect("writes go on");
        world.reopen_with(options);
        let (state, rows) = index_rows(&world.database());
        assert!(matches!(state, IndexState::Ready { .. }), "fault {fails}: {state:?}");
        assert_eq!(rows, ["c/a", "c/b"], "fault {fails}");
        indexes_equal_scan::check(world.engine(), &world.database()).expect("every index equals a scan");
    }
}
