//! Service accounts: who has a key of the register, and what they sign with it.
//!
//! Two things come from an account. A token that it signed for itself says `iss` = `sub` = its address and goes straight
//! into the `authorization` header (as Google's libraries do by default). An assertion says who it is to the token
//! endpoint, and brings an access token (RFC 7523).

use std::collections::HashMap;
use std::sync::Arc;

use model::principal::Account;
use model::{Principal, Timestamp};

use crate::jwt::Jwt;
use crate::moment::{LATEST, Moment};
use crate::public_key::PublicKey;
use crate::refusal::{Refusal, Rejection};
use crate::register::{KEYS_OF_AN_ACCOUNT, Key, Register};
use crate::times::{Times, Window};

/// What the address of each account ends with. Names below `internal` are nobody's in the world's name system.
pub(crate) const ACCOUNT_DOMAIN: &str = ".irori.internal";
/// The longest that a token may be good for which an account signs, in seconds; Google's limit too.
pub(crate) const LONGEST: i64 = 3_600;

/// The names by which Google's libraries call the services that we stand in for.
const SERVICES: [&str; 2] = ["https://firestore.googleapis.com", "https://datastore.googleapis.com"];
/// The audiences of assertions that Google's libraries make, whatever the key's `token_uri` says.
const TOKEN_ENDPOINTS: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
];
/// Where a server's token endpoint is.
const TOKEN_PATH: &str = "/token";
/// A token must be for one of these.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/datastore"];

/// The keys of a register, to be looked up.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    keys: Vec<(Key, PublicKey)>,
    by_id: HashMap<String, usize>,
    by_email: HashMap<String, Vec<usize>>,
}

impl Accounts {
    pub(crate) fn new(register: Register) -> Self {
        let mut accounts = Accounts::default();
        for key in register.keys {
            let Some(public) = key.public() else { continue };
            let at = accounts.keys.len();
            accounts.by_id.insert(key.id.clone(), at);
            accounts.by_email.entry(key.email.clone()).or_default().push(at);
            accounts.keys.push((key, public));
        }
        accounts
    }

    /// True for a token that an account would have signed, if anybody did.
    pub(crate) fn claim(jwt: &Jwt<'_>) -> bool {
        jwt.text("iss").is_some_and(|issuer| issuer.ends_with(ACCOUNT_DOMAIN))
    }

    /// The account of a token that it signed for itself, and until when it is good. `audiences` are the addresses of
    /// this server.
    pub(crate) fn admit(
        &self,
        jwt: &Jwt<'_>,
        audiences: &[String],
        times: Times,
    ) -> Result<(Principal, Window), Rejection> {
        let key = self.signer(jwt, times.now).ok_or(Rejection::NotCredentials)?;
        if jwt.text("sub") != Some(&key.email) {
            return Err(Rejection::NotCredentials);
        }
        let window = lifetime(jwt, times)?;
        let origins =
            || SERVICES.into_iter().chain(audiences.iter().map(String::as_str)).chain([key.server.as_str()]);
        let is_for_us = match jwt.claims.contains_key("aud") {
            true => jwt.is_for(|audience| origins().any(|origin| is_below(origin, audience))),
            false => has_scope(jwt),
        };
        if !is_for_us {
            return Err(Rejection::NotCredentials);
        }
        Ok(principal(key, window))
    }

    /// The account of a key that an access token was given for.
    pub(crate) fn bearer(
        &self,
        key_id: &str,
        expires: Moment,
        now: Moment,
    ) -> Result<(Principal, Window), Rejection> {
        let (key, _) = &self.keys[*self.by_id.get(key_id).ok_or(Rejection::NotCredentials)?];
        if !key.is_good(now) {
            return Err(Rejection::NotCredentials);
        }
        if now >= expires {
            return Err(Rejection::Expired);
        }
        Ok(principal(key, Window { expires, taken_until: expires }))
    }

