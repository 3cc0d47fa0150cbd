//! The door of a developer's machine: it believes everybody, as Google's emulator does (FIRESTORE.md 6.1).

use model::{Principal, Status};

use crate::claims;
use crate::credentials::{Credentials, TOKEN_BYTES};
use crate::jwt::Jwt;

/// What those who may do everything call themselves, in any case.
const ADMINISTRATOR: &str = "owner";
/// How Google's access tokens begin, in any case: their bearers are administrators too.
const ACCESS_TOKEN: &str = "ya29.";

/// Who says so of themselves. INVALID_ARGUMENT `invalid jwt` for a token that is none.
pub(crate) fn admit(credentials: &Credentials<'_>) -> Result<Principal, Status> {
    let Some(token) = token(credentials) else { return Ok(Principal::Anonymous) };
    if token.eq_ignore_ascii_case(ADMINISTRATOR) || begins_with(token, ACCESS_TOKEN) {
        return Ok(Principal::Administrator);
    }
    let jwt = Some(token).filter(|token| token.len() <= TOKEN_BYTES).and_then(Jwt::read);
    match jwt.filter(|jwt| jwt.signature.is_some()) {
        Some(jwt) => Ok(Principal::User(claims::unverified_user(jwt.claims))),
        None => Err(Status::invalid_argument("invalid jwt")),
    }
}

/// The bearer's token; here the scheme may be written in any case.
fn token<'a>(credentials: &Credentials<'a>) -> Option<&'a str> {
    let (scheme, token) = credentials.authorization?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn begins_with(token: &str, prefix: &str) -> bool {
    token.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
