//! Who may do what with entities: roles decide, and security rules have no word for them.

use model::principal::Role;
use model::{DatabaseName, Status};

use super::EntityMoment;
use crate::authorise::{role_to_begin, role_to_read};
use crate::{Call, Service, TransactionMode};

/// What end users are told in development.
const HINT: &str = "Entities require admin authentication.";

impl Service {
    /// PERMISSION_DENIED unless whoever calls may do what accounts need `role` for.
    pub(super) fn authorise_entities(
        &self,
        call: &Call,
        database: &DatabaseName,
        role: Role,
    ) -> Result<(), Status> {
        self.permit(call, database, role)?.servers_only(HINT)
    }

    /// A transaction that may write is for those who may write.
    pub(super) fn authorise_transaction(
        &self,
        call: &Call,
        database: &DatabaseName,
        mode: &TransactionMode,
    ) -> Result<(), Status> {
        self.authorise_entities(call, database, role_to_begin(mode))
    }

    /// The same for a read, which may begin a transaction.
    pub(super) fn authorise_moment(
        &self,
        call: &Call,
        database: &DatabaseName,
        at: &EntityMoment,
    ) -> Result<(), Status> {
        self.authorise_entities(call, database, role_to_read(&at.clone().strong()))
    }
}
