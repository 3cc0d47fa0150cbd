//! `--cross-api`: the API of documents over databases of entities, and that of entities over databases of documents.
//!
//! The names and values of one stand for those of the other as [`model::entity::mapping`] says. The operations that know
//! both ask [`Service::of_documents`] or [`Service::of_entities`] for their database and look at its mode; all others ask
//! for one of their own mode, and without the flag that is all there is. `documents` answers the Firestore API from
//! entities, `entities` the Datastore API from documents.

pub(crate) mod documents;
pub(crate) mod entities;

use std::sync::Arc;

use database::{Database, Mode};
use model::{Code, DatabaseName, Status};

use crate::Service;
use crate::authorise::Permit;
use crate::run_query::Explain;

/// What end users are told in development.
const HINT: &str = "Entities require admin authentication.";

impl Service {
    /// The same, where a database of either mode answers both APIs as far as they can be mapped onto each other.
    #[must_use]
    pub fn with_cross_api(self, cross_api: bool) -> Self {
        Service { cross_api, ..self }
    }

    /// A database for an operation on documents that knows entities too. Security rules have no word for those.
    ///
    /// # Errors
    /// PERMISSION_DENIED for end users of entities; as of the store.
    pub(crate) fn of_documents(&self, permit: &Permit, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        if self.crosses(name, Mode::Native)? {
            permit.servers_only(HINT)?;
            return self.store.datastore(name);
        }
        self.store.database(name)
    }

    /// A database for an operation on entities that knows documents too.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) fn of_entities(&self, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        if self.crosses(name, Mode::Datastore)? {
            return self.store.database(name);
        }
        self.store.datastore(name)
    }

    /// A database for an operation on documents that knows nothing else.
    ///
    /// # Errors
    /// UNIMPLEMENTED for one of entities that both APIs may use; as of the store.
    pub(crate) fn database(&self, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        if self.crosses(name, Mode::Native)? {
            return Err(unsupported(
                "This call. A database in Datastore Mode takes reads and lists of documents, commits, queries of one \
                 kind and counts",
            ));
        }
        self.store.database(name)
    }

    /// A database for an operation on entities that knows nothing else.
    ///
    /// # Errors
    /// UNIMPLEMENTED for one of documents that both APIs may use; as of the store.
    pub(crate) fn datastore(&self, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        if self.crosses(name, Mode::Datastore)? {
            return Err(unsupported(
                "This call. A database in Native Mode takes lookups, commits (with ids to be made, too), queries of \
                 one kind and aggregations",
            ));
        }
        self.store.datastore(name)
    }

    /// True where a database has the other mode and may be used nevertheless.
    pub(crate) fn crosses(&self, name: &DatabaseName, own: Mode) -> Result<bool, Status> {
        Ok(self.cross_api && self.store.mode(name)?.is_some_and(|mode| mode != own))
    }
}

/// Refuses to tell how something is answered.
///
/// # Errors
/// UNIMPLEMENTED when it is asked for.
pub(crate) fn not_explained(explain: Explain) -> Result<(), Status> {
    match explain {
        Explain::No => Ok(()),
        Explain::Plan | Explain::Analyze => Err(unsupported("Explaining a query")),
    }
}

/// What the mapping has no word for.
fn unsupported(what: &str) -> Status {
    Status::new(
        Code::Unimplemented,
        format!("Not supported across APIs (--cross-api): {what}. Use the API that the database belongs to."),
    )
}

/// What was stored cannot be read.
fn damaged(error: &model::body::BodyError) -> Status {
    tracing::error!(%error, "damaged data");
    Status::new(Code::DataLoss, "Stored data is damaged: the fields of a document or entity.")
}
