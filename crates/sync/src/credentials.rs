//! Who asks: nobody, the emulator's administrator, a service account by its key file, or a person.

mod service_account;
#[cfg(test)]
mod tests;
mod user;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

pub use self::service_account::ServiceAccount;
pub use self::user::User;
use crate::failure::{Failure, Kind};
use crate::time::Time;

/// A token is replaced so long before its end, or after half of its life when that is later.
const EARLY: Duration = Duration::from_secs(300);
/// A key file is a few kilobytes.
const MOST_BYTES: u64 = 64 * 1024;

/// See the module. `Debug` shows no secret.
pub enum Credentials {
    /// No credentials: security rules decide.
    Nobody,
    /// `Bearer owner`, the administrator of emulators.
    Owner,
    ServiceAccount(Box<ServiceAccount>),
    /// Who has logged in with `gcloud auth application-default login`.
    User(Box<User>),
}

/// What is read of a file.
#[derive(Deserialize)]
struct KeyFile {
    r#type: String,
    // Of a service account.
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    project_id: Option<String>,
    // Of a person.
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    quota_project_id: Option<String>,
    token_uri: Option<String>,
}

/// What goes along with a call.
#[derive(Debug, Default)]
pub(crate) struct Headers<'a> {
    pub(crate) authorization: Option<String>,
    /// The project that pays for a person's calls.
    pub(crate) user_project: Option<&'a str>,
}

impl Credentials {
    /// Reads a service account's key file, or a person's application default credentials.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is something else; the message never holds a part of a secret.
    pub fn from_file(path: &Path) -> Result<Credentials, Failure> {
        let shown = path.display();
        let denied = |message: String| Failure::new(Kind::Denied, message);
        let unreadable = |error| denied(format!("could not read the credentials {shown}: {error}"));
        if std::fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
            return Err(denied(format!("{shown} is too large for a service account's key file")));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| {
            denied(format!("{shown} is not a service account's key file: it is not such JSON"))
        })?;
        match file.r#type.as_str() {
            "service_account" => match ServiceAccount::of(file) {
                Some(account) => Ok(Credentials::ServiceAccount(Box::new(account))),
                None => Err(denied(format!(
                    "{shown} is not a whole key file: it needs client_email, private_key_id and a private_key of RSA"
                ))),
            },
            "authorized_user" => Ok(Credentials::User(Box::new(User::of(file, &shown.to_string())?))),
            _ => Err(denied(format!(
                "{shown} holds credentials of a type that cannot be used here: make a key for a service account, or \
                 log in with `gcloud auth application-default login` and give the file that it writes"
            ))),
        }
    }

    /// The project that the account belongs to.
    pub fn project(&self) -> Option<&str> {
        match self {
            Credentials::ServiceAccount(account) => account.project.as_deref(),
            Credentials::Nobody | Credentials::Owner | Credentials::User(_) => None,
        }
    }

    /// What goes along with a call at `now`. A person's token may have to be fetched.
    ///
    /// # Errors
    ///
    /// There is no token to be had.
    pub(crate) async fn headers(&self, now: Time) -> Result<Headers<'_>, Failure> {
        let authorization = match self {
            Credentials::Nobody => return Ok(Headers::default()),
            Credentials::Owner => "Bearer owner".to_owned(),
            Credentials::ServiceAccount(account) => format!("Bearer {}", account.token(now)),
            Credentials::User(user) => format!("Bearer {}", user.token(now).await?),
        };
        let user_project = match self {
            Credentials::User(user) => user.project.as_deref(),
            Credentials::Nobody | Credentials::Owner | Credentials::ServiceAccount(_) => None,
        };
        Ok(Headers { authorization: Some(authorization), user_project })
    }

    /// Forgets the token: the server did not take it.
    pub(crate) fn renew(&self) {
        match self {
            Credentials::Nobody | Credentials::Owner => {}
            Credentials::ServiceAccount(account) => account.renew(),
            Credentials::User(user) => user.renew(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Nobody => f.write_str("Nobody"),
            Credentials::Owner => f.write_str("Owner"),
            Credentials::ServiceAccount(account) => write!(f, "ServiceAccount({})", account.email),
            Credentials::User(_) => f.write_str("User"),
        }
    }
}
