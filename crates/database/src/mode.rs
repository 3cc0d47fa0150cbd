//! Whether a database holds documents or entities.

use std::sync::Arc;

use model::entity::Properties;
use model::{DatabaseName, Fields, Status, body, entity};

use crate::error::{CONTENTION, Damage, TOO_MUCH_CONTENTION};

/// What a database holds; declared by its first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Documents, by the Firestore API.
    Native,
    /// Entities, by the Datastore API.
    Datastore,
}

/// What a row holds, decoded.
#[derive(Clone)]
pub(crate) enum Content {
    Document(Arc<Fields>),
    Entity(Arc<Properties>),
}

impl Mode {
    /// What a body of a database in this mode holds.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<Content, Damage> {
        match self {
            Mode::Native => body::decode(bytes).map(|fields| Content::Document(Arc::new(fields))),
            Mode::Datastore => {
                entity::body::decode(bytes).map(|properties| Content::Entity(Arc::new(properties)))
            }
        }
        .map_err(|_| Damage::DocumentRow)
    }

    /// What a transaction is told that has waited for others for too long.
    pub(crate) fn waited_too_long(self) -> &'static str {
        match self {
            Mode::Native => TOO_MUCH_CONTENTION,
            Mode::Datastore => CONTENTION,
        }
    }

    /// What the API of the other mode is answered. Production's text for native calls on a datastore-mode database;
    /// the other is its mirror image.
    pub(crate) fn refusal(self, name: &DatabaseName) -> Status {
        Status::failed_precondition(match self {
            Mode::Datastore => format!(
                "The Cloud Firestore API is not available for Firestore in Datastore Mode database {name}."
            ),
            Mode::Native => format!(
                "The Cloud Datastore API is not available for Firestore in Native Mode database {name}."
            ),
        })
    }
}
