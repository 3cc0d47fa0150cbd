//! One script, two engines, one output: what the trait promises does not depend on the engine.
//!
//! The recorded output is that of the memory engine; the local engine must print the same, byte for byte.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use goldenscript::{Argument, Command, Context, Runner, generate};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use storage::local::{LocalEngine, LocalOptions};
use storage::memory::MemoryEngine;
use storage::{Batch, Committed, Direction, Engine, Expired, KeyRange, Snapshot, Space};
use tempfile::TempDir;

/// Runs the commands of a script on one engine.
struct Script {
    engine: Box<dyn Engine>,
    snapshots: BTreeMap<String, Arc<dyn Snapshot>>,
    batch: Option<Batch>,
    _directory: Option<TempDir>,
}

impl Script {
    fn memory() -> Self {
        Script {
            engine: Box::new(MemoryEngine::new()),
            snapshots: BTreeMap::new(),
            batch: None,
            _directory: None,
        }
    }

    fn local() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = LocalEngine::open(directory.path(), LocalOptions::default()).unwrap();
        Script {
            engine: Box::new(engine),
            snapshots: BTreeMap::new(),
            batch: None,
            _directory: Some(directory),
        }
    }

    /// Adds to the open batch, or commits alone.
    fn write(&mut self, write: impl FnOnce(&mut Batch)) -> Result<String, Box<dyn Error>> {
        if let Some(batch) = &mut self.batch {
            write(batch);
            return Ok(String::new());
        }
        let mut batch = Batch::new();
        write(&mut batch);
        self.commit(batch)
    }

    fn commit(&mut self, batch: Batch) -> Result<String, Box<dyn Error>> {
        match self.engine.commit(batch)? {
            Committed::Done => Ok(String::new()),
            other => Ok(format!("{other:?}")),
        }
    }

    fn snapshot(&self, at: Option<&str>) -> Result<Arc<dyn Snapshot>, Box<dyn Error>> {
        match at {
            None => Ok(self.engine.snapshot()),
            Some(name) => Ok(self.snapshots.get(name).ok_or("no such snapshot")?.clone()),
        }
    }
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let at = args.take_key("at").map(str::to_owned);
        let prefix = args.take_key("prefix").map(unescape);
        let limit = args.take_key("limit").map_or(Ok(usize::MAX), str::parse)?;
        let mut words = args.by_ref().map(word).collect::<Vec<_>>().into_iter();
        match command.name.as_str() {
            "put" => {
                let space = space(words.next())?;
                self.write(|batch| {
                    for word in words {
                        let (key, value) = word.split_once('=').unwrap();
                        batch.put(space, unescape(key), unescape(value));
                    }
                })
            }
            "delete" => {
                let space = space(words.next())?;
                self.write(|batch| words.for_each(|key| batch.delete(space, unescape(&key))))
            }
            "begin" => {
                self.batch = Some(Batch::new());
                Ok(String::new())
            }
            "commit" => {
                let batch = self.batch.take().ok_or("no batch")?;
                self.commit(batch)
            }
            "get" => {
                let space = space(words.next())?;
                let snapshot = self.snapshot(at.as_deref())?;
                let mut output = String::new();
                for key in words {
                    let value = snapshot.get(space, &unescape(&key))?;
                    writeln!(output, "{key} → {}", value.map_or("none".into(), |value| escape(&value)))?;
                }
                Ok(output)
            }
            "scan" | "scan_back" => {
                let direction = if command.name == "scan" { Direction::Forward } else { Direction::Backward };
                let space = space(words.next())?;
                let range = match (prefix, words.next(), words.next()) {
                    (Some(prefix), _, _) => KeyRange::prefix(&prefix),
                    (None, Some(start), Some(end)) => KeyRange::new(unescape(&start), unescape(&end)),
                    (None, Some(start), None) => KeyRange::from(unescape(&start)),
                    (None, None, _) => KeyRange::all(),
                };
                let mut output = String::new();
                for row in self.snapshot(at.as_deref())?.scan(space, range, direction).take(limit) {
                    let (key, value) = row?;
                    writeln!(output, "{} → {}", escape(&key), escape(&value))?;
                }
                Ok(output)
            }
            "snapshot" => {
                self.snapshots.insert(words.next().ok_or("a name")?, self.engine.snapshot());
                Ok(String::new())
            }
            "release" => {
                self.snapshots.remove(&words.next().ok_or("a name")?);
                Ok(String::new())
            }
            "expire" => {
                let space = space(words.next())?;
                let prefix = prefix.ok_or("a prefix")?;
                self.engine.set_expired(Arc::new(ExpiredPrefix { space, prefix }));
                Ok(String::new())
            }
            "reclaim" => Ok(format!("{} rows", self.engine.reclaim(&Space::ALL)?.rows)),
            other => Err(format!("unknown command {other}").into()),
        }
    }
}

struct ExpiredPrefix {
    space: Space,
    prefix: Vec<u8>,
}

impl Expired for ExpiredPrefix {
    fn expired(&self, space: Space, key: &[u8]) -> bool {
        space == self.space && key.starts_with(&self.prefix)
    }
}

/// An argument without its quotes.
fn word(argument: &Argument) -> String {
    match argument {
        Argument::Positional(word) => word.clone(),
        Argument::KeyValue(key, value) => format!("{key}={value}"),
        other => panic!("unknown argument {other}"),
    }
}

fn space(name: Option<String>) -> Result<Space, String> {
    name.as_deref().and_then(Space::named).ok_or(format!("no space {name:?}"))
}

/// `%hh` is a byte, all else is itself.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => write!(text, "%{byte:02x}").unwrap(),
        }
        text
    })
}

fn scripts() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut scripts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    scripts
}

#[test]
fn the_memory_engine_prints_what_is_recorded() {
    for script in scripts() {
        goldenscript::run(&mut Script::memory(), script).unwrap();
    }
}

#[test]
fn the_local_engine_prints_the_same() {
    for script in scripts() {
        let recorded = std::fs::read_to_string(&script).unwrap();
        let printed = generate(&mut Script::local(), &recorded).unwrap();
        assert_eq!(printed, recorded, "{}", script.display());
    }
}
