//! A disk that refuses to write: writes stop with a clear answer, reads go on, nothing acknowledged is lost.
//!
//! A real full disk needs a small file system, which needs the right to mount one; where that is missing the tests
//! that need it say so and pass. The test with a limit on the length of files needs no rights.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Engine, Space, StorageError};

const MIB: usize = 1 << 20;

/// A small file system in memory, unmounted when dropped.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(mebibytes: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "irori-test"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("NOT TESTED: mounting a small file system is not permitted here");
            return None;
        }
        Some(SmallDisk { directory })
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    fn grow(&self, mebibytes: usize) {
        let options = format!("remount,size={mebibytes}m");
        assert!(
            Command::new("mount")
                .args(["-o", &options])
                .arg(self.directory.path())
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: an engine in a test that failed may still have files open.
        Command::new("umount").arg("-l").arg(self.directory.path()).status().unwrap();
    }
}

/// Half a mebibyte.
fn value(number: u32) -> Vec<u8> {
    (number + 1).to_le_bytes().repeat(MIB / 8)
}

fn commit(engine: &LocalEngine, number: u32) -> Result<Committed, StorageError> {
    let mut batch = Batch::new();
    batch.put(Space::Documents, number.to_be_bytes().to_vec(), value(number));
    batch.put(Space::Changes, number.to_be_bytes().to_vec(), "changed");
    engine.commit(batch)
}

/// Commits until one is not done; returns how many were, and how that one ended.
fn fill(engine: &LocalEngine, first: u32) -> (u32, Result<Committed, StorageError>) {
    (first..1_000)
        .map(|number| (number, commit(engine, number)))
        .find(|(_, outcome)| !matches!(outcome, Ok(Committed::Done)))
        .expect("the disk is smaller than this")
}

/// Checks that the batches below `count` are there and whole, and says how many there are in all.
fn check(engine: &LocalEngine, count: u32) -> u32 {
    let snapshot = engine.snapshot();
    let mut found = 0;
    loop {
        let document = snapshot.get(Space::Documents, &u32::to_be_bytes(found)).unwrap();
        let change = snapshot.get(Space::Changes, &u32::to_be_bytes(found)).unwrap();
        assert_eq!(document.is_some(), change.is_some(), "batch {found} is there in part");
        let Some(document) = document else { break };
        assert!(document == value(found), "batch {found} has a wrong value");
        found += 1;
    }
    assert!(found >= count, "{count} batches were acknowledged, {found} are there");
    found
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let Some(disk) = SmallDisk::mount(128) else { return };
    let options =
        LocalOptions { write_buffer_bytes: 4 << 20, reserve_bytes: 48 << 20, ..LocalOptions::default() };
    let ballast = disk.directory.path().join("ballast");
    fs::write(&ballast, vec![1; 32 * MIB]).unwrap();
    let engine = LocalEngine::open(&disk.data(), options.clone()).unwrap();

    let (count, outcome) = fill(&engine, 0);
    assert!(matches!(outcome, Err(StorageError::Full { .. })), "{outcome:?}");
    assert!(count > 10);
    assert!(matches!(commit(&engine, count), Err(StorageError::Full { .. })));
    assert_eq!(check(&engine, count), count);
    assert!(!engine.stats().poisoned);

    fs::remove_file(&ballast).unwrap();
    assert_eq!(commit(&engine, count).unwrap(), Committed::Done);
    drop(engine);
    let engine = LocalEngine::open(&disk.data(), options).unwrap();
    assert_eq!(check(&engine, count + 1), count + 1);
}

#[test]
fn a_disk_that_fills_up_unforeseen_stops_writes_but_not_reads() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    // Without a reserve nothing is refused in time: this is what another program does that fills the disk.
    let options = LocalOptions { write_buffer_bytes: 4 << 20, reserve_bytes: 0, ..LocalOptions::default() };
    let engine = LocalEngine::open(&disk.data(), options.clone()).unwrap();
    let ballast = disk.directory.path().join("ballast");
    let mut count = 0;
    while count < 20 {
        assert_eq!(commit(&engine, count).unwrap(), Committed::Done);
        count += 1;
    }
    // Fails when the disk is full, which is the point.
    fs::write(&ballast, vec![1; 64 * MIB]).unwrap_err();

    let (count, outcome) = fill(&engine, count);
    let stopped =
        matches!(outcome, Ok(Committed::Unknown) | Err(StorageError::Poisoned | StorageError::Full { .. }));
    assert!(stopped, "{outcome:?}");
    assert_eq!(check(&engine, count), count, "what was not acknowledged must not be seen");
    drop(engine);

    fs::remove_file(&ballast).unwrap();
    disk.grow(256);
    let engine = LocalEngine::open(&disk.data(), options).unwrap();
    let found = check(&engine, count);
    assert!(found <= count + 1);
    assert_eq!(commit(&engine, found).unwrap(), Committed::Done);
}

const CHILD_DIRECTORY: &str = "IRORI_FULL_DISK_CHILD_DIRECTORY";

/// A buffer so large that the journal reaches the limit before anything is flushed.
fn unflushed() -> LocalOptions {
    LocalOptions { write_buffer_bytes: 512 << 20, ..LocalOptions::default() }
}

/// The child: commits until the limit on its files stops a write. Does nothing when it is run as a test.
#[test]
fn child_that_commits_until_a_write_fails() {
    let Ok(directory) = std::env::var(CHILD_DIRECTORY) else { return };
    let engine = LocalEngine::open(Path::new(&directory), unflushed()).unwrap();
    let (count, outcome) = fill(&engine, 0);
    assert!(matches!(outcome, Ok(Committed::Unknown)), "{outcome:?}");
    for _ in 0..3 {
        assert!(matches!(commit(&engine, count), Err(StorageError::Poisoned)));
    }
    assert!(engine.stats().poisoned);
    assert_eq!(check(&engine, count), count, "what was not acknowledged must not be seen");
    println!("\nstopped after {count}");
}

#[test]
fn a_write_that_fails_half_way_is_unknown_and_stops_writes() {
    let directory = tempfile::tempdir().unwrap();
    // 70 MiB in the shell's blocks of 512 bytes: more than the 64 MiB that fjall reserves for a journal. The signal
    // is ignored so that the write fails instead.
    let script = "trap '' XFSZ; ulimit -f 143360; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_commits_until_a_write_fails", "--nocapture"])
        .env(CHILD_DIRECTORY, directory.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let count = text.lines().find_map(|line| line.strip_prefix("stopped after ")).unwrap().parse().unwrap();
    let engine = LocalEngine::open(directory.path(), unflushed()).unwrap();
    let found = check(&engine, count);
    assert!(found <= count + 1);
    assert_eq!(commit(&engine, found).unwrap(), Committed::Done);
}
