//! Counts of calls by method and outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::{Principal, Status};
use wire::methods::{METHODS, Method};

use super::status;
use crate::audit::Record;

/// One for each of gRPC's codes, OK included.
const CODES: usize = 17;

/// How many calls of each method ended with each code, and how many connections never came to call.
pub struct Counts {
    calls: [[AtomicU64; CODES]; METHODS.len()],
    turned_away: AtomicU64,
}

/// A call that is under way; it counts as cancelled when it is dropped before it ended.
pub(crate) struct Call {
    method: Method,
    counts: Arc<Counts>,
    ended: bool,
    /// For the audit log.
    record: Option<Box<Record>>,
}

impl Counts {
    pub(crate) fn new() -> Arc<Self> {
        let calls = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Arc::new(Counts { calls, turned_away: AtomicU64::new(0) })
    }

    /// Calls of `method` that ended with the gRPC code `code`; 0 is OK.
    pub fn get(&self, method: Method, code: i32) -> u64 {
        let code = usize::try_from(code).ok().filter(|code| *code < CODES);
        code.map_or(0, |code| self.calls[method as usize][code].load(Ordering::Relaxed))
    }

    /// Connections that were closed at once, because the server or their address had as many as it may have.
    pub fn connections_turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// One connection more was closed at once.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    fn note(&self, method: Method, code: tonic::Code) {
        self.calls[method as usize][code as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Call {
    pub(crate) fn of(method: Method, counts: &Arc<Counts>) -> Self {
        Call { method, counts: counts.clone(), ended: false, record: None }
    }

    /// The same, which tells `record` how it ended.
    pub(crate) fn recorded(mut self, record: Option<Record>) -> Self {
        self.record = record.map(Box::new);
        self
    }

    /// What was said of it so far, for a conversation that tells the rest itself.
    pub(crate) fn take_record(&mut self) -> Option<Record> {
        self.record.take().map(|record| *record)
    }

    /// What is called.
    pub(crate) fn method(&self) -> Method {
        self.method
    }

    /// Who calls.
    pub(crate) fn by(&mut self, principal: &Principal) {
        if let Some(record) = &mut self.record {
            record.by(principal);
        }
    }

    /// What the call asks for.
    pub(crate) fn about(&mut self, message: &Bytes) {
        if let Some(record) = &mut self.record {
            record.about(message);
        }
    }

    /// The call ended, well or with a refusal.
    pub(crate) fn ended(&mut self, refusal: Option<&Status>) {
        let code = refusal.map_or(tonic::Code::Ok, |refusal| status::code(refusal.code));
        if let Some(refusal) = refusal {
            tracing::debug!(method = self.method.name(), %refusal, "refused");
            if let Some(record) = &self.record {
                record.refused(refusal);
            }
        }
        self.counts.note(self.method, code);
        self.ended = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.counts.note(self.method, tonic::Code::Cancelled);
        }
    }
}
