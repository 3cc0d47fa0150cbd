//! A process that commits is killed at random moments, again and again in one directory: every batch that it has
//! acknowledged is there, and no batch is there in part.
//!
//! The test starts itself as the child. `IRORI_KILLS` sets the number of kills.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Direction, Engine, KeyRange, Space};

const CHILD_DIRECTORY: &str = "IRORI_KILL_CHILD_DIRECTORY";
const CHILD_FIRST_BATCH: &str = "IRORI_KILL_CHILD_FIRST_BATCH";
const WRITERS: u64 = 4;
const DELETED_AFTER: u64 = 10;

/// Small buffers and journals, so that kills fall into flushes and merges too.
fn options() -> LocalOptions {
    LocalOptions { write_buffer_bytes: 256 << 10, max_journal_bytes: 64 << 20, ..LocalOptions::default() }
}

/// The value that batch `number` writes in each space: now and then one that needs several writes of the journal.
fn value(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(17) { 60_000 } else { 100 + number % 900 };
    number.to_be_bytes().into_iter().cycle().take(usize::try_from(length).unwrap()).collect()
}

/// A batch writes its number in every space, and deletes in every space what an earlier one wrote there.
fn batch(writer: u64, number: u64) -> Batch {
    let mut batch = Batch::new();
    for space in Space::ALL {
        batch.put(space, key(writer, number), value(number));
        if let Some(old) = number.checked_sub(DELETED_AFTER) {
            batch.delete(space, key(writer, old));
        }
    }
    batch
}

fn key(writer: u64, number: u64) -> Vec<u8> {
    [writer.to_be_bytes(), number.to_be_bytes()].concat()
}

/// The child: commits from several threads until it is killed. Does nothing when it is run as a test.
#[test]
fn child_that_commits_until_it_is_killed() {
    let Ok(directory) = std::env::var(CHILD_DIRECTORY) else { return };
    let first: u64 = std::env::var(CHILD_FIRST_BATCH).unwrap().parse().unwrap();
    say("\nopening");
    let engine = LocalEngine::open(Path::new(&directory), options()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let engine = &engine;
            scope.spawn(move || {
                for number in first.. {
                    assert_eq!(engine.commit(batch(writer, number)).unwrap(), Committed::Done);
                    say(&format!("acknowledged {writer} {number}"));
                }
            });
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// Starts the child, kills it after `lines` lines, and returns the last batch that each writer acknowledged.
fn run_and_kill(directory: &Path, first: u64, lines: usize) -> BTreeMap<u64, u64> {
    let mut child = start(directory, first);
    let mut acknowledged = BTreeMap::new();
    let mut heard = 0;
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["acknowledged", writer, number] => {
                acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
            }
            ["opening"] => {}
            _ => continue,
        }
        heard += 1;
        // What is in the pipe by then was acknowledged before the kill and counts.
        if heard > lines && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself after {heard} lines");
    acknowledged
}

fn start(directory: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_commits_until_it_is_killed", "--nocapture"])
        .env(CHILD_DIRECTORY, directory)
        .env(CHILD_FIRST_BATCH, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The batches of each writer that are there, checked to be whole: all spaces agree.
fn whole_batches(directory: &Path) -> BTreeMap<u64, Vec<u64>> {
    let engine = LocalEngine::open(directory, options()).unwrap();
    let snapshot = engine.snapshot();
    let mut spaces = Space::ALL.map(|space| {
        let mut found = BTreeMap::<u64, Vec<u64>>::new();
        for row in snapshot.scan(space, KeyRange::all(), Direction::Forward) {
            let (key, bytes) = row.unwrap();
            let writer = u64::from_be_bytes(key[..8].try_into().unwrap());
            let number = u64::from_be_bytes(key[8..].try_into().unwrap());
            assert!(bytes == value(number), "batch {number} of {writer} has a wrong value in {space:?}");
            found.entry(writer).or_default().push(number);
        }
        found
    });
    for (space, others) in Space::ALL[1..].iter().zip(&spaces[1..]) {
        assert_eq!(*others, spaces[0], "{space:?} and {:?} differ: a batch is there in part", Space::ALL[0]);
    }
    std::mem::take(&mut spaces[0])
}

/// What must be there, from what was acknowledged.
#[derive(Default)]
struct Model {
    /// Every batch of each writer that is durable.
    committed: BTreeMap<u64, BTreeSet<u64>>,
    next: u64,
    acknowledged: u64,
}

impl Model {
    /// Adds what a run that began at `self.next` acknowledged, and compares with what is there after it.
    fn check(&mut self, acknowledged: &BTreeMap<u64, u64>, found: &BTreeMap<u64, Vec<u64>>) {
        let first = self.next;
        for writer in 0..WRITERS {
            // The first batch of the run that may be missing, because nothing was said of it.
            let open = acknowledged.get(&writer).map_or(first, |last| last + 1);
            self.acknowledged += open - first;
            let found = found.get(&writer).map_or(&[][..], Vec::as_slice);
            let committed = self.committed.entry(writer).or_default();
            committed.extend(first..open);
            // There may be none at all: the first run can be killed before anything was written.
            if let Some(newest) = found.last().copied().filter(|newest| *newest >= open) {
                assert_eq!(newest, open, "writer {writer} went on before a commit returned");
                committed.insert(newest);
            }
            let right: Vec<u64> = committed
                .iter()
                .copied()
                .filter(|number| !committed.contains(&(number + DELETED_AFTER)))
                .collect();
            assert_eq!(found, right, "the batches of writer {writer}");
            self.next = self.next.max(open + 1);
        }
    }
}

#[test]
fn every_acknowledged_batch_survives_a_kill_and_none_is_there_in_part() {
    let kills: u64 = std::env::var("IRORI_KILLS").map_or(20, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut random = u64::from(std::process::id()) << 16 | 1;
    for _ in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // A quarter of the kills falls into the opening, the others anywhere in some hundreds of commits.
        let lines = if random.is_multiple_of(4) { 0 } else { usize::try_from(random >> 8).unwrap() % 800 };
        let acknowledged = run_and_kill(directory.path(), model.next, lines);
        model.check(&acknowledged, &whole_batches(directory.path()));
    }
    println!("{kills} kills, {} batches acknowledged", model.acknowledged);
}
