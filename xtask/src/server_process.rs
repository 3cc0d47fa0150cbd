//! The server under test: built like a user's, started on a free port, watched, and stopped with SIGTERM.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client_suites::Suite;
use crate::command;
use crate::failure::Failure;
use crate::test::Profile;
use crate::workspace::Workspace;

/// The start of the line that a server prints for people to copy; the address follows.
const ADDRESS_LINE: &str = "export FIRESTORE_EMULATOR_HOST=";
const START_LIMIT: Duration = Duration::from_secs(30);
/// The server promises to drain and stop within five seconds.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The built executable.
pub struct ServerBinary(PathBuf);

impl ServerBinary {
    /// Builds the server in the given profile.
    pub fn build(workspace: &Workspace, profile: Profile) -> Result<Self, Failure> {
        let (name, directory) = match profile {
            Profile::Release => ("release", "release"),
            Profile::Dev => ("dev", "debug"),
        };
        let mut cargo = command::cargo();
        cargo.current_dir(&workspace.root);
        command::run(cargo.args(["build", "--package", "irori-server", "--profile", name]))?;
        Ok(ServerBinary(workspace.target.join(directory).join("irori")))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// A running server with a data directory of its own, which goes away with it.
pub struct Server {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    _data: TempDir,
}

impl Server {
    /// Starts a server with the options of a suite and waits until it says where it listens.
    pub fn start(workspace: &Workspace, binary: &ServerBinary, suite: Suite) -> Result<Self, Failure> {
        let logs = workspace.clients_target().join("logs");
        std::fs::create_dir_all(&logs).map_err(Failure::doing("make a directory for logs"))?;
        let log = logs.join(format!("server-{}.log", suite.name()));
        let file = File::create(&log).map_err(Failure::doing(format!("write {}", log.display())))?;
        let stderr = file.try_clone().map_err(Failure::doing("share the log file"))?;
        let data = TempDir::new().map_err(Failure::doing("make a data directory"))?;
        let mut process = Command::new(&binary.0)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(suite.server_options(workspace))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(Failure::doing(format!("start {}", binary.0.display())))?;
        let stdout = process.stdout.take().expect("standard output was asked to be a pipe");
        match copy_until_address(stdout, file).recv_timeout(START_LIMIT) {
            Ok(address) => Ok(Server { process, address, log, _data: data }),
            Err(_) => {
                // It may be gone already; either way it must not stay behind.
                let _ = process.kill();
                let _ = process.wait();
                Err(Failure::new(format!("the server did not say where it listens; see {}", log.display())))
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the server to stop. Fails when it had stopped by itself, or ends badly, or not at all.
    pub fn stop(mut self) -> Result<(), Failure> {
        if let Some(status) = self.poll()? {
            let log = self.log.display();
            return Err(Failure::new(format!(
                "the server stopped during the tests with {status}; see {log}"
            )));
        }
        // The shell's own `kill`: the program of that name is not on every machine.
        command::output(Command::new("sh").args(["-c", "kill -TERM $0"]).arg(self.process.id().to_string()))?;
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            match self.poll()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Failure::new(format!("after SIGTERM the server ended with {status}")));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(Failure::new(format!("the server was still there {} s after SIGTERM", STOP_LIMIT.as_secs())))
    }

    fn poll(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.process.try_wait().map_err(Failure::doing("look after the server"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Normally it has stopped already and both calls have nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Copies what the server prints into its log for as long as it prints, and sends the address when it appears.
fn copy_until_address(stdout: ChildStdout, mut log: File) -> Receiver<SocketAddr> {
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // A log that cannot be written is no reason to stop reading: a full pipe would block the server.
            let _ = writeln!(log, "{line}");
            let parsed = line.trim().strip_prefix(ADDRESS_LINE).and_then(|rest| rest.parse().ok());
            if let Some(parsed) = parsed {
                let _ = found.send(parsed);
            }
        }
    });
    address
}
