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
    /// The id of the key with which it proved that.
    pub key: String,
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

    /// True when both are the same one, whatever else their tokens say and however long those are good. Ids of users are
    /// their issuer's: two issuers may give the same one to different people.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Principal::Anonymous, Principal::Anonymous)
            | (Principal::Administrator, Principal::Administrator) => true,
            (Principal::User(one), Principal::User(other)) => {
                let issuer = |user: &User| user.claims.get("iss").cloned();
                one.uid == other.uid && one.project == other.project && issuer(one) == issuer(other)
            }
            (Principal::Account(one), Principal::Account(other)) => one.email == other.email,
            (Principal::Anonymous | Principal::User(_) | Principal::Account(_), _)
            | (Principal::Administrator, _) => false,
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
    fn a_caller_stays_the_same_with_another_token_and_no_two_are_one() {
        let user = |uid: &str, issuer: &str, expires| {
            let claims = Fields::from([("iss".to_owned(), crate::Value::String(issuer.to_owned()))]);
            Principal::User(Arc::new(User { uid: uid.to_owned(), claims, project: None, expires }))
        };
        let account = |email: &str| {
            let (email, key) = (email.to_owned(), String::new());
            Principal::Account(Arc::new(Account { email, key, grants: vec![], expires: None }))
        };
        assert!(user("a", "i", None).is_same_as(&user("a", "i", Some(Timestamp::ZERO))));
        let all = [
            Principal::Anonymous,
            Principal::Administrator,
            user("a", "i", None),
            user("b", "i", None),
            user("a", "j", None),
            account("a"),
            account("b"),
        ];
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                assert_eq!(one.is_same_as(other), at == other_at, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_role_holds_where_it_was_granted_and_includes_lesser_ones() {
        let grant = |project: &str, database: Option<&str>, role| Grant {
            project: project.into(),
            database: database.map(Into::into),
            role,
        };
        let account = |grants| {
            let (email, key) = ("a@p".to_owned(), String::new());
            Principal::Account(Arc::new(Account { email, key, grants, expires: None }))
        };
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
