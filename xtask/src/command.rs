//! Running other programs, visibly.

use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Runs a program with its output on our terminal.
///
/// Prints the command line first. Fails when the program cannot start or ends with another status than 0.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", line(command));
    let status = command.status().map_err(Failure::doing(format!("start {}", line(command))))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("{} ended with {status}", line(command)))),
    }
}

/// Runs a program and returns what it wrote to standard output.
///
/// Fails like [`run`], with what the program wrote to standard error.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output =
        command.stdin(Stdio::null()).output().map_err(Failure::doing(format!("start {}", line(command))))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("{} ended with {}\n{said}", line(command), output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The cargo that runs us, so that a nested call uses the same toolchain.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
