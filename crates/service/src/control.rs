//! What those who run the server do: clearing whole databases, putting rules in force, letting callers in.

use identity::Credentials;
use model::principal::Role;
use model::{DatabaseName, Principal, Status};
use rules::Issue;

use crate::authorise::denied;
use crate::rulesets::{CoverageReport, RulesOf};
use crate::{Call, Service};

impl Service {
    /// Who sends these credentials.
    ///
    /// # Errors
    /// What the door answers to those it does not let in.
    pub async fn admit(&self, credentials: &Credentials<'_>) -> Result<Principal, Status> {
        self.door.admit(credentials).await
    }

    /// For what is done to a database beside the operations here, such as clearing it: in development everybody may, as
    /// with Google's emulator.
    ///
    /// # Errors
    /// PERMISSION_DENIED for those who do not hold the role, end users among them.
    pub fn require(&self, call: &Call, role: Role, database: &DatabaseName) -> Result<(), Status> {
        if self.door.is_development() || call.principal.holds(role, database) {
            Ok(())
        } else {
            Err(denied())
        }
    }

    /// Puts the source of security rules in force, at once and whole; with None, whatever is in force for a wider
    /// circle. Listeners are decided on again. Answers warnings.
    ///
    /// # Errors
    /// What is wrong with the source; then the rules are as they were.
    pub fn set_rules(&self, of: RulesOf<'_>, source: Option<&str>) -> Result<Vec<Issue>, Vec<Issue>> {
        self.authority.rulesets.set(of, source)
    }

    /// What the expressions of a project's rules came to. It is collected in development only, for it shows data.
    pub fn rule_coverage(&self, project: &str) -> Option<CoverageReport> {
        self.authority.rulesets.coverage(project)
    }

    /// Drops all documents of a database.
    pub fn clear(&self, database: &DatabaseName) -> Result<(), Status> {
        self.store.clear(database)
    }

    /// Drops all documents of all databases, and what is in the cache.
    pub fn reset(&self) -> Result<(), Status> {
        self.memcache.flush();
        self.store.clear_all()
    }
}
