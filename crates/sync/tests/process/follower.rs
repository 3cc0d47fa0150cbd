//! `irori sync` as a child process, and the cache that it keeps.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::program;
use crate::server::Server;

/// A cache that has not caught up after this long never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to follow something into a file.
#[derive(Clone)]
pub struct Follower {
    url: String,
    source: Vec<String>,
    pub into: PathBuf,
    pub more: Vec<String>,
}

impl Follower {
    /// Follows `events`.
    pub fn new(server: &Server, file: &str, more: &[&str]) -> Follower {
        Follower::of(server, file, &["--collection", "events"], more)
    }

    /// Follows what the arguments say.
    pub fn of(server: &Server, file: &str, source: &[&str], more: &[&str]) -> Follower {
        let owned = |arguments: &[&str]| arguments.iter().map(|&argument| argument.to_owned()).collect();
        let into = server.directory().join(file);
        Follower { url: server.url(), source: owned(source), into, more: owned(more) }
    }

    /// The same cache by other means.
    pub fn with(&self, more: &[&str]) -> Follower {
        Follower { more: more.iter().map(|&argument| argument.to_owned()).collect(), ..self.clone() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program::follower());
        command.args(["sync", "--from", &self.url, "--project", "demo", "--into"]).arg(&self.into);
        command.args(&self.source).args(&self.more).env_remove("GOOGLE_APPLICATION_CREDENTIALS");
        command
    }

    /// Runs it with more arguments, to its end.
    pub fn run(&self, more: &[&str]) -> Output {
        self.command().args(more).output().expect("the binary starts")
    }

    /// Runs it to its end, which must be a good one.
    pub fn once(&self) -> Totals {
        let output = self.run(&["--once"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", output.status);
        Totals::last(&said)
    }

    /// Runs it to its end, which must be this one. Answers what it said.
    pub fn fails(&self, more: &[&str], code: i32) -> String {
        let output = self.run(more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {said}");
        said
    }

    /// Waits until the cache has these documents.
    pub async fn comes_to(&self, expected: &BTreeMap<String, String>) {
        let begun = Instant::now();
        while !self.into.exists() || self.documents() != *expected {
            assert!(begun.elapsed() < PATIENCE, "{} does not come to {expected:?}", self.into.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it in the background, and waits until it has its cache and would stop well.
    pub fn start(&self) -> Running {
        let mut command = self.command();
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut first = String::new();
        said.read_line(&mut first).expect("a line");
        assert!(first.contains("\"event\":\"started\""), "{first}");
        // What it says is read on, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Running { child }
    }

    /// Compares by the command. Answers its exit code, and what it printed.
    pub fn verify(&self, more: &[&str]) -> (i32, String) {
        let mut command = Command::new(program::follower());
        command.args(["sync", "verify", "--from", &self.url, "--into"]).arg(&self.into).args(more);
        let output = command.output().expect("the binary starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Names and update times in the cache.
    pub fn documents(&self) -> BTreeMap<String, String> {
        documents(&self.into)
    }
}

/// Names and update times in a cache, as any tool would read them.
pub fn documents(path: &Path) -> BTreeMap<String, String> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a cache");
    let mut select = connection.prepare("SELECT name, update_time FROM documents").expect("its tables");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("its rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The number of changes that are in the outbox of a cache.
pub fn waiting(path: &Path) -> u64 {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a cache");
    connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).expect("its tables")
}

/// Does something to a cache behind its back.
pub fn meddle(path: &Path, sql: &str) {
    Connection::open(path).expect("a cache").execute_batch(sql).expect("SQL");
}

/// What a run says of itself at its end.
#[derive(Debug)]
pub struct Totals(Value);

impl Totals {
    pub fn last(said: &str) -> Totals {
        let line = said.lines().last().expect("a last line");
        let line: Value = serde_json::from_str(line).expect("lines are JSON when nobody watches");
        Totals(line["totals"].clone())
    }

    pub fn get(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }
}

/// One in the background; killed when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    /// SIGTERM, which must lead to a good end.
    pub fn stop(self) {
        assert_eq!(self.terminate(), Some(0), "after SIGTERM");
    }

    /// SIGTERM. Answers the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().expect("kill runs").success());
        self.wait()
    }

    /// Waits for it to end by itself. Answers the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    fn end(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("a killed child ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
