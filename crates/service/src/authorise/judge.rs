//! One caller before the rules of one database.

use std::sync::Arc;

use database::{Guard, PendingCommit, PendingWrite, View};
use host::Host;
use model::principal::User;
use model::query::StructuredQuery;
use model::{DatabaseName, Document, DocumentPath, Status, Timestamp};
use rules::{Accesses, Auth, Coverage, Documents, Operation, Request, Verdict};

use super::lookups::{Clock, Committing, Viewed};
use super::{DENIED, Permit, denied};
use crate::rulesets::Release;

/// See the module.
pub(crate) struct Judge {
    release: Arc<Release>,
    auth: Option<Auth>,
    database: Arc<str>,
    host: Host,
    /// Whether denials give their reasons.
    explains: bool,
}

/// The decisions about the documents that one request reads: what they look up counts together.
pub(crate) struct Reads(Option<(Arc<Judge>, Accesses)>);

/// A query, and who asks it. Nothing of it is kept where nobody decides.
#[derive(Clone)]
pub(crate) struct Asked(Option<Arc<(Arc<Judge>, StructuredQuery)>>);

impl Judge {
    pub fn new(
        release: Arc<Release>,
        user: Option<Arc<User>>,
        database: &DatabaseName,
        host: Host,
        explains: bool,
    ) -> Self {
        let auth = user.map(|user| Auth { uid: user.uid.as_str().into(), token: user });
        Judge { release, auth, database: database.database.clone(), host, explains }
    }

    /// Proves a query on the view that it is to read.
    ///
    /// # Errors
    /// PERMISSION_DENIED, and what reading answers.
    pub fn list(&self, view: &View, query: &StructuredQuery, accesses: &mut Accesses) -> Result<(), Status> {
        self.decide(self.now(), Operation::List { query }, &Viewed(view), accesses)
    }

    /// Decides about a document that was read from the view.
    ///
    /// # Errors
    /// PERMISSION_DENIED, and what reading answers.
    pub fn get(
        &self,
        view: &View,
        path: &DocumentPath,
        document: Option<&Document>,
        accesses: &mut Accesses,
    ) -> Result<(), Status> {
        let before = document.map(|document| document.body.clone());
        self.decide(self.now(), Operation::Get { path, before }, &Viewed(view), accesses)
    }

    /// What one is told who is refused whatever the rules say.
    pub fn refusal(&self, hint: &str) -> Status {
        if self.explains { Status::permission_denied(hint) } else { denied() }
    }

    fn decide(
        &self,
        time: Timestamp,
        operation: Operation<'_>,
        documents: &dyn Documents,
        accesses: &mut Accesses,
    ) -> Result<(), Status> {
        // As precise as server timestamps in documents, so that rules can compare them.
        let time = time.to_millis_precision();
        let request = Request { database: &self.database, time, auth: self.auth.as_ref(), operation };
        let Release { ruleset, coverage } = &*self.release;
        let mut own = coverage.as_ref().map(|_| Coverage::default());
        let verdict = ruleset.decide(&request, documents, accesses, own.as_mut());
        if let (Some(coverage), Some(own)) = (coverage, own) {
            coverage.lock().absorb(own);
        }
        match verdict? {
            Verdict::Allowed => Ok(()),
            Verdict::Denied(denial) if self.explains => {
                Err(Status::permission_denied(format!("{DENIED}{denial}")))
            }
            Verdict::Denied(_) => Err(denied()),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.host.now_micros()).unwrap_or(Timestamp::MAX)
    }
}

impl Guard for Judge {
    fn admit(&self, commit: &PendingCommit<'_>) -> Result<(), Status> {
        let documents = Committing { commit, clock: Clock::start(&self.host) };
        let mut accesses = Accesses::for_documents();
        commit.writes.iter().try_for_each(|write| {
            documents.clock.check()?;
            self.decide(commit.time, operation(write), &documents, &mut accesses)
        })?;
        // The last one may have been begun in time, and ended after it.
        documents.clock.check()
    }

    fn caller(&self) -> Option<Arc<str>> {
        // Of another project nobody is let in, so that the id says who it is.
        self.auth.as_ref().map(|auth| auth.uid.clone())
    }
}

/// What rules call a write.
fn operation<'a>(write: &PendingWrite<'a>) -> Operation<'a> {
    let PendingWrite { path, verifies, before, after } = write;
    match (before.clone(), after.clone()) {
        // It tells whether the document is as it was read before.
        (before, _) if *verifies => Operation::Get { path, before },
        (None, Some(after)) => Operation::Create { path, after },
        (Some(before), Some(after)) => Operation::Update { path, before, after },
        (before, None) => Operation::Delete { path, before },
    }
}

impl Reads {
    pub(super) fn new(permit: &Permit) -> Self {
        Reads(match permit {
            Permit::Free => None,
            Permit::Rules(judge) => Some((judge.clone(), Accesses::for_documents())),
        })
    }

    /// False when all is allowed.
    pub fn ask_rules(&self) -> bool {
        self.0.is_some()
    }

    /// Decides about a document that was read from the view.
    ///
    /// # Errors
    /// PERMISSION_DENIED, and what reading answers.
    pub fn get(
        &mut self,
        view: &View,
        path: &DocumentPath,
        document: Option<&Document>,
    ) -> Result<(), Status> {
        match &mut self.0 {
            None => Ok(()),
            Some((judge, accesses)) => judge.get(view, path, document, accesses),
        }
    }
}

impl Asked {
    pub(super) fn new(permit: &Permit, query: &StructuredQuery) -> Self {
        Asked(match permit {
            Permit::Free => None,
            Permit::Rules(judge) => Some(Arc::new((judge.clone(), query.clone()))),
        })
    }

    /// True when nobody decides.
    pub fn is_free(&self) -> bool {
        self.0.is_none()
    }

    /// Proves the query on the view that it is to read, once for all its results.
    ///
    /// # Errors
    /// PERMISSION_DENIED, and what reading answers.
    pub fn prove(&self, view: &View) -> Result<(), Status> {
        match self.0.as_deref() {
            None => Ok(()),
            Some((judge, query)) => judge.list(view, query, &mut Accesses::for_query()),
        }
    }
}
