//! Rules, a few documents, and somebody who asks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use model::query::{Filter, Selector, StructuredQuery};
use model::{DocumentPath, Fields, Parent, Status, Timestamp, Value, body};
use rules::{Accesses, Auth, Documents, Operation, Position, Request, Ruleset, Verdict};

/// 2020-01-02T03:04:05.678901Z, a Thursday.
pub const NOW: i64 = 1_577_934_245_678_901;

/// Documents before and after a commit.
#[derive(Default)]
pub struct World {
    pub before: BTreeMap<String, Fields>,
    pub after: BTreeMap<String, Fields>,
    pub auth: Option<Auth>,
    /// Paths that were read, in order.
    pub reads: RefCell<Vec<String>>,
    pub debugged: RefCell<Vec<String>>,
}

pub fn rules(source: &str) -> Ruleset {
    match Ruleset::compile(source) {
        Ok((ruleset, _)) => ruleset,
        Err(issues) => {
            panic!("{source}\n{}", issues.iter().map(|issue| format!("{issue}\n")).collect::<String>())
        }
    }
}

/// What stands below `/databases/{database}/documents`, of the second version.
pub fn wrapped(inner: &str) -> String {
    format!(
        "rules_version = '2';\nservice cloud.firestore {{\n  match /databases/{{database}}/documents {{\n{inner}\n  }}\n}}\n"
    )
}

pub fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

pub fn path(text: &str) -> DocumentPath {
    DocumentPath::new(text).expect("collections and ids in turn")
}

/// A query over a root collection.
pub fn query(collection: &str, filter: Option<Filter>) -> StructuredQuery {
    let from = Selector { collection_id: Some(collection.to_owned()), all_descendants: false };
    StructuredQuery { filter, ..StructuredQuery::all(Parent::Root, from) }
}

impl World {
    pub fn signed_in(uid: &str) -> Self {
        World { auth: Some(auth(uid)), ..World::default() }
    }

    pub fn with<const N: usize>(mut self, name: &str, values: [(&str, Value); N]) -> Self {
        self.before.insert(name.to_owned(), fields(values));
        self
    }

    fn body(documents: &BTreeMap<String, Fields>, path: &DocumentPath) -> Option<Bytes> {
        documents.get(path.as_str()).map(body::encode)
    }

    pub fn ask(&self, ruleset: &Ruleset, operation: Operation, accesses: &mut Accesses) -> Verdict {
        let time = Timestamp::from_micros(NOW).expect("a year before 10000");
        let request = Request { database: &"(default)".into(), time, auth: self.auth.as_ref(), operation };
        ruleset.decide(&request, self, accesses, None).expect("documents can be read")
    }

    pub fn get(&self, ruleset: &Ruleset, name: &str) -> Verdict {
        let path = path(name);
        let before = Self::body(&self.before, &path);
        self.ask(ruleset, Operation::Get { path: &path, before }, &mut Accesses::for_documents())
    }

    pub fn list(&self, ruleset: &Ruleset, query: &StructuredQuery) -> Verdict {
        self.ask(ruleset, Operation::List { query }, &mut Accesses::for_query())
    }

    /// Writes what `after` has at the path: a create, an update or a delete.
    pub fn write(&self, ruleset: &Ruleset, name: &str, accesses: &mut Accesses) -> Verdict {
        let path = path(name);
        let path = &path;
        let before = Self::body(&self.before, path);
        let operation = match (before, Self::body(&self.after, path)) {
            (None, Some(after)) => Operation::Create { path, after },
            (Some(before), Some(after)) => Operation::Update { path, before, after },
            (before, None) => Operation::Delete { path, before },
        };
        self.ask(ruleset, operation, accesses)
    }
}

pub fn auth(uid: &str) -> Auth {
    let claims =
        fields([("sub", Value::from(uid)), ("email", Value::from("a@b.c")), ("level", Value::Integer(3))]);
    Auth { uid: uid.into(), token: Arc::new(claims) }
}

impl Documents for World {
    fn get(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        self.reads.borrow_mut().push(path.to_string());
        if path.document_id() == "broken" {
            return Err(Status::aborted("lost to a competitor"));
        }
        Ok(Self::body(&self.before, path))
    }

    fn get_after(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        self.reads.borrow_mut().push(format!("{path} after"));
        Ok(Self::body(&self.after, path))
    }

    fn debug(&self, position: Position, value: &rules::Value) {
        self.debugged.borrow_mut().push(format!("{position} {value}"));
    }
}
