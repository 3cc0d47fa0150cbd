//! Who takes the changes: a stream of lines, or a command that is run for each batch.

use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Kind};

/// See the module.
pub enum Taker {
    /// Lines of JSON are written to it.
    Lines(Box<dyn Write + Send>),
    /// Run by the shell for each batch, with the lines on its standard input. When it ends well, the batch is
    /// delivered; otherwise it gets it again.
    Command(String),
}

impl Taker {
    /// Hands a batch over.
    ///
    /// # Errors
    ///
    /// It was not taken.
    pub(crate) fn take(&mut self, lines: &str) -> Result<(), Failure> {
        match self {
            Taker::Lines(to) => to
                .write_all(lines.as_bytes())
                .and_then(|()| to.flush())
                .map_err(|error| failed(format!("could not hand the changes on: {error}"))),
            Taker::Command(command) => run(command, lines),
        }
    }
}

fn run(command: &str, lines: &str) -> Result<(), Failure> {
    let could_not = |error: std::io::Error| failed(format!("could not run `{command}`: {error}"));
    let mut child =
        Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn().map_err(could_not)?;
    let mut input = child.stdin.take().expect("its input is piped");
    let written = input.write_all(lines.as_bytes());
    drop(input);
    let status = child.wait().map_err(could_not)?;
    match (status.success(), written) {
        // A command may end well without having read everything; that is its choice.
        (true, _) => Ok(()),
        (false, _) => Err(failed(format!("`{command}` failed ({status}); the changes are kept for it"))),
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Kind::Taker, message)
}

impl fmt::Debug for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Taker::Lines(_) => f.write_str("Lines"),
            Taker::Command(command) => write!(f, "Command({command:?})"),
        }
    }
}
