//! `irori sync` as a user runs it, in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::children;
use crate::failure::Failure;

/// How often a running process is asked for its memory.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What one run to the end took.
pub struct Run {
    pub time: Duration,
    /// The most memory that was seen.
    pub memory: u64,
    pub bytes_received: u64,
    pub documents_read: u64,
}

/// Copies a collection into a cache, or catches up, and ends.
pub fn once(
    program: &Path,
    server: SocketAddr,
    collection: &str,
    cache: &Path,
    more: &[&str],
) -> Result<Run, Failure> {
    let begin = Instant::now();
    let mut child = Command::new(program)
        .args(["sync", "--once", "--project", "bench", "--from", &format!("http://{server}")])
        .args(["--collection", collection, "--into"])
        .arg(cache)
        .args(more)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::doing(format!("start {}", program.display())))?;
    let mut memory = 0;
    while child.try_wait().map_err(Failure::doing("look after a child process"))?.is_none() {
        // It may have ended in between.
        memory = children::memory(child.id()).map_or(memory, |now| memory.max(now.peak));
        std::thread::sleep(LOOK_EVERY);
    }
    let time = begin.elapsed();
    let output = child.wait_with_output().map_err(Failure::doing("read what `irori sync` says"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Failure::new(said.into_owned()));
    }
    let last = said.lines().last().unwrap_or_default();
    let number = |name| {
        number(last, name).ok_or_else(|| Failure::new(format!("`irori sync` says nothing of {name}: {last}")))
    };
    let (bytes_received, documents_read) = (number("bytes_received")?, number("documents_read")?);
    Ok(Run { time, memory, bytes_received, documents_read })
}

/// Fails unless a cache is what the server has.
pub fn verify(program: &Path, server: SocketAddr, cache: &Path) -> Result<(), Failure> {
    let output = Command::new(program)
        .args(["sync", "verify", "--from", &format!("http://{server}"), "--into"])
        .arg(cache)
        .output()
        .map_err(Failure::doing(format!("start {}", program.display())))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// The number that stands behind a name in a line of JSON.
fn number(line: &str, name: &str) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_name() {
        let line = r#"{"totals":{"bytes_received":12,"rows":345}}"#;
        assert_eq!(
            (number(line, "bytes_received"), number(line, "rows"), number(line, "x")),
            (Some(12), Some(345), None)
        );
    }
}
