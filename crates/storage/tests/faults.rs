//! The failing engine fails as a real one would.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use storage::faults::{Fault, FaultEngine};
use storage::memory::MemoryEngine;
use storage::{Batch, Committed, Engine, Space, StorageError};

fn put(engine: &impl Engine, key: &'static str) -> Result<Committed, StorageError> {
    let mut batch = Batch::new();
    batch.put(Space::Meta, key, "value");
    engine.commit(batch)
}

fn has(engine: &impl Engine, key: &str) -> bool {
    engine.snapshot().get(Space::Meta, key.as_bytes()).unwrap().is_some()
}

#[test]
fn a_refused_commit_leaves_nothing_and_the_next_one_is_done() {
    let engine = FaultEngine::new(MemoryEngine::new());
    engine.fail_next(Fault::Full);
    engine.fail_next(Fault::Io);
    assert!(matches!(put(&engine, "a"), Err(StorageError::Full { .. })));
    assert!(matches!(put(&engine, "a"), Err(StorageError::Io { .. })));
    assert!(!has(&engine, "a"));
    assert_eq!(put(&engine, "a").unwrap(), Committed::Done);
    assert!(has(&engine, "a"));
    assert_eq!(engine.committed(), 1);
}

#[test]
fn an_unknown_commit_is_unseen_stops_writes_and_may_be_there_after_reopening() {
    for applied in [false, true] {
        let engine = FaultEngine::new(MemoryEngine::new());
        assert_eq!(put(&engine, "before").unwrap(), Committed::Done);
        engine.fail_next(Fault::Unknown { applied });
        assert_eq!(put(&engine, "lost?").unwrap(), Committed::Unknown);
        assert!(matches!(put(&engine, "after"), Err(StorageError::Poisoned)));
        assert!(engine.stats().poisoned);
        assert!(has(&engine, "before") && !has(&engine, "lost?") && !has(&engine, "after"));
        engine.reopen().unwrap();
        assert_eq!(has(&engine, "lost?"), applied);
        assert_eq!(put(&engine, "after").unwrap(), Committed::Done);
    }
}

#[test]
fn a_fenced_engine_stays_fenced() {
    let engine = FaultEngine::new(MemoryEngine::new());
    engine.fail_next(Fault::Fenced);
    for _ in 0..3 {
        assert_eq!(put(&engine, "a").unwrap(), Committed::Fenced);
    }
    assert!(!has(&engine, "a"));
}

#[test]
fn a_gate_holds_commits_but_not_reads() {
    let engine = FaultEngine::new(MemoryEngine::new());
    std::thread::scope(|scope| {
        let gate = engine.hold_commits();
        let commits = ["a", "b"].map(|key| {
            scope.spawn({
                let engine = &engine;
                move || put(engine, key)
            })
        });
        gate.wait_for(2);
        assert!(!has(&engine, "a") && !has(&engine, "b"));
        gate.open();
        for commit in commits {
            assert_eq!(commit.join().unwrap().unwrap(), Committed::Done);
        }
    });
    assert!(has(&engine, "a") && has(&engine, "b"));
}
