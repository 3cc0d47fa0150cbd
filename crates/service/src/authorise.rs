//! Who may do what: roles decide for accounts, security rules for end users, and nobody for the administrator.
//!
//! Every operation asks for a [`Permit`] before anything else. One that is free is never asked again. One by rules
//! decides on what is read or changed: reads on the very view that they read, so that what is decided is what is
//! answered; commits at the committer's turn, as a [`database::Guard`].

mod judge;
mod lookups;

use std::sync::Arc;

use database::{Guard, TransactionMode};
use host::Host;
use model::principal::Role;
use model::query::StructuredQuery;
use model::{DatabaseName, Principal, Status};

use crate::reader::Consistency;
use crate::rulesets::Rulesets;
use crate::run_query::Explain;
use crate::{Call, ReadAt, Service};

pub(crate) use judge::{Asked, Judge, Reads};

/// The id of the database that clients use when they name none.
const DEFAULT_DATABASE: &str = "(default)";
/// What a client learns of a denial; production's text.
pub(crate) const DENIED: &str = "Missing or insufficient permissions.";

/// Knows the rules, and whether everybody is believed.
pub(crate) struct Authority {
    pub rulesets: Rulesets,
    development: bool,
    host: Host,
}

/// What a caller may do in one database.
#[derive(Clone)]
pub(crate) enum Permit {
    /// All that was asked for.
    Free,
    /// What rules allow.
    Rules(Arc<Judge>),
}

impl Authority {
    pub fn new(development: bool, host: Host) -> Self {
        Authority { rulesets: Rulesets::new(development), development, host }
    }

    /// What `principal` may do where accounts need `role`. Without rules, end users may do everything in development,
    /// as with Google's emulator, and nothing where callers are verified, as in production.
    ///
    /// # Errors
    /// PERMISSION_DENIED for those who may do nothing of it.
    pub fn permit(
        &self,
        principal: &Principal,
        database: &DatabaseName,
        role: Role,
    ) -> Result<Permit, Status> {
        let user = match principal {
            Principal::Administrator => return Ok(Permit::Free),
            Principal::Account(_) if principal.holds(role, database) => return Ok(Permit::Free),
            Principal::Account(_) => return Err(denied()),
            Principal::User(user) if user.project.as_ref().is_some_and(|own| *own != database.project) => {
                return Err(denied());
            }
            Principal::User(user) => Some(user.clone()),
            Principal::Anonymous => None,
        };
        match self.rulesets.of(database) {
            Some(release) => {
                let judge = Judge::new(release, user, database, self.host.clone(), self.development);
                Ok(Permit::Rules(Arc::new(judge)))
            }
            None if self.development => Ok(Permit::Free),
            None => Err(denied()),
        }
    }
}

impl Permit {
    /// Refuses end users under rules, whatever these say. In development they are told why: `hint`, as the emulator
    /// words it.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub fn servers_only(&self, hint: &str) -> Result<(), Status> {
        match self {
            Permit::Free => Ok(()),
            Permit::Rules(judge) => Err(judge.refusal(hint)),
        }
    }

    /// Refuses end users a transaction that writes: its locks would hold up others.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub fn begins(&self, mode: &TransactionMode) -> Result<(), Status> {
        match mode {
            TransactionMode::ReadOnly { .. } => Ok(()),
            TransactionMode::ReadWrite { .. } => {
                self.servers_only("Read-write transactions require admin authentication.")
            }
        }
    }

    /// The same for a read that may begin a transaction.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub fn reads_at(&self, at: &Consistency) -> Result<(), Status> {
        match at {
            Consistency::NewTransaction(mode) => self.begins(mode),
            Consistency::At(ReadAt::Now | ReadAt::Time(_) | ReadAt::Transaction(_)) => Ok(()),
        }
    }

    /// Refuses end users a look at how queries are answered: it tells of indexes, and of documents left out.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub fn explains(&self, explain: Explain) -> Result<(), Status> {
        match explain {
            Explain::No => Ok(()),
            Explain::Plan | Explain::Analyze => {
                self.servers_only("Explaining queries requires admin authentication.")
            }
        }
    }

    /// The decision about a query, to be made on the view that it reads.
    pub fn asks(&self, query: &StructuredQuery) -> Asked {
        Asked::new(self, query)
    }

    /// The decisions about the documents that one request reads.
    pub fn reads(&self) -> Reads {
        Reads::new(self)
    }

    /// Who has a say in commits; None when nobody has.
    pub fn guard(&self) -> Option<Arc<dyn Guard>> {
        match self {
            Permit::Free => None,
            Permit::Rules(judge) => Some(judge.clone()),
        }
    }
}

impl Service {
    /// See [`Authority::permit`].
    pub(crate) fn permit(&self, call: &Call, database: &DatabaseName, role: Role) -> Result<Permit, Status> {
        let permit = self.authority.permit(&call.principal, database, role)?;
        self.reach(&call.principal, database)?;
        Ok(permit)
    }

    /// Where callers are verified, end users make no databases by naming them, or anybody could fill the disk with them:
    /// only the `(default)` one of the project that their token is for.
    ///
    /// # Errors
    /// PERMISSION_DENIED for another one that does not exist.
    pub(crate) fn reach(&self, principal: &Principal, database: &DatabaseName) -> Result<(), Status> {
        let own =
            |project: &Arc<str>| *project == database.project && *database.database == *DEFAULT_DATABASE;
        let may_make = self.door.is_development()
            || match principal {
                Principal::User(user) => user.project.as_ref().is_some_and(own),
                Principal::Anonymous => false,
                Principal::Account(_) | Principal::Administrator => true,
            };
        if may_make || self.store.mode(database)?.is_some() { Ok(()) } else { Err(denied()) }
    }
}

/// The role that a transaction takes.
pub(crate) fn role_to_begin(mode: &TransactionMode) -> Role {
    match mode {
        TransactionMode::ReadOnly { .. } => Role::Viewer,
        TransactionMode::ReadWrite { .. } => Role::User,
    }
}

/// The role that a read takes.
pub(crate) fn role_to_read(at: &Consistency) -> Role {
    match at {
        Consistency::NewTransaction(mode) => role_to_begin(mode),
        Consistency::At(_) => Role::Viewer,
    }
}

/// A denial without a reason.
pub(crate) fn denied() -> Status {
    Status::permission_denied(DENIED)
}
