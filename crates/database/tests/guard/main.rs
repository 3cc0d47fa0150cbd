//! Whoever has a say in a commit sees what it builds on and what it leaves, and decides before anything else is told.

mod slow;

use std::sync::{Arc, Mutex, mpsc};

use database::{Database, Guard, Options, PendingCommit, Store};
use host::{Host, ManualClock};
use model::write::{Operation, Precondition, Write};
use model::{Code, DatabaseName, DocumentPath, Fields, Status, Value, body};
use storage::Engine;
use storage::memory::MemoryEngine;

/// A decision in a closure, and whose commit it is about.
struct Decides<F>(F, Option<Arc<str>>);

impl<F: Fn(&PendingCommit<'_>) -> Result<(), Status> + Send + Sync> Guard for Decides<F> {
    fn admit(&self, commit: &PendingCommit<'_>) -> Result<(), Status> {
        self.0(commit)
    }

    fn caller(&self) -> Option<Arc<str>> {
        self.1.clone()
    }
}

fn decides(
    decide: impl Fn(&PendingCommit<'_>) -> Result<(), Status> + Send + Sync + 'static,
) -> Option<Arc<dyn Guard>> {
    decides_for(None, decide)
}

fn decides_for(
    caller: Option<&str>,
    decide: impl Fn(&PendingCommit<'_>) -> Result<(), Status> + Send + Sync + 'static,
) -> Option<Arc<dyn Guard>> {
    Some(Arc::new(Decides(decide, caller.map(Arc::from))))
}

fn database() -> Arc<Database> {
    database_in_memory(Host::simulated(Arc::new(ManualClock::at(1_000)), 1))
}

fn database_in_memory(host: Host) -> Arc<Database> {
    database_on(Arc::new(MemoryEngine::new()), host)
}

fn database_on(engine: Arc<dyn Engine>, host: Host) -> Arc<Database> {
    let store = Store::open(engine, host, Options::default()).expect("an empty engine opens");
    store.database(&DatabaseName::new("p", "d")).expect("a database is made")
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::new(text).expect("an even number of ids")
}

fn set(name: &str, n: i64) -> Write {
    let fields = Fields::from([("n".to_owned(), Value::Integer(n))]);
    let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
    Write { path: path(name), operation, precondition: Precondition::None }
}

fn delete(name: &str) -> Write {
    Write { path: path(name), operation: Operation::Delete, precondition: Precondition::None }
}

/// The field `n` of a body.
fn n(body: &Option<bytes::Bytes>) -> Option<i64> {
    let fields = body::decode(body.as_ref()?).expect("a body that the database made");
    match fields["n"] {
        Value::Integer(n) => Some(n),
        _ => None,
    }
}

fn denied() -> Status {
    Status::new(Code::PermissionDenied, "no")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_sees_each_write_and_both_sides_of_the_commit() {
    let database = database();
    database.commit(vec![set("c/a", 1), set("c/other", 7)], None).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let guard = decides(move |commit| {
        for write in commit.writes {
            noted.lock().unwrap().push((write.path.to_string(), n(&write.before), n(&write.after)));
        }
        let both = |name: &str| -> Result<_, Status> {
            Ok((n(&commit.before(&path(name))?), n(&commit.after(&path(name))?)))
        };
        assert_eq!(both("c/a")?, (Some(1), None));
        assert_eq!(both("c/b")?, (None, Some(5)));
        assert_eq!(both("c/other")?, (Some(7), Some(7)));
        Ok(())
    });
    let writes = vec![set("c/a", 2), delete("c/a"), set("c/b", 4), set("c/b", 5)];
    database.commit_guarded(writes, None, guard).await.unwrap();
    let expected = [
        ("c/a", Some(1), Some(2)),
        ("c/a", Some(2), None),
        ("c/b", None, Some(4)),
        ("c/b", Some(4), Some(5)),
    ];
    assert_eq!(*seen.lock().unwrap(), expected.map(|(path, old, new)| (path.to_owned(), old, new)));
}

/// Of commits that wait together each is decided on what those before it leave, so that they cannot race.
#[tokio::test(flavor = "multi_thread")]
async fn commits_of_one_round_are_decided_one_after_the_other() {
    let database = database();
    let (entered, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let holds = decides(move |_| {
        entered.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        Ok(())
    });
    let first = database.clone();
    let first = tokio::spawn(async move { first.commit_guarded(vec![set("c/x", 0)], None, holds).await });
    tokio::task::spawn_blocking(move || is_held.recv().unwrap()).await.unwrap();
    let if_free = || {
        decides(|commit| if n(&commit.before(&path("c/one"))?).is_none() { Ok(()) } else { Err(denied()) })
    };
    let mut waiting = Vec::new();
    for k in 1..=5 {
        let mut commit = Box::pin(database.commit_guarded(vec![set("c/one", k)], None, if_free()));
        // Polled once, it waits in the queue.
        assert!(futures_poll(&mut commit).await.is_none());
        waiting.push(commit);
    }
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    let mut outcomes = Vec::new();
    for commit in waiting {
        outcomes.push(commit.await.map_err(|refusal| refusal.code).is_ok());
    }
    assert_eq!(outcomes, [true, false, false, false, false]);
    let stored = database.view().get(&path("c/one")).unwrap().unwrap();
    assert_eq!(n(&Some(stored.body)), Some(1));
}

/// The outcome if there is one yet.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_commit_tells_nothing_of_preconditions_and_changes_nothing() {
    let database = database();
    database.commit(vec![set("c/a", 1)], None).await.unwrap();
    let fresh = Write { precondition: Precondition::Exists(false), ..set("c/a", 2) };
    let missing = Write { precondition: Precondition::Exists(true), ..set("c/b", 2) };
    for (write, reason) in [(fresh, Code::AlreadyExists), (missing, Code::NotFound)] {
        let writes = vec![set("c/new", 1), write];
        let refused = database.commit_guarded(writes.clone(), None, decides(|_| Err(denied()))).await;
        assert_eq!(refused.map_err(|refusal| refusal.code).err(), Some(Code::PermissionDenied));
        let allowed = database.commit_guarded(writes, None, decides(|_| Ok(()))).await;
        assert_eq!(allowed.map_err(|refusal| refusal.code).err(), Some(reason));
    }
    assert!(database.view().get(&path("c/new")).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_panics_refuses_its_commit_alone() {
    let database = database();
    let broken = database.commit_guarded(vec![set("c/a", 1)], None, decides(|_| panic!("a fault"))).await;
    assert_eq!(broken.map_err(|refusal| refusal.code).err(), Some(Code::Internal));
    assert!(database.view().get(&path("c/a")).unwrap().is_none());
    database.commit(vec![set("c/a", 2)], None).await.unwrap();
}
