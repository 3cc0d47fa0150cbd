//! Listening: a stream of changes for the targets that its client adds and removes.
//!
//! For end users each target goes by a right: a query is proved, each document decided on, when the target is added and
//! again whenever a document changes that the rules looked up, or the rules themselves. See [`watch::Right`].

use std::sync::Arc;

use database::View;
use model::principal::Role;
use model::query::StructuredQuery;
use model::{DatabaseName, DocumentPath, Principal, Status};
use rules::Accesses;
use watch::{Pass, Right};

use crate::Service;
use crate::authorise::{Authority, Permit};

pub use watch::{Bloom, ChangedDocument, ListenEvent, Resume, Target, TargetChange, TargetKind};

/// One client's stream. Dropping it ends it.
pub struct ListenStream {
    client: Arc<Client>,
    stream: watch::ListenStream,
}

/// Who listens, and where.
struct Client {
    authority: Arc<Authority>,
    principal: Principal,
    database: DatabaseName,
}

/// An end user's right to one target.
struct ByRules {
    client: Arc<Client>,
    what: What,
}

enum What {
    Query(Box<StructuredQuery>),
    Documents(Vec<DocumentPath>),
}

impl Service {
    /// Opens a stream without targets for `principal`.
    ///
    /// # Errors
    /// NOT_FOUND for a database that does not exist; PERMISSION_DENIED for accounts without a role. End users hear of
    /// denials target by target, as their clients expect it.
    pub fn listen(&self, principal: &Principal, database: &DatabaseName) -> Result<ListenStream, Status> {
        if !principal.is_end_user() {
            self.authority.permit(principal, database, Role::Viewer)?;
        }
        self.reach(principal, database)?;
        self.database(database)?;
        let mut stream = self.hubs.open(database)?;
        stream.follow_revisions(self.authority.rulesets.revisions());
        let (authority, principal, database) = (self.authority.clone(), principal.clone(), database.clone());
        Ok(ListenStream { client: Arc::new(Client { authority, principal, database }), stream })
    }
}

impl ListenStream {
    /// Adds a target. What is wrong with the target alone is told as an event.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for ids that no client uses: the stream ends.
    pub fn add_target(&mut self, target: Target) -> Result<(), Status> {
        match self.right_to(&target.what) {
            Some(right) => self.stream.add_target_by_right(target, right),
            None => self.stream.add_target(target),
        }
    }

    /// None for those whom no rules concern, now or later.
    fn right_to(&self, what: &TargetKind) -> Option<Arc<dyn Right>> {
        if !self.client.principal.is_end_user() {
            return None;
        }
        let what = match what {
            TargetKind::Query(query) => What::Query(Box::new(query.clone())),
            TargetKind::Documents(paths) => What::Documents(paths.clone()),
            TargetKind::Refused(_) => return None,
        };
        Some(Arc::new(ByRules { client: self.client.clone(), what }))
    }

    /// Removes a target, which is answered in any case.
    ///
    /// # Errors
    /// None yet; an error would end the stream.
    pub fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        self.stream.remove_target(id)
    }

    /// True when [`ListenStream::next`] would answer at once: a client that takes nothing holds it up.
    pub fn is_waiting(&self) -> bool {
        self.stream.is_waiting()
    }

    /// The next event; pends while there is none. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// What ends the stream.
    pub async fn next(&mut self) -> Result<ListenEvent, Status> {
        self.stream.next().await
    }
}

impl Right for ByRules {
    fn check(&self, view: &View) -> Result<Pass, Status> {
        let Client { authority, principal, database } = &*self.client;
        let judge = match authority.permit(principal, database, Role::Viewer)? {
            Permit::Free => return Ok(Pass::default()),
            Permit::Rules(judge) => judge,
        };
        match &self.what {
            What::Query(query) => {
                let mut accesses = Accesses::for_query();
                judge.list(view, query, &mut accesses)?;
                Ok(Pass { rests_on: accesses.paths().cloned().collect(), discreet: true })
            }
            What::Documents(paths) => {
                let mut accesses = Accesses::for_documents();
                for path in paths {
                    judge.get(view, path, view.get(path)?.as_ref(), &mut accesses)?;
                }
                // What a document says may decide who may read it.
                let rests_on = paths.iter().chain(accesses.paths()).cloned().collect();
                Ok(Pass { rests_on, discreet: true })
            }
        }
    }
}
