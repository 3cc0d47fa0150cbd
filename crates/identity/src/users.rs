//! End users: their tokens come from issuers, and say which project or application they are for.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use host::Host;
use model::principal::User;
use model::{Principal, Timestamp};

use crate::claims;
use crate::issuer_keys::IssuerKeys;
use crate::jwt::Jwt;
use crate::options::Issuer;
use crate::refusal::Rejection;
use crate::times::{Times, Window};

/// The longest id of a user, as Firebase Authentication has it.
const UID_CHARACTERS: usize = 128;

/// An issuer and its keys.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    issuer: Issuer,
    pub(crate) keys: Arc<IssuerKeys>,
}

impl TrustedIssuer {
    /// Fails, in words, when the issuer's keys are in a file that cannot be used. `changes` is counted up after each
    /// change of keys.
    pub(crate) fn new(issuer: Issuer, changes: Arc<AtomicU64>) -> Result<Self, String> {
        let keys = Arc::new(IssuerKeys::new(&issuer, changes)?);
        Ok(TrustedIssuer { issuer, keys })
    }
}

/// The user of a token, and until when it is good. First the signature is checked and only then everything else, so
/// that a forger learns nothing.
pub(crate) async fn admit(
    jwt: Jwt<'_>,
    issuers: &[TrustedIssuer],
    times: Times,
    host: &Host,
) -> Result<(Principal, Window), Rejection> {
    let trusted = issuers
        .iter()
        .filter(|trusted| jwt.text("iss") == Some(&trusted.issuer.issuer))
        .find(|trusted| jwt.is_for(|audience| audience == trusted.issuer.audience))
        .ok_or(Rejection::Unproved)?;
    let key_id = jwt.key_id().ok_or(Rejection::Unproved)?;
    let keys = trusted.keys.with(key_id, host).await?;
    if !keys.get(key_id).is_some_and(|key| key.signed(&jwt)) {
        return Err(Rejection::Unproved);
    }
    let window = times.check(&jwt)?;
    let uid = jwt.text("sub").filter(|uid| !uid.is_empty() && uid.chars().count() <= UID_CHARACTERS);
    let user = User {
        uid: uid.ok_or(Rejection::Unproved)?.to_owned(),
        project: trusted.issuer.project.clone(),
        expires: Timestamp::from_parts(window.expires.0, 0),
        claims: claims::fields(jwt.claims),
    };
    Ok((Principal::User(Arc::new(user)), window))
}
