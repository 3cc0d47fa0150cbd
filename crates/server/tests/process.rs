//! The program itself: what it prints, what it refuses, how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_irori");

/// A running server; killed when dropped.
struct Running {
    process: Child,
    address: String,
    ready_after: Duration,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let started = Instant::now();
        let mut process = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut line = || lines.next().expect("two lines").expect("text");
        let first = line();
        assert!(first.starts_with("Irori listens on 127.0.0.1:"), "{first}");
        let second = line();
        let address =
            second.strip_prefix("export FIRESTORE_EMULATOR_HOST=").expect("a line to copy").to_owned();
        Running { process, address, ready_after: started.elapsed() }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill runs").success());
    }

    /// Sends a signal, and answers how long the process took to end well.
    fn stop(&mut self, signal: &str) -> Duration {
        let started = Instant::now();
        self.signal(signal);
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}");
        started.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already; either way it must not stay behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } =
        Command::new(BINARY).arg("serve").args(arguments).output().expect("the binary starts");
    assert!(!status.success(), "{arguments:?}");
    String::from_utf8(stderr).expect("text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[test]
fn it_says_where_it_listens_and_stops_on_either_signal() {
    let data = TempDir::new().expect("a directory");
    for signal in ["TERM", "INT"] {
        let mut server = Running::start(&["--data", text(&data.path().join("data"))]);
        assert!(server.get("/").ends_with("\r\n\r\nOk\n"));
        assert!(server.stop(signal) < Duration::from_secs(5));
    }
}

#[test]
fn an_open_connection_does_not_hold_it_up() {
    let mut server = Running::start(&["--in-memory"]);
    let mut idle = TcpStream::connect(&server.address).expect("a connection");
    let mut half = TcpStream::connect(&server.address).expect("a connection");
    half.write_all(b"GET / HT").expect("sent");
    server.get("/");
    assert!(server.stop("TERM") < Duration::from_secs(5));
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn one_server_at_a_time_uses_a_directory() {
    let data = TempDir::new().expect("a directory");
    let arguments = ["--data", text(data.path()), "--listen", "127.0.0.1:0"];
    let mut first = Running::start(&arguments[..2]);
    let said = refused(&arguments);
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(said.contains(text(data.path())), "{said}");
    first.stop("TERM");
    Running::start(&arguments[..2]);
}

#[test]
fn a_taken_port_is_named_and_leaves_no_directory() {
    let server = Running::start(&["--in-memory"]);
    let data = TempDir::new().expect("a directory");
    let path = data.path().join("data");
    let said = refused(&["--listen", &server.address, "--data", text(&path)]);
    assert!(said.contains(&format!("could not listen on {}", server.address)), "{said}");
    assert!(!path.exists());
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let data = TempDir::new().expect("a directory");
    let broken = data.path().join("broken.json");
    std::fs::write(&broken, "{\"indexes\": [{}]}").expect("written");
    let table: [(&[&str], &str); 6] = [
        (&["--indexes", "/nowhere.json"], "could not read /nowhere.json"),
        (&["--in-memory", "--indexes", text(&broken)], "broken.json: missing field `fields`"),
        (&["--missing-index", "guess"], "possible values: require, suggest"),
        (&["--retention", "1 hour"], "is not a duration"),
        (&["--in-memory", "--data", "x"], "cannot be used with"),
        (&["--in-memory", "--log", "irori=what=ever"], "could not read the filter"),
    ];
    for (arguments, expected) in table {
        let said = refused(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn help_teaches() {
    let help = Command::new(BINARY).args(["serve", "--help"]).output().expect("the binary starts");
    let help = String::from_utf8(help.stdout).expect("text");
    for word in
        ["--data", "--in-memory", "--missing-index", "FIRESTORE_EMULATOR_HOST", "Examples:", "Policies:"]
    {
        assert!(help.contains(word), "{word}\n{help}");
    }
}

#[test]
fn it_is_ready_at_once() {
    let data = TempDir::new().expect("a directory");
    let server = Running::start(&["--data", text(&data.path().join("new"))]);
    // The promise is 50 ms; a busy machine with an unoptimised build is given more.
    assert!(server.ready_after < Duration::from_secs(2), "{:?}", server.ready_after);
}
