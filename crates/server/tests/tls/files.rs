//! The program with its files: what it refuses, what it prints, how it takes new ones.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

use crate::authority::{Authority, Issued, der};
use crate::handshake;

const BINARY: &str = env!("CARGO_BIN_EXE_irori");

/// A directory with a certificate and its key.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new(issued: &Issued) -> Self {
        let place = Place { directory: TempDir::new().expect("a directory") };
        place.put(issued);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(name), private).expect("a mode");
    }

    fn put(&self, issued: &Issued) {
        self.write("certificate.pem", &issued.certificate);
        self.write("key.pem", &issued.key);
    }

    fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--log", "irori=info,warn"])
            .arg("--tls-certificate")
            .arg(self.path("certificate.pem"))
            .arg("--tls-key")
            .arg(self.path("key.pem"));
        command
    }

    fn refused(&self, further: &[&str]) -> String {
        let output = self.command().args(further).output().expect("the binary starts");
        assert!(!output.status.success(), "{further:?}");
        String::from_utf8(output.stderr).expect("text")
    }
}

/// A running server; killed when dropped.
struct Running {
    process: Child,
    address: SocketAddr,
    /// What it printed on standard output.
    said: Vec<String>,
    log: BufReader<ChildStderr>,
}

impl Running {
    /// Starts it, and reads so many lines of what it prints.
    fn start(command: &mut Command, lines: usize) -> Self {
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let out = BufReader::new(process.stdout.take().expect("a pipe"));
        let said: Vec<_> = out.lines().take(lines).map(|line| line.expect("text")).collect();
        let log = BufReader::new(process.stderr.take().expect("a pipe"));
        let first = said.first().expect("a line");
        let rest = first.strip_prefix("Irori listens on https://").expect("where it listens");
        let address = rest.split(',').next().and_then(|address| address.parse().ok()).expect("an address");
        Running { process, address, said, log }
    }

    /// Reads the log up to a line with these words.
    fn logged(&mut self, words: &str) -> String {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.log.read_line(&mut line).expect("text") > 0, "it ended without: {words}");
        }
        line
    }

    fn hang_up(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", "HUP", &id]).status().expect("kill runs").success());
    }

    /// Whether a new connection is shown this certificate.
    async fn shows(&self, authority: &Authority, issued: &Issued) -> bool {
        match handshake(self.address, authority.trusted(&["h2"])).await {
            Ok(stream) => {
                stream.get_ref().1.peer_certificates().is_some_and(|all| all[0] == der(&issued.certificate))
            }
            Err(_) => false,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already; either way it must not stay behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_cannot_serve_is_named_with_what_to_do() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(), authority.issue());
    let ended = authority.issue_with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.issue_with(|params| params.not_before = rcgen::date_time_ymd(3000, 1, 1));
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let table = [
        (&*one.certificate, &*other.key, "key.pem does not belong to the certificate"),
        (&ended.certificate, &ended.key, "certificate.pem expired"),
        (&early.certificate, &early.key, "certificate.pem holds only in"),
        (&one.key, &one.key, "there is none; it takes PEM, which begins with -----BEGIN CERTIFICATE-----"),
        (&one.certificate, &one.certificate, "it takes PEM, which begins with -----BEGIN PRIVATE KEY-----"),
        (&one.certificate, locked, "it needs a passphrase"),
        (&one.certificate, "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----", "key.pem"),
        ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", &one.key, "certificate.pem"),
    ];
    for (certificate, key, expected) in table {
        let place = Place::new(&one);
        place.write("certificate.pem", certificate);
        place.write("key.pem", key);
        let said = place.refused(&[]);
        assert!(said.contains(expected), "{said}");
        assert!(said.lines().count() == 1 && !said.contains("Error") && !said.contains('{'), "{said}");
    }
}

#[test]
fn files_that_are_not_there_and_flags_that_lack_another_are_named() {
    let place = Place::new(&Authority::new().issue());
    let said = place.refused(&["--tls-client-ca", "/nowhere.pem"]);
    assert!(said.contains("could not read /nowhere.pem: No such file"), "{said}");
    let said = place.refused(&["--tls-optional", "--tls-client-ca", "/nowhere.pem"]);
    assert!(said.contains("cannot be used with"), "{said}");
    std::fs::remove_file(place.path("key.pem")).expect("removed");
    let said = place.refused(&[]);
    assert!(said.contains("could not read") && said.contains("key.pem"), "{said}");
    for alone in ["--tls-certificate", "--tls-key", "--tls-client-ca"] {
        let output = Command::new(BINARY).args(["serve", "--in-memory", alone, "x"]).output();
        let said = String::from_utf8(output.expect("the binary starts").stderr).expect("text");
        assert!(said.contains("required arguments were not provided"), "{said}");
    }
}

#[test]
fn it_says_where_https_is_and_names_the_variable_only_where_that_works() {
    let place = Place::new(&Authority::new().issue());
    let server = Running::start(&mut place.command(), 1);
    assert!(server.said[0].ends_with("in memory only."), "{:?}", server.said);
    let server = Running::start(place.command().arg("--tls-optional"), 2);
    assert_eq!(server.said[1], format!("export FIRESTORE_EMULATOR_HOST={}", server.address));
}

#[test]
fn a_key_that_everybody_can_read_is_warned_of() {
    let place = Place::new(&Authority::new().issue());
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(place.path("key.pem"), open).expect("a mode");
    let mut server = Running::start(&mut place.command(), 1);
    let warning = server.logged("can use the private key");
    assert!(warning.contains("WARN") && warning.contains("chmod o= "), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_change_are_taken_and_broken_ones_are_not() {
    let authority = Authority::new();
    let [first, second, third] = [authority.issue(), authority.issue(), authority.issue()];
    let place = Place::new(&first);
    let mut server = Running::start(&mut place.command(), 1);
    assert!(server.shows(&authority, &first).await);

    place.put(&second);
    server.logged("new connections get the renewed certificate");
    assert!(server.shows(&authority, &second).await);

    place.write("key.pem", &third.key);
    let warning = server.logged("the last good certificate stays in use");
    assert!(warning.contains("does not belong to the certificate"), "{warning}");
    assert!(server.shows(&authority, &second).await);

    std::fs::remove_file(place.path("key.pem")).expect("removed");
    server.hang_up();
    server.logged("the last good certificate stays in use");
    assert!(server.shows(&authority, &second).await);

    place.put(&third);
    server.hang_up();
    server.logged("new connections get the renewed certificate");
    assert!(server.shows(&authority, &third).await);
}
