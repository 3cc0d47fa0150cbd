//! Child processes: what they announce, how large they are, how they end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// The longest that a program may take to say where it listens. Opening a large directory counts.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The longest that a program may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A program has said where it listens.
pub struct Announced {
    pub address: SocketAddr,
    pub at: Instant,
}

/// Waits for the line of standard output that begins with `prefix` and goes on with an address.
/// Standard output, which must be a pipe, is read on to its end, so that the program never blocks on it.
pub fn await_address(child: &mut Child, prefix: &'static str) -> Result<Announced, Failure> {
    let stdout = child.stdout.take().ok_or_else(|| Failure::new("standard output is no pipe"))?;
    let (found, announced) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let address = line.trim().strip_prefix(prefix).and_then(|rest| rest.parse().ok());
            if let Some(address) = address {
                // The receiver is gone when the limit had passed; then nobody needs the address.
                let _ = found.send(Announced { address, at: Instant::now() });
            }
        }
    });
    announced.recv_timeout(START_LIMIT).map_err(|_| {
        kill(child);
        Failure::new("a program that was started did not say where it listens")
    })
}

/// Kills a child process and takes its status, so that no zombie stays.
pub fn kill(child: &mut Child) {
    // Both fail only for a process that has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// Asks a child process to end, and waits until it has. Answers how long that took.
pub fn terminate(child: &mut Child) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let status = Command::new("kill").arg(child.id().to_string()).status();
    status.map_err(Failure::doing("run kill"))?;
    while begin.elapsed() < STOP_LIMIT {
        if child.try_wait().map_err(Failure::doing("look after a child process"))?.is_some() {
            return Ok(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(child);
    Err(Failure::new("a child process did not end after SIGTERM"))
}

/// Whose processor time is meant.
#[derive(Clone, Copy, Debug)]
pub enum Processor {
    ThisProcess,
    Process(u32),
    /// Of the children of a process, as far as they have ended.
    ChildrenOf(u32),
}

/// The processor time spent so far, by programs and by the kernel for them.
pub fn processor_time(of: Processor) -> Result<Duration, Failure> {
    // Fields of the kernel's line, counted behind the name: user and system time, then the same of the children.
    let (path, fields) = match of {
        Processor::ThisProcess => ("/proc/self/stat".to_owned(), 11..13),
        Processor::Process(id) => (format!("/proc/{id}/stat"), 11..13),
        Processor::ChildrenOf(id) => (format!("/proc/{id}/stat"), 13..15),
    };
    let stat = std::fs::read_to_string(&path).map_err(Failure::doing(format!("read {path}")))?;
    // The name stands in brackets and may hold anything, brackets and blanks included.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks = words
        .get(fields)
        .and_then(|words| words.iter().map(|word| word.parse::<u64>().ok()).sum::<Option<u64>>());
    let ticks = ticks.ok_or_else(|| Failure::new(format!("{path} has another form than expected")))?;
    Ok(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
}

/// The kernel tells times to user space in hundredths of a second, on every architecture that matters.
const MILLISECONDS_PER_TICK: u64 = 10;

/// How much memory a process has.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now, in bytes.
    pub resident: u64,
    /// The most that was ever resident, in bytes.
    pub peak: u64,
}

/// Reads the memory of a process from the kernel.
pub fn memory(process: u32) -> Result<Memory, Failure> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).map_err(Failure::doing(format!("read {path}")))?;
    Ok(Memory { resident: status_bytes(&status, "VmRSS:")?, peak: status_bytes(&status, "VmHWM:")? })
}

/// A line of the kernel's status file, such as `VmRSS:     12345 kB`, in bytes.
fn status_bytes(status: &str, name: &str) -> Result<u64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| Failure::new(format!("the kernel tells no {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_processor_time() {
        let before = processor_time(Processor::ThisProcess).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            if processor_time(Processor::Process(std::process::id())).unwrap() > before {
                return;
            }
        }
        panic!("five seconds of work left no trace");
    }

    #[test]
    fn this_process_has_memory() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident, "{memory:?}");
    }
}
