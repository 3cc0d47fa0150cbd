//! Why nobody is admitted: what the caller reads, and what an OAuth client reads.

use model::Status;

use crate::credentials::Credentials;

const NOT_CREDENTIALS: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                               cookie or other valid authentication credential. See \
                               https://developers.google.com/identity/sign-in/web/devconsole-project.";
const EXPIRED: &str = "Missing or invalid authentication.";
const UNPROVED: &str = "Missing or insufficient permissions.";
const NO_KEYS: &str = "The keys of the token's issuer cannot be had at the moment. Try again later.";

/// Why a token does not say who calls. Texts and codes are production's (FIRESTORE.md 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// No token of any kind that is known here, or of a key that was withdrawn: 401.
    NotCredentials,
    /// A token whose time has passed: 401, so that clients fetch another.
    Expired,
    /// A token of some issuer's form that proves nothing: 403.
    Unproved,
    /// The issuer's keys could not be fetched, ever: 503.
    NoKeys,
}

impl Rejection {
    /// What the caller of `credentials` reads.
    pub(crate) fn status(self, credentials: &Credentials<'_>) -> Status {
        match self {
            Rejection::NotCredentials => {
                let method = credentials.method.map(|called| format!("{}.{}", called.service, called.name));
                let service =
                    credentials.method.and_then(|called| service(called.service)).map(str::to_owned);
                let metadata = [("method", method), ("service", service)];
                let known = metadata.into_iter().filter_map(|(key, value)| Some((key, value?)));
                Status::unauthenticated(NOT_CREDENTIALS).with_info("CREDENTIALS_MISSING", known)
            }
            Rejection::Expired => Status::unauthenticated(EXPIRED),
            Rejection::Unproved => Status::permission_denied(UNPROVED),
            Rejection::NoKeys => Status::new(model::Code::Unavailable, NO_KEYS),
        }
    }
}

/// Production's name for a service.
fn service(full: &str) -> Option<&'static str> {
    [("google.firestore.", "firestore.googleapis.com"), ("google.datastore.", "datastore.googleapis.com")]
        .into_iter()
        .find_map(|(prefix, service)| full.starts_with(prefix).then_some(service))
}

/// Why no access token is given (RFC 6749, 5.2): HTTP status 400 with both as JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {error_description}")]
pub struct Refusal {
    pub error: &'static str,
    pub error_description: String,
}

impl Refusal {
    pub(crate) fn new(error: &'static str, error_description: impl Into<String>) -> Self {
        Refusal { error, error_description: error_description.into() }
    }
}
