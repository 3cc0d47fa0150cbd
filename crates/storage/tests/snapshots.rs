//! Snapshots that are held while others write, flush and merge show their one state to the end.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Direction, Engine, Expired, KeyRange, Snapshot, Space};

const COMMITS: u32 = 600;

/// Commit `number` writes its number over the last one, a row of its own, and deletes the row 100 before it.
fn batch(number: u32) -> Batch {
    let mut batch = Batch::new();
    for space in [Space::Documents, Space::Indexes, Space::Changes] {
        batch.put(space, "newest", number.to_be_bytes().to_vec());
        batch.put(space, row(number), vec![7; 400]);
        if number >= 100 {
            batch.delete(space, row(number - 100));
        }
    }
    batch.put(Space::History, row(number), vec![7; 100]);
    batch
}

fn row(number: u32) -> Vec<u8> {
    // Scattered, so that merges have something to merge.
    [b"row/".to_vec(), number.wrapping_mul(2_654_435_761).to_be_bytes().to_vec()].concat()
}

/// What all spaces of a snapshot must show if its newest commit is the one that they say.
fn check(snapshot: &dyn Snapshot) -> Option<u32> {
    let newest = snapshot.get(Space::Documents, b"newest").unwrap();
    let newest = newest.map(|bytes| u32::from_be_bytes(bytes[..].try_into().unwrap()));
    let mut right: Vec<Vec<u8>> =
        newest.map_or(Vec::new(), |newest| (newest.saturating_sub(99)..=newest).map(row).collect());
    right.sort();
    for space in [Space::Documents, Space::Indexes, Space::Changes] {
        let found = snapshot.get(space, b"newest").unwrap();
        assert_eq!(found.map(|bytes| u32::from_be_bytes(bytes[..].try_into().unwrap())), newest, "{space:?}");
        for direction in [Direction::Forward, Direction::Backward] {
            let mut keys: Vec<Vec<u8>> = snapshot
                .scan(space, KeyRange::prefix(b"row/"), direction)
                .map(|row| row.unwrap().0.to_vec())
                .collect();
            if direction == Direction::Backward {
                keys.reverse();
            }
            assert!(keys == right, "{space:?} at {newest:?}: {} rows, not {}", keys.len(), right.len());
        }
    }
    newest
}

/// History may go at any time.
struct AllHistory;

impl Expired for AllHistory {
    fn expired(&self, space: Space, _: &[u8]) -> bool {
        space == Space::History
    }
}

#[test]
fn held_snapshots_do_not_move_while_files_are_written_and_merged() {
    let directory = tempfile::tempdir().unwrap();
    let options = LocalOptions { write_buffer_bytes: 32 << 10, ..LocalOptions::default() };
    let engine = LocalEngine::open(directory.path(), options).unwrap();
    engine.set_expired(Arc::new(AllHistory));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for held_at_once in [1, 7, 40] {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                let mut held = VecDeque::new();
                while !done.load(Ordering::Relaxed) {
                    let snapshot = engine.snapshot();
                    held.push_back((check(&*snapshot), snapshot));
                    if held.len() > held_at_once {
                        let (newest, snapshot) = held.pop_front().unwrap();
                        assert_eq!(check(&*snapshot), newest);
                    }
                }
                held.iter().for_each(|(newest, snapshot)| assert_eq!(check(&**snapshot), *newest));
            });
        }
        for number in 0..COMMITS {
            assert_eq!(engine.commit(batch(number)).unwrap(), Committed::Done);
            if number.is_multiple_of(250) {
                engine.reclaim(&Space::ALL).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(check(&*engine.snapshot()), Some(COMMITS - 1));
}
