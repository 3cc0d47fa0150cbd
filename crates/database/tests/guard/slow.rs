//! A guard that takes long holds up others no more than one at a time, whoever asks it, and however often.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use database::{Concurrency, Database, Guard, ReadAt, TransactionMode};
use host::{Clock, Host, ManualClock};
use model::write::CommitResult;
use model::{Code, Status};
use storage::memory::MemoryEngine;
use storage::{
    Batch, Committed, Direction, Engine, EngineStats, Expired, KeyRange, Reclaimed, Scan, Snapshot, Space,
    StorageError,
};
use tokio::task::JoinSet;

use super::{database_in_memory, database_on, decides, decides_for, denied, futures_poll, path, set};

const LONG: Duration = Duration::from_millis(50);

/// A guard that takes so long, by the database's own clock, and counts how often it is asked.
fn takes(
    clock: &Arc<ManualClock>,
    long: Duration,
    outcome: Result<(), Status>,
    asked: &Arc<AtomicUsize>,
) -> Option<Arc<dyn Guard>> {
    let (clock, asked) = (clock.clone(), asked.clone());
    decides(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        clock.advance(long);
        outcome.clone()
    })
}

/// From now on commits are rehearsed.
async fn lose_trust(database: &Database, clock: &Arc<ManualClock>) {
    let slow = takes(clock, LONG, Ok(()), &Arc::default());
    database.commit_guarded(vec![set("c/a", 0)], None, slow).await.expect("the guard allows it");
}

/// An engine of which every look at a row takes long.
struct SlowRows(MemoryEngine, Arc<ManualClock>);

struct SlowSnapshot(Arc<dyn Snapshot>, Arc<ManualClock>);

impl Snapshot for SlowSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.1.advance(LONG);
        self.0.get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Scan {
        self.0.scan(space, range, direction)
    }
}

impl Engine for SlowRows {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(SlowSnapshot(self.0.snapshot(), self.1.clone()))
    }

    fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
        self.0.commit(batch)
    }

    fn set_expired(&self, filter: Arc<dyn Expired>) {
        self.0.set_expired(filter);
    }

    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        self.0.reclaim(spaces)
    }

    fn stats(&self) -> EngineStats {
        self.0.stats()
    }
}

