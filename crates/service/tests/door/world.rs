//! The operations over an empty store, and those who call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use database::Options;
use host::{Clock, Host};
use identity::Door;
use model::principal::{Account, Grant, Role, User};
use model::write::{Operation, Precondition, Write};
use model::{DatabaseName, DocumentName, DocumentPath, Fields, Principal, Status, Timestamp, Value};
use query::MissingIndex;
use service::{Call, Commit, GetDocument, ReadAt, RulesOf, Service};
use testkit::world::EngineKind;
use tokio::runtime::Runtime;

use crate::text;

pub struct World {
    /// Where operations run: reads in transactions need threads.
    pub runtime: Runtime,
    /// Where streams are told: its clock moves only when nothing else can happen.
    pub streams: Runtime,
    pub service: Arc<Service>,
    pub name: DatabaseName,
    _store: testkit::world::World,
}

impl World {
    /// Everybody is believed.
    pub fn development() -> Self {
        let store = testkit::world::World::new(EngineKind::Memory, 1, Options::default());
        let host = store.store().host().clone();
        Self::behind(Arc::new(Door::development(host.clone())), store, host)
    }

    /// Everybody is believed, and so much time passes whenever somebody looks at the clock of the operations.
    pub fn restless(step: Duration) -> Self {
        let store = testkit::world::World::new(EngineKind::Memory, 1, Options::default());
        let clock = Restless { start: store.now(), step, looks: AtomicU32::new(0) };
        let host = store.store().host().clone().with_clock(Arc::new(clock));
        Self::behind(Arc::new(Door::development(host.clone())), store, host)
    }

    /// Callers are verified; tests say whom the door has let in.
    pub fn verified() -> Self {
        let store = testkit::world::World::new(EngineKind::Memory, 1, Options::default());
        let folder = tempfile::tempdir().expect("room for a directory");
        let options = identity::Options::new(folder.path().join("register.json"));
        let host = store.store().host().clone();
        let door = Door::verified(options, host.clone()).expect("an empty register");
        Self::behind(Arc::new(door), store, host)
    }

    fn behind(door: Arc<Door>, store: testkit::world::World, host: Host) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime");
        let streams = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let options = service::Options { missing_index: MissingIndex::Require };
        let service = Arc::new(Service::behind(door, store.store().clone(), host, options));
        World { runtime, streams, service, name: store.name().clone(), _store: store }
    }

    /// Puts blocks in force that stand below `/databases/{database}/documents`.
    pub fn rules(&self, blocks: &str) {
        let source = format!(
            "rules_version = '2'; service cloud.firestore {{ match /databases/{{database}}/documents {{\n{blocks}\n}} }}"
        );
        if let Err(issues) = self.service.set_rules(RulesOf::Everything, Some(&source)) {
            panic!("{source}\n{}", issues.iter().map(|issue| format!("{issue}\n")).collect::<String>());
        }
    }

    pub fn commit(&self, who: &str, writes: Vec<Write>) -> Result<(), Status> {
        let commit = Commit { database: self.name.clone(), writes, transaction: None };
        self.runtime.block_on(self.service.commit(&call(who), commit)).map(drop)
    }

    /// The fields of a document as the administrator sees it.
    pub fn fields(&self, path: &str) -> Option<Fields> {
        let get = GetDocument { name: self.document(path), mask: None, at: ReadAt::Now };
        let found = self.runtime.block_on(self.service.get_document(&call("owner"), get));
        found.ok().map(|document| document.fields().expect("readable"))
    }

    pub fn document(&self, path: &str) -> DocumentName {
        self.name.document(&DocumentPath::new(path).expect(path))
    }
}

/// See [`World::restless`].
struct Restless {
    start: Timestamp,
    step: Duration,
    looks: AtomicU32,
}

impl Clock for Restless {
    fn now_micros(&self) -> i64 {
        self.start.micros()
    }

    fn elapsed(&self) -> Duration {
        self.step * self.looks.fetch_add(1, Ordering::Relaxed)
    }
}

/// `c/a {n: 1}` sets a document, `c/a -` deletes it, `c/a ?` verifies it, `c/a + {n: 1}` merges into it.
pub fn write(text: &str) -> Write {
    let (path, what) = text.split_once(' ').expect("a path and what becomes of it");
    let operation = match what {
        "-" => Operation::Delete,
        "?" => Operation::Verify,
        _ => {
            let fields = text::fields(what.strip_prefix("+ ").unwrap_or(what));
            let paths = || fields.keys().map(|name| model::FieldPath::single(name)).collect();
            let mask = what.starts_with('+').then(paths);
            Operation::Set { fields, mask, transforms: Vec::new() }
        }
    };
    Write { path: DocumentPath::new(path).expect(path), operation, precondition: Precondition::None }
}

pub fn call(who: &str) -> Call {
    Call { deadline: Instant::now() + Duration::from_secs(60), principal: principal(who) }
}

/// `owner` is the administrator, `nobody` is nobody; `viewer`, `user` and `chief` are accounts by their role, `foreigner`
/// is one of another project; `stranger` is a user of another project; whoever else is a user of that name.
pub fn principal(who: &str) -> Principal {
    let account = |project: &str, role| {
        let grants = vec![Grant { project: project.into(), database: None, role }];
        Principal::Account(Arc::new(Account {
            email: format!("{who}@{project}"),
            key: String::new(),
            grants,
            expires: None,
        }))
    };
    let user = |project: &str| {
        let claims = Fields::from([
            ("sub".to_owned(), Value::from(who)),
            ("admin".to_owned(), Value::from(who == "grace")),
        ]);
        let project = Some(project.into());
        Principal::User(Arc::new(User { uid: who.to_owned(), claims, project, expires: None }))
    };
    match who {
        "owner" => Principal::Administrator,
        "nobody" => Principal::Anonymous,
        "viewer" => account("p", Role::Viewer),
        "user" => account("p", Role::User),
        "chief" => account("p", Role::Owner),
        "foreigner" => account("q", Role::Owner),
        "stranger" => user("q"),
        _ => user("p"),
    }
}
