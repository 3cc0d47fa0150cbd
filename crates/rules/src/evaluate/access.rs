//! `get()`, `exists()`, `getAfter()` and `existsAfter()`: documents that rules look up.

use std::collections::BTreeSet;

use bytes::Bytes;
use model::{DocumentPath, Status};

use super::Evaluator;
use crate::fault::Fault;
use crate::issue::Position;
use crate::limits::{MAX_ACCESSES_PER_BATCH, MAX_ACCESSES_PER_DOCUMENT, MAX_ACCESSES_PER_QUERY};
use crate::request::resource;
use crate::value::Value;

/// Where rules read documents. The server's snapshot, or the transaction that is about to commit: what is read through
/// it must be what the decision is about, or the two could race.
pub trait Documents {
    /// The canonical body of a document before the request; None when there is no such document.
    ///
    /// # Errors
    /// When it cannot be read: then there is no decision, and the request fails with that status.
    fn get(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status>;

    /// The same after all writes of the request. For reads, and by default, that is the same.
    ///
    /// # Errors
    /// As for [`Documents::get`].
    fn get_after(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        self.get(path)
    }

    /// `debug(value)` was evaluated. Ignored by default.
    fn debug(&self, position: Position, value: &Value) {
        let _ = (position, value);
    }
}

/// The documents that the rules of one request have looked up: each counts and is read once.
#[derive(Debug)]
pub struct Accesses {
    per_operation: usize,
    in_all: usize,
    /// So few that they are looked through faster than a map: at most `in_all`.
    seen: Vec<LookedUp>,
    /// Which decision is being made, and how many documents it has looked up.
    decision: u64,
    in_decision: usize,
    /// Documents that queries asked for by name.
    subjects: BTreeSet<DocumentPath>,
}

#[derive(Debug)]
struct LookedUp {
    path: DocumentPath,
    /// The last decision for which it counts.
    decision: u64,
    /// Its bodies before and after the writes, once they were read.
    bodies: [Option<Option<Bytes>>; 2],
}

impl Accesses {
    /// For reads and writes of documents, one or many: give the same one to each decision of a commit or a batch.
    pub fn for_documents() -> Self {
        Self::new(MAX_ACCESSES_PER_DOCUMENT, MAX_ACCESSES_PER_BATCH)
    }

    /// For one query.
    pub fn for_query() -> Self {
        Self::new(MAX_ACCESSES_PER_QUERY, MAX_ACCESSES_PER_QUERY)
    }

    fn new(per_operation: usize, in_all: usize) -> Self {
        Accesses {
            per_operation,
            in_all,
            seen: Vec::new(),
            decision: 0,
            in_decision: 0,
            subjects: BTreeSet::new(),
        }
    }

    /// The documents that decisions looked up: when one changes, a decision that is still relied on must be made again,
    /// with new accesses.
    pub fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        self.seen.iter().map(|seen| &seen.path).chain(self.subjects.iter())
    }

    /// The next decision begins.
    pub(crate) fn begin(&mut self) {
        self.decision += 1;
        self.in_decision = 0;
    }

    /// Notes a document that a query asks for by name. It is not counted.
    pub(crate) fn subject(&mut self, path: &DocumentPath) {
        self.subjects.insert(path.clone());
    }

    /// Counts a path, and answers what is known of it; an error when there are too many.
    fn count(&mut self, path: &DocumentPath) -> Result<&mut LookedUp, Fault> {
        let decision = self.decision;
        let known = self.seen.iter().position(|seen| seen.path == *path);
        if known.is_none_or(|at| self.seen[at].decision != decision) {
            let is_too_much = known.is_none() && self.seen.len() >= self.in_all;
            if self.in_decision >= self.per_operation || is_too_much {
                return Err(Fault::error(
                    "Too many document access calls: the limit of a request is reached.",
                ));
            }
            self.in_decision += 1;
        }
        let at = known.unwrap_or_else(|| {
            self.seen.push(LookedUp { path: path.clone(), decision, bodies: [None, None] });
            self.seen.len() - 1
        });
        self.seen[at].decision = decision;
        Ok(&mut self.seen[at])
    }
}

impl Evaluator<'_> {
    /// The built-in function `name` of a path.
    pub(super) fn access(&mut self, name: &str, path: &Value) -> Result<Value, Fault> {
        let Value::Path(path) = path else {
            return Err(match path {
                Value::Unknown(_) => Fault::unknown(),
                other => service_error(name, other),
            });
        };
        let Some(document) = path.document(self.database) else {
            return Err(service_error(name, &Value::Path(path.clone())));
        };
        let after = matches!(name, "getAfter" | "existsAfter");
        let body = self.look_up(&document, after)?;
        Ok(match name {
            "exists" | "existsAfter" => Value::Bool(body.is_some()),
            _ => match body {
                Some(body) => self.object(&document, body),
                None => Value::Null,
            },
        })
    }

    fn look_up(&mut self, path: &DocumentPath, after: bool) -> Result<Option<Bytes>, Fault> {
        let slot = &mut self.accesses.count(path)?.bodies[usize::from(after)];
        if let Some(seen) = slot {
            return Ok(seen.clone());
        }
        let read = if after { self.documents.get_after(path) } else { self.documents.get(path) };
        let body = read.map_err(Fault::Failed)?;
        *slot = Some(body.clone());
        Ok(body)
    }

    fn object(&self, path: &DocumentPath, body: Bytes) -> Value {
        resource(self.database, path, body)
    }
}

fn service_error(name: &str, argument: &Value) -> Fault {
    Fault::error(format!("Service call error. Function: [{name}], Argument: [{argument}]"))
}
