//! `irori sync` as a child process, and the cache that it keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::program;
use crate::server::Server;

/// How to follow a collection into a file.
#[derive(Clone)]
pub struct Follower {
    url: String,
    pub into: PathBuf,
    pub more: Vec<String>,
}

impl Follower {
    /// Follows `events`.
    pub fn new(server: &Server, file: &str, more: &[&str]) -> Follower {
        let more = more.iter().map(|&argument| argument.to_owned()).collect();
        Follower { url: server.url(), into: server.directory().join(file), more }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program::follower());
        command.args(["sync", "--from", &self.url, "--project", "demo", "--collection", "events", "--into"]);
        command.arg(&self.into).args(&self.more);
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

    /// Starts it in the background.
    pub fn start(&self) -> Running {
        let child =
            self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
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

/// What a run says of itself at its end.
#[derive(Debug)]
pub struct Totals(Value);

impl Totals {
    fn last(said: &str) -> Totals {
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
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().expect("kill runs").success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "after SIGTERM: {status}");
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
