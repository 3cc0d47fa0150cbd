//! Damage to any file is reported or harmless: no wrong row, no missing row, no panic, in many seeded trials.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Direction, Engine, KeyRange, Space, StorageError};

/// Small buffers, so that a little data makes sorted files as well as a journal.
fn options() -> LocalOptions {
    LocalOptions { cache_bytes: 1 << 20, write_buffer_bytes: 64 << 10, ..LocalOptions::default() }
}

fn rows() -> Rows {
    let mut rows = BTreeMap::new();
    for number in 0..1_500u32 {
        let space = Space::ALL[number as usize % 5];
        let key = format!("row/{:08x}", number.wrapping_mul(2_654_435_761)).into_bytes();
        // No value has a run of zeros that could be taken for a sector that was never written.
        let value: Vec<u8> = (0..200u32).map(|at| 1 + ((number * 31 + at * at) % 255) as u8).collect();
        rows.insert((space, key), value);
    }
    rows
}

type Rows = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

fn commit<'a>(engine: &LocalEngine, rows: impl Iterator<Item = (&'a (Space, Vec<u8>), &'a Vec<u8>)>) {
    let mut batch = Batch::new();
    for ((space, key), value) in rows {
        batch.put(*space, key.clone(), value.clone());
    }
    assert_eq!(engine.commit(batch).unwrap(), Committed::Done);
}

/// A closed directory with rows in sorted files and rows only in the journal.
fn build(path: &Path) {
    let engine = LocalEngine::open(path, options()).unwrap();
    let all = rows();
    let all: Vec<_> = all.iter().collect();
    let (settled, fresh) = all.split_at(all.len() * 2 / 3);
    settled.chunks(20).for_each(|rows| commit(&engine, rows.iter().copied()));
    engine.reclaim(&Space::ALL).unwrap();
    fresh.chunks(7).for_each(|rows| commit(&engine, rows.iter().copied()));
}

/// Opens the directory and reads all of it in each way there is.
fn read_all(path: &Path) -> Result<(), StorageError> {
    let engine = LocalEngine::open(path, options())?;
    let snapshot = engine.snapshot();
    let expected = rows();
    for ((space, key), value) in &expected {
        let found = snapshot.get(*space, key)?;
        assert_eq!(found.as_deref(), Some(value.as_slice()), "a wrong row was read in {space:?}");
    }
    for space in Space::ALL {
        for direction in [Direction::Forward, Direction::Backward] {
            let found: Vec<_> =
                snapshot.scan(space, KeyRange::all(), direction).collect::<Result<_, StorageError>>()?;
            let mut right: Vec<_> = expected
                .iter()
                .filter(|((of, _), _)| *of == space)
                .map(|((_, key), value)| (key.clone().into(), value.clone().into()))
                .collect();
            if direction == Direction::Backward {
                right.reverse();
            }
            assert!(found == right, "a wrong scan of {space:?}");
        }
    }
    Ok(())
}

/// The files of a directory with their bytes, sorted by name, without the reserve of the journal.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        if file.extension().is_some_and(|extension| extension == "jnl") {
            let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(written);
        }
        fs::write(target, bytes).unwrap();
    }
    // Folders without files are part of it.
    for space in 1..=5 {
        fs::create_dir_all(to.join(format!("engine/keyspaces/{space}/tables"))).unwrap();
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit
    }
}

/// Damages a copy and checks that it is noticed, or that all rows are right.
fn trial(original: &Path, what: &str, damage: impl FnOnce(&Path)) -> Option<StorageError> {
    let directory = tempfile::tempdir().unwrap();
    copy(original, directory.path());
    damage(directory.path());
    let outcome = std::panic::catch_unwind(|| read_all(directory.path()));
    let outcome = outcome.unwrap_or_else(|_| panic!("{what}: see above"));
    if let Err(error) = &outcome {
        let reported = matches!(error, StorageError::Corrupt { .. } | StorageError::Format { .. });
        assert!(reported, "{what}: {error:?}");
    }
    outcome.err()
}

fn original() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    build(directory.path());
    read_all(directory.path()).unwrap();
    let names: Vec<_> = files(directory.path())
        .into_iter()
        .map(|path| path.strip_prefix(directory.path()).unwrap().display().to_string())
        .collect();
    assert!(names.iter().filter(|name| name.contains("/tables/")).count() >= 5, "{names:?}");
    directory
}

