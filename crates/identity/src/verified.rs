//! The door that verifies.

use host::Host;
use model::{Principal, Status};

use crate::credentials::Credentials;
use crate::door::{AccessToken, Failure};
use crate::options::Options;
use crate::refusal::{Refusal, Rejection};

/// Everything that a door needs to verify tokens.
pub(crate) struct Verified {}

impl Verified {
    pub(crate) fn new(_options: Options, _host: Host) -> Result<Self, Failure> {
        Ok(Verified {})
    }

    pub(crate) async fn admit(&self, credentials: &Credentials<'_>) -> Result<Principal, Status> {
        match credentials.token() {
            None => Ok(Principal::Anonymous),
            Some(_) => Err(Rejection::NotCredentials.status(credentials)),
        }
    }

    pub(crate) fn exchange(&self, grant_type: &str, _assertion: &str) -> Result<AccessToken, Refusal> {
        Err(Refusal::new("unsupported_grant_type", grant_type))
    }

    pub(crate) async fn follow(&self) {
        std::future::pending().await
    }
}
