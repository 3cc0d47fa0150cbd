//! What has been done so far, in numbers: the status line and the metrics read them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counters of one run. They only grow, except those that say how things are now.
#[derive(Debug, Default)]
pub struct Meters {
    pub(crate) traffic: Traffic,
    pub(crate) calls: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) documents_read: AtomicU64,
    pub(crate) keys_read: AtomicU64,
    pub(crate) set: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) comparisons: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) row_bytes: AtomicU64,
    /// Up to when the cache is the server's state, in microseconds; 0 before the first copy is whole.
    pub(crate) as_of: AtomicI64,
}

/// Bytes on the wire, TLS and framing included.
#[derive(Debug, Default)]
pub struct Traffic {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
}

/// All counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub calls: u64,
    pub retries: u64,
    pub documents_read: u64,
    pub keys_read: u64,
    pub set: u64,
    pub deleted: u64,
    pub evicted: u64,
    pub comparisons: u64,
    pub rows: u64,
    pub row_bytes: u64,
}

impl Meters {
    /// All counters.
    pub fn reading(&self) -> Reading {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            bytes_received: of(&self.traffic.received),
            bytes_sent: of(&self.traffic.sent),
            calls: of(&self.calls),
            retries: of(&self.retries),
            documents_read: of(&self.documents_read),
            keys_read: of(&self.keys_read),
            set: of(&self.set),
            deleted: of(&self.deleted),
            evicted: of(&self.evicted),
            comparisons: of(&self.comparisons),
            rows: of(&self.rows),
            row_bytes: of(&self.row_bytes),
        }
    }

    /// Up to when the cache is known to be the server's state.
    pub fn as_of(&self) -> Option<crate::Time> {
        match self.as_of.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(crate::Time(micros)),
        }
    }

    /// The text that Prometheus reads.
    pub fn prometheus(&self) -> String {
        let now = self.reading();
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, value: &dyn std::fmt::Display| {
            writeln!(
                text,
                "# HELP irori_sync_{name} {help}\n# TYPE irori_sync_{name} {kind}\nirori_sync_{name} {value}"
            )
            .expect("a string takes all that is written to it");
        };
        say("received_bytes_total", "counter", "Bytes received on the wire.", &now.bytes_received);
        say("sent_bytes_total", "counter", "Bytes sent on the wire.", &now.bytes_sent);
        say("calls_total", "counter", "Calls made.", &now.calls);
        say("retries_total", "counter", "Pauses after a failure.", &now.retries);
        say("documents_read_total", "counter", "Documents received whole.", &now.documents_read);
        say("keys_read_total", "counter", "Documents received as name and times.", &now.keys_read);
        say("sets_total", "counter", "Documents new or changed in the cache.", &now.set);
        say("deletes_total", "counter", "Documents taken out because they are gone.", &now.deleted);
        say("evictions_total", "counter", "Documents taken out for lack of room.", &now.evicted);
        say("comparisons_total", "counter", "Comparisons with the server.", &now.comparisons);
        say("rows", "gauge", "Documents in the cache.", &now.rows);
        say("row_bytes", "gauge", "Their size.", &now.row_bytes);
        let as_of = self.as_of.load(Ordering::Relaxed) as f64 / 1e6;
        say(
            "as_of_seconds",
            "gauge",
            "The moment of the server's that the cache shows, as Unix time.",
            &as_of,
        );
        text
    }
}

pub(crate) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}