#[tokio::test]
async fn a_large_commit_about_which_is_quickly_decided_is_not_slow() {
    let clock = Arc::new(ManualClock::at(1_000));
    let engine = Arc::new(SlowRows(MemoryEngine::new(), clock.clone()));
    let database = database_on(engine, Host::simulated(clock.clone(), 1));
    for _ in 0..2 {
        let asked = Arc::default();
        let guard = takes(&clock, Duration::ZERO, Ok(()), &asked);
        let begun = clock.elapsed();
        database.commit_guarded(vec![set("c/a", 1), set("c/b", 1)], None, guard).await.unwrap();
        assert!(clock.elapsed() - begun >= LONG);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn after_slow_decisions_others_are_rehearsed_and_what_is_refused_then_has_no_turn() {
    let clock = Arc::new(ManualClock::at(1_000));
    let database = database_in_memory(Host::simulated(clock.clone(), 1));
    let times_asked = async |long: u64, outcome: Result<(), Status>| {
        let asked = Arc::default();
        let guard = takes(&clock, Duration::from_millis(long), outcome.clone(), &asked);
        let committed = database.commit_guarded(vec![set("c/a", 1)], None, guard).await;
        assert_eq!(committed.map(drop), outcome);
        asked.load(Ordering::Relaxed)
    };
    assert_eq!(times_asked(10, Ok(())).await, 1, "it may take that at once");
    assert_eq!(times_asked(0, Ok(())).await, 1);
    assert_eq!(times_asked(11, Ok(())).await, 1, "nobody knew that it would be slow");
    assert_eq!(times_asked(0, Ok(())).await, 2, "rehearsed, and then its turn");
    assert_eq!(times_asked(50, Ok(())).await, 2);
    assert_eq!(times_asked(50, Err(denied())).await, 1, "refused by the rehearsal");
    clock.advance(Duration::from_secs(1));
    assert_eq!(times_asked(0, Ok(())).await, 1, "in time they are trusted again");
    for _ in 0..10 {
        assert_eq!(times_asked(2, Ok(())).await, 1, "as many as come of those that are quick");
    }
    let mut asked = Vec::new();
    while asked.len() < 10 && !asked.contains(&2) {
        asked.push(times_asked(3, Ok(())).await);
    }
    assert_eq!(
        asked,
        [1, 1, 1, 1, 1, 2],
        "many that are a little slow take as long as one that is very slow"
    );
}

/// However many commit what takes long to decide, who does not waits for one of them.
#[tokio::test(flavor = "multi_thread")]
async fn of_slow_commits_one_at_a_time_waits_for_its_turn() {
    const SLOW: usize = 8;
    let clock = Arc::new(ManualClock::at(1_000));
    let database = database_in_memory(Host::real().with_clock(clock.clone()));
    lose_trust(&database, &clock).await;

    let (rehearsed, has_rehearsed) = mpsc::channel();
    let (entered, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(Some(released)));
    let mut commits = JoinSet::new();
    for k in 0..SLOW {
        let (clock, released) = (clock.clone(), released.clone());
        let (rehearsed, entered) = (rehearsed.clone(), entered.clone());
        let is_rehearsed = AtomicBool::new(false);
        let guard = decides(move |_| {
            clock.advance(LONG);
            if !is_rehearsed.swap(true, Ordering::Relaxed) {
                rehearsed.send(()).unwrap();
            } else if let Some(released) = released.lock().unwrap().take() {
                entered.send(()).unwrap();
                released.recv().unwrap();
            }
            Ok(())
        });
        let (database, name) = (database.clone(), format!("c/{k}"));
        commits.spawn(async move {
            let written = vec![set(&name, 1)];
            database.commit_guarded(written, None, guard).await.unwrap().commit_time
        });
    }
    let all = move || {
        is_held.recv().unwrap();
        (0..SLOW).for_each(|_| has_rehearsed.recv().unwrap());
    };
    tokio::task::spawn_blocking(all).await.unwrap();
    let mut quick = Box::pin(database.commit(vec![set("c/quick", 1)], None));
    assert!(futures_poll(&mut quick).await.is_none(), "it waits for the one whose turn it is");
    release.send(()).unwrap();
    let quick = quick.await.unwrap().commit_time;
    let mut slow = commits.join_all().await;
    slow.sort();
    assert!(slow[0] < quick && quick < slow[1], "{quick:?} after the first of {slow:?}");
}

/// Whoever has as many commits waiting as he may, who else commits has a turn, and nobody else is told that there are
/// too many.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_slow_commits_takes_no_place_of_other_callers() {
    for (flooder, places) in [(None, 500), (Some("mallory"), 16)] {
        const TOO_MANY: usize = 100;
        let clock = Arc::new(ManualClock::at(1_000));
        let database = database_in_memory(Host::real().with_clock(clock.clone()));
        lose_trust(&database, &clock).await;
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        // It ends when nobody holds the other side any more.
        let slow = decides_for(flooder, move |_| {
            let _released = released.lock().unwrap().recv();
            Ok(())
        });
        let mut flood = JoinSet::<Result<CommitResult, Status>>::new();
        for k in 0..places + TOO_MANY {
            let (database, slow) = (database.clone(), slow.clone());
            let written = vec![set(&format!("c/{k}"), 1)];
            flood.spawn(async move { database.commit_guarded(written, None, slow).await });
        }
        for _ in 0..TOO_MANY {
            let refused = flood.join_next().await.unwrap().unwrap().unwrap_err();
            assert_eq!(refused.code, Code::ResourceExhausted, "{flooder:?}");
        }
        for bystander in [Some("ada"), Some("bob"), None].into_iter().filter(|who| *who != flooder) {
            let quick = decides_for(bystander, |_| Ok(()));
            database.commit_guarded(vec![set("c/quick", 1)], None, quick).await.unwrap();
        }
        drop(release);
        while let Some(committed) = flood.join_next().await {
            committed.unwrap().unwrap();
        }
    }
}

/// A guard that is quick when it is first asked, and slow from then on; it counts how often it was slow.
fn becomes_slow(clock: &Arc<ManualClock>, slow: &Arc<AtomicUsize>) -> Option<Arc<dyn Guard>> {
    let (clock, slow, was_asked) = (clock.clone(), slow.clone(), AtomicBool::new(false));
    decides(move |_| {
        if was_asked.swap(true, Ordering::Relaxed) {
            slow.fetch_add(1, Ordering::Relaxed);
            clock.advance(LONG);
        }
        Ok(())
    })
}

#[tokio::test]
async fn of_commits_that_became_slow_after_their_rehearsal_one_is_decided_and_the_others_rehearsed_again() {
    const COMMITS: usize = 8;
    let clock = Arc::new(ManualClock::at(1_000));
    let database = database_in_memory(Host::simulated(clock.clone(), 1));
    lose_trust(&database, &clock).await;
    let slow = Arc::default();
    let all: Vec<_> = (0..COMMITS)
        .map(|k| {
            let (database, guard) = (database.clone(), becomes_slow(&clock, &slow));
            Box::pin(
                async move { database.commit_guarded(vec![set(&format!("c/{k}"), 1)], None, guard).await },
            )
        })
        .collect();
    let all = Arc::new(Mutex::new(all));
    let (queued, times) = (all.clone(), AtomicUsize::new(0));
    // While it has its turn all others are rehearsed and put into the queue, so that the next round is theirs.
    let first = decides(move |_| {
        if times.fetch_add(1, Ordering::Relaxed) == 1 {
            let mut context = Context::from_waker(Waker::noop());
            for commit in queued.lock().unwrap().iter_mut() {
                assert!(matches!(commit.as_mut().poll(&mut context), Poll::Pending));
            }
        }
        Ok(())
    });
    database.commit_guarded(vec![set("c/first", 1)], None, first).await.unwrap();
    assert_eq!(slow.load(Ordering::Relaxed), 1, "in one round");
    let all = std::mem::take(&mut *all.lock().unwrap());
    for commit in all {
        commit.await.unwrap();
    }
    let again = 2 * (COMMITS - 1);
    assert_eq!(
        slow.load(Ordering::Relaxed),
        1 + again,
        "the others are slow in another rehearsal and at their turn"
    );
}

#[tokio::test]
async fn a_slow_commit_that_waits_for_locks_leaves_the_turn_to_others_and_asks_for_it_again() {
    let clock = Arc::new(ManualClock::at(1_000));
    let database = database_in_memory(Host::simulated(clock.clone(), 1));
    lose_trust(&database, &clock).await;
    let mode = TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Pessimistic };
    let server = database.begin(&mode).unwrap();
    let at = ReadAt::Transaction(server.clone());
    database.read(&at, |view| view.get(&path("c/locked"))).await.unwrap();

    let (asked, others) = (Arc::default(), Arc::default());
    let slow = takes(&clock, LONG, Ok(()), &asked);
    let mut parked = Box::pin(database.commit_guarded(vec![set("c/locked", 1)], None, slow));
    assert!(futures_poll(&mut parked).await.is_none(), "a transaction has read it");
    assert_eq!(asked.load(Ordering::Relaxed), 2, "rehearsed, and decided at its turn");
    let other = takes(&clock, LONG, Ok(()), &others);
    let mut other = Box::pin(database.commit_guarded(vec![set("c/other", 1)], None, other));
    let done = futures_poll(&mut other).await.expect("nothing holds it up");
    done.unwrap();
    database.rollback(&server).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "it is not decided at once: others may be as slow");
    parked.await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}
