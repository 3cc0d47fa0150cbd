//! `irori serve` as a user runs it: the release build, in a process and a data directory of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::children::{self, Memory, Processor};
use crate::failure::Failure;

/// The start of the line that a server prints for people to copy; the address follows.
const ADDRESS_LINE: &str = "export FIRESTORE_EMULATOR_HOST=";

/// A running server. It is killed when this is dropped.
pub struct IroriServer {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to the line that says where it listens.
    pub start_up: Duration,
}

impl IroriServer {
    /// Starts `program` on `data` and waits until it says where it listens.
    pub fn start(program: &Path, data: &Path) -> Result<Self, Failure> {
        Self::start_with(program, data, &[])
    }

    /// The same, with further arguments.
    pub fn start_with(program: &Path, data: &Path, arguments: &[String]) -> Result<Self, Failure> {
        let begin = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::doing(format!("start {}", program.display())))?;
        let announced = children::await_address(&mut child, ADDRESS_LINE)?;
        Ok(IroriServer { child, address: announced.address, start_up: announced.at - begin })
    }

    /// Whose processor time its work costs.
    pub fn processor(&self) -> Processor {
        Processor::Process(self.child.id())
    }

    pub fn memory(&self) -> Result<Memory, Failure> {
        children::memory(self.child.id())
    }

    /// Stops the server as an operator does. Answers how long that took.
    pub fn stop(mut self) -> Result<Duration, Failure> {
        children::terminate(&mut self.child)
    }

    /// Stops the server as a power cut does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for IroriServer {
    fn drop(&mut self) {
        children::kill(&mut self.child);
    }
}