#[test]
fn a_bad_byte_anywhere_is_reported_or_harmless() {
    let original = original();
    let trials: usize = std::env::var("IRORI_DAMAGES").map_or(120, |text| text.parse().unwrap());
    let mut random = Random(0x1407_5eed);
    let mut noticed = BTreeMap::<String, (usize, usize)>::new();
    let names = files(original.path());
    for number in 0..trials {
        let file = &names[number % names.len()];
        let length = usize::try_from(fs::metadata(file).unwrap().len()).unwrap();
        let is_journal = file.extension().is_some_and(|extension| extension == "jnl");
        let written = if is_journal {
            let bytes = fs::read(file).unwrap();
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
        } else {
            length
        };
        if written == 0 {
            continue;
        }
        let at = random.below(written);
        let flip = 0x80 | u8::try_from(random.below(128)).unwrap();
        let name = file.strip_prefix(original.path()).unwrap();
        let what = format!("byte {at} of {written} in {} ^ {flip:#x}", name.display());
        let error = trial(original.path(), &what, |copy| {
            let mut bytes = fs::read(copy.join(name)).unwrap();
            bytes[at] ^= flip;
            fs::write(copy.join(name), bytes).unwrap();
        });
        let kind =
            name.parent().unwrap().file_name().map_or("data".into(), |n| n.to_string_lossy().into_owned());
        let counts =
            noticed.entry(format!("{kind}/{}", name.extension().map_or("", |_| "*.jnl"))).or_default();
        counts.0 += 1;
        counts.1 += usize::from(error.is_some());
    }
    println!("(trials, noticed) by kind of file: {noticed:?}");
}

#[test]
fn a_file_cut_short_is_reported_or_harmless() {
    let original = original();
    let mut random = Random(0x0c07);
    for file in files(original.path()) {
        let name = file.strip_prefix(original.path()).unwrap();
        for keep in [0, 1 + random.below(99)] {
            let what = format!("{} cut to {keep} %", name.display());
            trial(original.path(), &what, |copy| {
                let bytes = fs::read(copy.join(name)).unwrap();
                fs::write(copy.join(name), &bytes[..bytes.len() * keep / 100]).unwrap();
            });
        }
    }
}

#[test]
fn a_missing_file_is_reported_or_harmless() {
    let original = original();
    for file in files(original.path()) {
        let name = file.strip_prefix(original.path()).unwrap();
        let error = trial(original.path(), &format!("{} removed", name.display()), |copy| {
            fs::remove_file(copy.join(name)).unwrap();
        });
        let must_be_noticed = ["FORMAT", "current", "version", "jnl", "/tables/"];
        if must_be_noticed.iter().any(|part| name.to_string_lossy().contains(part)) {
            assert!(error.is_some(), "{}", name.display());
        }
    }
}

#[test]
fn a_shortened_journal_is_noticed_after_a_clean_close() {
    let original = original();
    let journal =
        files(original.path()).into_iter().find(|path| path.extension().is_some_and(|e| e == "jnl"));
    let journal = journal.unwrap();
    let name = journal.strip_prefix(original.path()).unwrap().to_path_buf();
    for lost in [1, 13, 300, 3_000] {
        let error = trial(original.path(), "a shortened journal", |copy| {
            let bytes = fs::read(copy.join(&name)).unwrap();
            fs::write(copy.join(&name), &bytes[..bytes.len() - lost]).unwrap();
        });
        assert!(matches!(error, Some(StorageError::Corrupt { .. })), "{lost} bytes lost: {error:?}");
    }
}

#[test]
fn after_a_crash_only_the_batch_that_was_cut_short_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let copied = tempfile::tempdir().unwrap();
    {
        let engine = LocalEngine::open(directory.path(), options()).unwrap();
        for number in 0..10u8 {
            let mut batch = Batch::new();
            Space::ALL.into_iter().for_each(|space| batch.put(space, vec![number], vec![number; 900]));
            assert_eq!(engine.commit(batch).unwrap(), Committed::Done);
        }
        // As a crash leaves it: nothing is closed.
        copy(directory.path(), copied.path());
    }
    let journal = copied.path().join("engine/0.jnl");
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, &whole[..whole.len() - 100]).unwrap();
    for _ in 0..2 {
        let engine = LocalEngine::open(copied.path(), options()).unwrap();
        for space in Space::ALL {
            let keys: Vec<u8> = engine
                .snapshot()
                .scan(space, KeyRange::all(), Direction::Forward)
                .map(|row| row.unwrap().0[0])
                .collect();
            assert_eq!(keys, (0..9).collect::<Vec<u8>>());
        }
    }
}
