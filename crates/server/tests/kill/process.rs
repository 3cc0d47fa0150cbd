//! The real server as a child process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `irori serve`; killed when dropped.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts the server on a free port with its data in `directory`, and waits until it is ready.
    pub fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_irori"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory.join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server's binary starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("export FIRESTORE_EMULATOR_HOST=").map(str::to_owned))
            .expect("the server says where it listens");
        Server { child, address }
    }

    /// As an URL.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SIGKILL: no drain, no flush.
    pub fn kill(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.child.kill().expect("the server is ours to kill");
        self.child.wait().expect("a killed child ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}
