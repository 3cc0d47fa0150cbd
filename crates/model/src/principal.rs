//! Who calls, as far as it was proved: what doors establish and every operation asks about.

use std::sync::Arc;

use crate::{DatabaseName, Fields, Timestamp};

/// Who calls. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Principal {
    /// Nobody that is known. Security rules decide, and see no `request.auth`.
    Anonymous,
    /// An end user with a verified token. Security rules decide.
    User(Arc<User>),
    /// A server. Rules are not asked; its roles decide.
    Account(Arc<Account>),
    /// Whoever runs the server: may do everything everywhere.
    Administrator,
}

/// An end user, as a token tells.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// `request.auth.uid`.
    pub uid: String,
    /// `request.auth.token`: all claims.
    pub claims: Fields,
    /// The only project that the token is for; None for a development token, which is for all.
    pub project: Option<Arc<str>>,
    /// When the token stops being good; None when it never does.
    pub expires: Option<Timestamp>,
}

/// A service account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its address, `name@project.…`: what audit logs say.
    pub email: String,
    pub grants: Vec<Grant>,
    /// When its access token stops being good.
    pub expires: Option<Timestamp>,
}

/// A role, and where it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub project: Arc<str>,
    /// None for all databases of the project.
    pub database: Option<Arc<str>>,
    pub role: Role,
}

/// What an account may do; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read documents and indexes.
    Viewer,
    /// Read and write documents.
    User,
    /// Everything, security rules and clearing included.
    Owner,
}

impl Principal {
    /// True when `role` is held for `database` without asking security rules.
    pub fn holds(&self, role: Role, database: &DatabaseName) -> bool {
        match self {
            Principal::Administrator => true,
            Principal::Account(account) => account.grants.iter().any(|grant| {
                grant.role >= role
                    && grant.project == database.project
                    && grant.database.as_ref().is_none_or(|only| *only == database.database)
            }),
            Principal::Anonymous | Principal::User(_) => false,
        }
    }

    /// True when `role` is held for all databases of `project`.
    pub fn holds_in_project(&self, role: Role, project: &str) -> bool {
        match self {
            Principal::Administrator => true,
            Principal::Account(account) => account
                .grants
                .iter()
                .any(|grant| grant.role >= role && &*grant.project == project && grant.database.is_none()),
            Principal::Anonymous | Principal::User(_) => false,
        }
    }

    /// True for those about whom security rules decide.
    pub fn is_end_user(&self) -> bool {
        matches!(self, Principal::Anonymous | Principal::User(_))
    }

    /// When what was proved stops being good.
    pub fn expires(&self) -> Option<Timestamp> {
        match self {
            Principal::Anonymous | Principal::Administrator => None,
            Principal::User(user) => user.expires,
            Principal::Account(account) => account.expires,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_holds_where_it_was_granted_and_includes_lesser_ones() {
        let grant = |project: &str, database: Option<&str>, role| Grant {
            project: project.into(),
            database: database.map(Into::into),
            role,
        };
        let account =
            |grants| Principal::Account(Arc::new(Account { email: "a@p".to_owned(), grants, expires: None }));
        let database = DatabaseName::new("p", "d");
        let table = [
            (account(vec![grant("p", None, Role::User)]), Role::Viewer, true),
            (account(vec![grant("p", None, Role::User)]), Role::Owner, false),
            (account(vec![grant("p", Some("d"), Role::Owner)]), Role::Owner, true),
            (account(vec![grant("p", Some("other"), Role::Owner)]), Role::Viewer, false),
            (account(vec![grant("other", None, Role::Owner)]), Role::Viewer, false),
            (Principal::Administrator, Role::Owner, true),
            (Principal::Anonymous, Role::Viewer, false),
        ];
        for (principal, role, expected) in table {
            assert_eq!(principal.holds(role, &database), expected, "{principal:?} {role:?}");
        }
    }
}
