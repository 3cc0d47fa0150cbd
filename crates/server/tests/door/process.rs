//! The program: which doors it refuses to open, and rules that change while it runs.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::http;
use crate::scene::ROOT;

const BINARY: &str = env!("CARGO_BIN_EXE_irori");
/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub struct Running {
    process: Child,
    address: SocketAddr,
    log: Receiver<String>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let errors = BufReader::new(process.stderr.take().expect("a pipe"));
        let (sender, log) = channel();
        std::thread::spawn(move || {
            errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let Some(Ok(first)) = lines.next() else {
            panic!("it did not start: {:?}", log.iter().collect::<Vec<_>>());
        };
        let address = first.split([' ', ',']).find_map(|word| word.parse().ok()).expect("an address");
        Running { process, address, log }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill runs").success());
    }

    /// Waits until the log says this, and answers the line.
    pub fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(SOON).unwrap_or_else(|_| panic!("the log never said: {words}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Ends it, and answers all that the log said.
    pub fn stop_and_read_log(mut self) -> String {
        self.signal("TERM");
        assert!(self.process.wait().expect("it ends").success());
        self.log.iter().collect::<Vec<_>>().join("\n")
    }

    fn reads(&self, path: &str) -> u16 {
        http::send(self.address, "GET", &format!("/v1/{ROOT}/{path}"), &[], b"").status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already; either way it must not stay behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn refused(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).output().expect("the binary starts");
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[test]
fn an_open_door_is_refused_where_others_can_reach_it() {
    let certificates = TempDir::new().expect("a directory");
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (chain, key) = (certificates.path().join("chain.pem"), certificates.path().join("key.pem"));
    std::fs::write(&chain, certified.cert.pem()).expect("written");
    std::fs::write(&key, certified.signing_key.serialize_pem()).expect("written");
    let tls = ["--tls-certificate", text(&chain), "--tls-key", text(&key)];
    let everywhere = ["serve", "--in-memory", "--listen", "0.0.0.0:0"];
    let table: [(&[&str], &str); 8] = [
        (&everywhere, "Verify callers with --auth; or name the risk with --unsafe-open"),
        (&["serve", "--in-memory", "--listen", "[::]:0"], "--unsafe-open"),
        (&[&everywhere[..], &tls].concat(), "--unsafe-open"),
        (&[&everywhere[..], &["--behind-proxy"]].concat(), "--unsafe-open"),
        (&["serve", "--in-memory", "--behind-proxy"], "whoever reaches the proxy could do everything"),
        (&[&everywhere[..], &["--auth"]].concat(), "without TLS: tokens could be read on their way"),
        (&[&everywhere[..], &["--auth", "--unsafe-open"]].concat(), "cannot be used with"),
        (&["serve", "--in-memory", "--auth-issuer", "https://securetoken.google.com/p"], "--auth"),
    ];
    for (arguments, expected) in table {
        let said = refused(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let register = certificates.path().join("keys").join("register.json");
    let keys = ["--in-memory", "--keys", text(&register)];
    let open: [&[&str]; 3] = [
        &["--in-memory", "--unsafe-open"],
        &[&keys[..], &["--auth"], &tls].concat(),
        &[&keys[..], &["--auth", "--behind-proxy"]].concat(),
    ];
    for arguments in open {
        Running::start_anywhere(arguments);
    }
}

impl Running {
    /// On every address of the machine; gone at once.
    fn start_anywhere(arguments: &[&str]) {
        let mut process = Command::new(BINARY)
            .args(["serve", "--listen", "0.0.0.0:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let read = BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line);
        let _ = process.kill();
        let _ = process.wait();
        assert!(read.is_ok() && line.starts_with("Irori listens on "), "{arguments:?}: {line}");
    }
}

/// As Google's emulator would let it.
#[test]
fn a_page_of_the_world_is_not_its_developers_administrator() {
    let server = Running::start(&["--in-memory", "--cors-origin", "https://app.example.com"]);
    let asked = |verb: &str, path: &str, origin: &str| {
        let headers = [("Origin", origin), ("Authorization", "Bearer owner"), ("Content-Type", "text/plain")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let answer = http::send(server.address(), verb, path, &headers, b"");
        (answer.status, answer.header("access-control-allow-origin").is_some())
    };
    let documents = format!("/v1/{ROOT}/c/d");
    let channel = "/google.firestore.v1.Firestore/Write/channel?VER=8&RID=1&CVER=22";
    let table = [
        ("POST", "/reset", 200),
        ("GET", documents.as_str(), 404),
        ("OPTIONS", documents.as_str(), 200),
        ("POST", channel, 200),
        ("PUT", "/emulator/v1/projects/p:securityRules", 400),
        ("POST", "/shutdown", 200),
    ];
    for (verb, path, _) in table {
        for origin in ["https://evil.example", "null"] {
            assert_eq!(asked(verb, path, origin), (403, false), "{origin} {verb} {path}");
        }
    }
    for (verb, path, status) in table {
        let origin = if path == documents { "https://app.example.com" } else { "http://localhost:3000" };
        assert_eq!(asked(verb, path, origin), (status, true), "{origin} {verb} {path}");
    }
}

fn rules(condition: &str) -> String {
    format!(
        "rules_version = '2';\nservice cloud.firestore {{\n  match /databases/{{database}}/documents {{\n    \
         match /c/{{d}} {{ allow read: if {condition}; }}\n  }}\n}}\n"
    )
}

#[test]
fn rules_are_followed_and_the_last_good_ones_stay() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("firestore.rules");
    std::fs::write(&file, rules("false")).expect("written");
    let server = Running::start(&["--in-memory", "--rules", text(&file), "--log", "info"]);
    assert_eq!(server.reads("c/d"), 403);

    std::fs::write(&file, rules("true")).expect("written");
    server.wait_for("the new rules are in force");
    assert_eq!((server.reads("c/d"), server.reads("other/d")), (404, 403));

    std::fs::write(&file, rules("(")).expect("written");
    let said = server.wait_for("the last good rules stay in force");
    assert!(said.contains("cannot be used"), "{said}");
    let place = server.wait_for("error: ");
    assert!(place.contains("firestore.rules:4:"), "{place}");
    assert_eq!(server.reads("c/d"), 404);

    std::fs::remove_file(&file).expect("removed");
    server.wait_for("the last good rules stay in force");
    std::fs::write(&file, rules("false")).expect("written");
    server.signal("HUP");
    server.wait_for("the new rules are in force");
    assert_eq!(server.reads("c/d"), 403);
}

#[test]
fn broken_rules_at_the_start_are_shown_with_their_place() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("firestore.rules");
    std::fs::write(&file, rules("(")).expect("written");
    let said = refused(&["serve", "--in-memory", "--listen", "127.0.0.1:0", "--rules", text(&file)]);
    assert!(said.contains("firestore.rules:4:") && said.contains("allow read: if (;"), "{said}");
    let said = refused(&["serve", "--in-memory", "--listen", "127.0.0.1:0", "--rules", "/nowhere.rules"]);
    assert!(said.contains("could not read /nowhere.rules"), "{said}");
    let said = refused(&["serve", "--in-memory", "--rules", "database=x.rules"]);
    assert!(said.contains("is no PROJECT/DATABASE"), "{said}");
}

#[test]
fn one_database_may_have_rules_of_its_own() {
    let directory = TempDir::new().expect("a directory");
    let (closed, open) = (directory.path().join("closed.rules"), directory.path().join("open.rules"));
    std::fs::write(&closed, rules("false")).expect("written");
    std::fs::write(&open, rules("true")).expect("written");
    let own = format!("p/(default)={}", open.display());
    let server = Running::start(&["--in-memory", "--rules", text(&closed), "--rules", &own]);
    assert_eq!(server.reads("c/d"), 404);
    let other = "/v1/projects/q/databases/(default)/documents/c/d";
    assert_eq!(http::send(server.address(), "GET", other, &[], b"").status, 403);
}
