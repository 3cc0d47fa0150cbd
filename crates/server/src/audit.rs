//! The audit log: a line of JSON for each denied or administrative call.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::audit::{Event, Events, Trail};
use host::Host;
use model::Timestamp;
use model::calendar::Date;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::failure::Failure;

/// Events that are written at once.
const BATCH: usize = 256;
/// Nobody else needs to read who was denied what.
const MODE: u32 = 0o600;
const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// The file that events are written to.
pub(crate) struct AuditLog {
    path: PathBuf,
    file: File,
    host: Host,
    events: Events,
}

#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    request: u64,
    method: &'a str,
    database: &'a str,
    principal: &'a str,
    peer: String,
    code: &'a str,
}

#[derive(Serialize)]
struct Dropped<'a> {
    time: &'a str,
    dropped: u64,
}

impl AuditLog {
    /// Opens the file, and answers where events go.
    pub(crate) fn open(path: &Path, host: Host) -> Result<(Self, Arc<Trail>), Failure> {
        let file = append(path).map_err(Failure::doing(format!("open the audit log {}", path.display())))?;
        let (trail, events) = Trail::new();
        Ok((AuditLog { path: path.to_owned(), file, host, events }, trail))
    }

    /// Writes events until there will be no more. At SIGHUP the file is opened again, for who rotates logs. Fails when
    /// SIGHUP cannot be heard.
    pub(crate) fn run(mut self) -> Result<impl Future<Output = ()>, Failure> {
        let mut hangup = signal(SignalKind::hangup()).map_err(Failure::doing("listen for SIGHUP"))?;
        Ok(async move {
            loop {
                let events = tokio::select! {
                    biased;
                    events = self.events.next(BATCH) => Some(events),
                    _ = hangup.recv() => None,
                };
                if events.as_ref().is_some_and(Vec::is_empty) {
                    return;
                }
                let written = spawn_blocking(move || {
                    match events {
                        Some(events) => self.write(&events),
                        None => self.reopen(),
                    }
                    self
                });
                // It fails when the server ends.
                let Ok(log) = written.await else { return };
                self = log;
            }
        })
    }

    fn write(&mut self, events: &[Event]) {
        let time = rfc3339(self.host.now_micros());
        let mut lines = Vec::new();
        for event in events {
            let line = Line {
                time: &time,
                request: event.request,
                method: &event.method,
                database: &event.database,
                principal: &event.principal,
                peer: event.peer.to_string(),
                code: event.code,
            };
            push(&mut lines, &line);
        }
        let dropped = self.events.dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "calls came faster than the audit log could be written");
            push(&mut lines, &Dropped { time: &time, dropped });
        }
        // One write, so that lines of others who append stay whole.
        if let Err(error) = self.file.write_all(&lines) {
            let (path, lost) = (self.path.display(), events.len());
            tracing::error!(%path, lost, "the audit log could not be written: {error}");
        }
    }

    fn reopen(&mut self) {
        match append(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => {
                let path = self.path.display();
                tracing::error!(%path, "the audit log could not be opened again; the old file goes on: {error}");
            }
        }
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

fn push(lines: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *lines, line).expect("texts and numbers, to memory");
    lines.push(b'\n');
}

/// `2026-01-31T12:00:00.000001Z`
fn rfc3339(micros: i64) -> String {
    let (seconds, nanos) = Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX).to_parts();
    let Date { year, month, day } = Date::after_epoch(seconds.div_euclid(SECONDS_OF_A_DAY));
    let of_day = seconds.rem_euclid(SECONDS_OF_A_DAY);
    let (hour, minute, second, micro) = (of_day / 3_600, of_day / 60 % 60, of_day % 60, nanos / 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_logs_write_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(1_769_860_801_500_001), "2026-01-31T12:00:01.500001Z");
    }
}
