//! The door: everybody who calls comes by here first.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use host::Host;
use model::{Principal, Status};

use crate::credentials::Credentials;
use crate::development;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::verified::Verified;

/// Says who calls. One for a server.
pub struct Door {
    kind: Kind,
}

enum Kind {
    Development,
    Verified(Arc<Verified>),
}

/// Why a door cannot be made: which file or address, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The register of keys, its secret or its lock.
    #[error("the key register {} cannot be used: {why}", path.display())]
    Register { path: PathBuf, why: String },
    /// Issuers that cannot be trusted together.
    #[error("{0}")]
    Issuers(String),
    /// The public keys of an issuer.
    #[error("the keys of {issuer} cannot be used: {why}")]
    Keys { issuer: String, why: String },
}

/// What an account gets for its assertion (RFC 6749, 5.1).
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
}

impl fmt::Debug for AccessToken {
    /// Never the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl Door {
    /// A door that believes everybody, as Google's emulator does: `Bearer owner` is the administrator, a token is a
    /// user whoever signed it, and nothing is nobody.
    pub fn development(_host: Host) -> Self {
        Door { kind: Kind::Development }
    }

    /// A door that believes nothing that is not signed by somebody it trusts. Fails when the key register or a file
    /// with an issuer's keys cannot be read, or when users of two issuers could be taken for each other; addresses are asked later, by [`Door::follow`] or the first who comes.
    pub fn verified(options: Options, host: Host) -> Result<Self, Failure> {
        Ok(Door { kind: Kind::Verified(Arc::new(Verified::new(options, host)?)) })
    }

    /// Who sends these. Cheap for a token that was seen before. A refusal is UNAUTHENTICATED, PERMISSION_DENIED or
    /// INVALID_ARGUMENT with the text of production or of the emulator.
    pub async fn admit(&self, credentials: &Credentials<'_>) -> Result<Principal, Status> {
        match &self.kind {
            Kind::Development => development::admit(credentials),
            Kind::Verified(verified) => verified.admit(credentials).await,
        }
    }

    /// Done when the key with which a principal proved who it is was withdrawn, or has come to its end. None for who
    /// came without a key. It says nothing of the end of his token ([`Principal::expires`]).
    pub fn withdrawn(&self, principal: &Principal) -> Option<impl Future<Output = ()> + Send + use<>> {
        match (&self.kind, principal) {
            (Kind::Verified(verified), Principal::Account(account)) => {
                Some(verified.withdrawn(account.clone()))
            }
            (Kind::Verified(_), Principal::Anonymous | Principal::User(_) | Principal::Administrator)
            | (Kind::Development, _) => None,
        }
    }

    /// An access token for an assertion that an account signed (RFC 7523, 2.1).
    pub async fn exchange(&self, grant_type: &str, assertion: &str) -> Result<AccessToken, Refusal> {
        match &self.kind {
            Kind::Development => Err(Refusal::new(
                "invalid_request",
                "This server verifies nobody and needs no tokens. Start it with --auth.",
            )),
            Kind::Verified(verified) => verified.exchange(grant_type, assertion),
        }
    }

    /// Follows the key register and the issuers' keys for ever. What cannot be read leaves the last good in use, and
    /// is logged.
    pub async fn follow(&self) {
        match &self.kind {
            Kind::Development => std::future::pending().await,
            Kind::Verified(verified) => verified.follow().await,
        }
    }

    /// True for a door that believes everybody.
    pub fn is_development(&self) -> bool {
        matches!(self.kind, Kind::Development)
    }
}

impl fmt::Debug for Door {
    /// Which kind it is, and no secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("is_development", &self.is_development()).finish_non_exhaustive()
    }
}
