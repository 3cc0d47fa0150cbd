//! `get()`, `exists()`, `getAfter()` and `existsAfter()`: documents that rules look up.

use std::collections::{BTreeMap, BTreeSet};

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
    /// By path and whether it was read after the writes.
    seen: BTreeMap<DocumentPath, [Option<Option<Bytes>>; 2]>,
    /// Of the operation that is being decided.
    operation: BTreeSet<DocumentPath>,
    /// Documents that queries asked for by name.
    subjects: BTreeSet<DocumentPath>,
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
            seen: BTreeMap::new(),
            operation: BTreeSet::new(),
            subjects: BTreeSet::new(),
        }
    }

    /// The documents that decisions looked up: when one changes, a decision that is still relied on must be made again,
    /// with new accesses.
    pub fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        self.seen.keys().chain(self.subjects.iter())
    }

    /// The next decision begins.
    pub(crate) fn begin(&mut self) {
        self.operation.clear();
    }

    /// Notes a document that a query asks for by name. It is not counted.
    pub(crate) fn subject(&mut self, path: &DocumentPath) {
        self.subjects.insert(path.clone());
    }

    /// Counts a path; an error when there are too many.
    fn count(&mut self, path: &DocumentPath) -> Result<(), Fault> {
        if self.operation.contains(path) {
            return Ok(());
        }
        let new = !self.seen.contains_key(path);
        if self.operation.len() >= self.per_operation || (new && self.seen.len() >= self.in_all) {
            return Err(Fault::error("Too many document access calls: the limit of a request is reached."));
        }
        self.operation.insert(path.clone());
        Ok(())
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
        self.accesses.count(path)?;
        let slot = &mut self.accesses.seen.entry(path.clone()).or_default()[usize::from(after)];
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