    /// Until when the key is good with which `account` proved who it is; None when it is not good any more, or for
    /// something else.
    pub(crate) fn stands(&self, account: &Account, now: Moment) -> Option<Moment> {
        let (key, _) = &self.keys[*self.by_id.get(&account.key)?];
        let is_the_same = key.email == account.email && account.grants == [key.grant()];
        (is_the_same && key.is_good(now)).then(|| key.expires.unwrap_or(LATEST))
    }

    /// The key that an assertion is signed with.
    pub(crate) fn assert(&self, assertion: &str, audiences: &[String], times: Times) -> Result<Key, Refusal> {
        let grant = |why: &str| Refusal::new("invalid_grant", why);
        let jwt = Jwt::read(assertion).ok_or_else(|| grant("The assertion is not a JSON Web Token."))?;
        let key = self.signer(&jwt, times.now).ok_or_else(|| {
            grant("Invalid JWT Signature: no key of that account that is still good has made it.")
        })?;
        if jwt.claims.get("sub").is_some_and(|subject| subject != &key.email) {
            return Err(Refusal::new(
                "unauthorized_client",
                "An account acts for nobody else: leave `sub` out.",
            ));
        }
        lifetime(&jwt, times).map_err(|_| {
            grant("Invalid JWT: it must be good now and for an hour at most. Look at iat and exp, and at the clock.")
        })?;
        let ours = || audiences.iter().map(String::as_str).chain([key.server.as_str()]);
        let is_for_us = jwt.is_for(|audience| {
            TOKEN_ENDPOINTS.contains(&audience)
                || ours().any(|origin| is_below(origin, audience) && audience.ends_with(TOKEN_PATH))
        });
        if !is_for_us {
            return Err(grant("Invalid JWT: `aud` must be the address of this token endpoint."));
        }
        if !has_scope(&jwt) {
            return Err(Refusal::new("invalid_scope", format!("`scope` must have {}.", SCOPES[1])));
        }
        Ok(key.clone())
    }

    /// The good key that a token is signed with: the one that it names, or one of the account's if it names none (as
    /// Google's library for Node does).
    fn signer(&self, jwt: &Jwt<'_>, now: Moment) -> Option<&Key> {
        let email = jwt.text("iss")?;
        let named = match jwt.key_id() {
            Some(id) => std::slice::from_ref(self.by_id.get(id)?),
            None => self.by_email.get(email)?.as_slice(),
        };
        let good =
            named.iter().map(|at| &self.keys[*at]).filter(|(key, _)| key.email == email && key.is_good(now));
        let signer = good.take(KEYS_OF_AN_ACCOUNT).find(|(_, public)| public.signed(jwt));
        signer.map(|(key, _)| key)
    }
}

/// Checks when a token is good, and that it is not good for too long.
fn lifetime(jwt: &Jwt<'_>, times: Times) -> Result<Window, Rejection> {
    let window = times.check(jwt)?;
    let issued = jwt.seconds("iat").ok_or(Rejection::NotCredentials)?;
    let length = window.expires.0.saturating_sub(issued);
    match length <= LONGEST.saturating_add(times.skew) {
        true => Ok(window),
        false => Err(Rejection::NotCredentials),
    }
}

fn principal(key: &Key, window: Window) -> (Principal, Window) {
    let earlier = |moment: Moment| key.expires.map_or(moment, |end| end.min(moment));
    let window = Window { expires: earlier(window.expires), taken_until: earlier(window.taken_until) };
    let account = Account {
        email: key.email.clone(),
        key: key.id.clone(),
        grants: vec![key.grant()],
        expires: Timestamp::from_parts(window.expires.0, 0),
    };
    (Principal::Account(Arc::new(account)), window)
}

/// True for an address, and for everything below it.
fn is_below(origin: &str, address: &str) -> bool {
    let rest = address.strip_prefix(origin.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn has_scope(jwt: &Jwt<'_>) -> bool {
    let scopes = jwt.text("scope").unwrap_or_default();
    scopes.split(' ').any(|scope| SCOPES.contains(&scope))
}
