//! What a data directory is, who may open it, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Direction, Engine, KeyRange, Space, StorageError};

fn open(path: &Path) -> Result<LocalEngine, StorageError> {
    LocalEngine::open(path, LocalOptions::default())
}

fn put(engine: &LocalEngine, key: &'static str) {
    let mut batch = Batch::new();
    batch.put(Space::Documents, key, "value");
    assert_eq!(engine.commit(batch).unwrap(), Committed::Done);
}

fn keys(engine: &LocalEngine) -> Vec<String> {
    let rows = engine.snapshot().scan(Space::Documents, KeyRange::all(), Direction::Forward);
    rows.map(|row| String::from_utf8(row.unwrap().0.to_vec()).unwrap()).collect()
}

#[test]
fn rows_are_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/the/way");
    for (round, key) in ["a", "b", "c"].into_iter().enumerate() {
        let engine = open(&path).unwrap();
        assert_eq!(keys(&engine).len(), round);
        put(&engine, key);
    }
    assert_eq!(keys(&open(&path).unwrap()), ["a", "b", "c"]);
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), "irori data 1\n");
}

#[test]
fn settled_rows_are_read_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).unwrap();
    put(&engine, "a");
    assert!(engine.stats().write_buffer_bytes > 0);
    assert!(engine.settle(std::time::Duration::from_secs(60)).unwrap());
    assert_eq!(engine.stats().write_buffer_bytes, 0);
    assert_eq!(engine.stats().rows[Space::Documents.index()], 1);
    drop(engine);
    assert_eq!(keys(&open(directory.path()).unwrap()), ["a"]);
}

#[test]
fn a_second_engine_is_refused_until_the_first_and_its_snapshots_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).unwrap();
    put(&engine, "a");
    let snapshot = engine.snapshot();
    let refused = open(directory.path()).err().unwrap();
    assert!(matches!(&refused, StorageError::Locked { path } if path == directory.path()));
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    drop(engine);
    assert!(snapshot.get(Space::Documents, b"a").unwrap().is_some());
    assert!(matches!(open(directory.path()), Err(StorageError::Locked { .. })));
    drop(snapshot);
    assert_eq!(keys(&open(directory.path()).unwrap()), ["a"]);
}

#[test]
fn foreign_and_newer_directories_are_refused_and_left_alone() {
    let cases = [
        ("notes.txt", "mine", "no FORMAT file"),
        ("engine", "", "no FORMAT file"),
        ("FORMAT", "irori data 2\n", "use the newer program"),
        ("FORMAT", "irori data 0\n", "never released"),
        ("FORMAT", "rocksdb 8\n", "not one of this program"),
        ("FORMAT", "", "not one of this program"),
    ];
    for (name, text, reason) in cases {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(name), text).unwrap();
        let error = open(directory.path()).err().unwrap();
        assert!(matches!(error, StorageError::Format { .. }), "{name} {text:?}: {error:?}");
        assert!(error.to_string().contains(reason), "{name} {text:?}: {error}");
        assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), text);
    }
}

#[test]
fn a_creation_that_was_cut_short_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("engine/keyspaces/3")).unwrap();
    fs::create_dir_all(directory.path().join("lost+found")).unwrap();
    // Made, but not marked as complete: as a kill during creation leaves it.
    fs::write(directory.path().join("engine/0.jnl"), "").unwrap();
    fs::write(directory.path().join("FORMAT"), "irori data 1 creating\n").unwrap();
    put(&open(directory.path()).unwrap(), "a");
    assert_eq!(keys(&open(directory.path()).unwrap()), ["a"]);
}

#[test]
fn a_path_that_cannot_be_a_directory_is_an_io_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let error = open(&path).err().unwrap();
    assert!(matches!(error, StorageError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn commits_of_many_threads_are_all_there_and_seen_when_they_return() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16u8 {
            let engine = &engine;
            scope.spawn(move || {
                for number in 0..25u8 {
                    let mut batch = Batch::new();
                    Space::ALL.into_iter().for_each(|space| batch.put(space, vec![thread, number], "value"));
                    assert_eq!(engine.commit(batch).unwrap(), Committed::Done);
                    let snapshot = engine.snapshot();
                    for space in Space::ALL {
                        assert!(snapshot.get(space, &[thread, number]).unwrap().is_some());
                    }
                }
            });
        }
    });
    drop(engine);
    let engine = open(directory.path()).unwrap();
    for space in Space::ALL {
        assert_eq!(engine.snapshot().scan(space, KeyRange::all(), Direction::Forward).count(), 16 * 25);
    }
}
