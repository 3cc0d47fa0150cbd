//! Page tokens: where the next page begins, bound to the request they came from.
//!
//! A token is 8 bytes that stand for the request's parameters, then the position; in base64url.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Status;

const STAMP_BYTES: usize = 8;

/// Writes a token for `position` in the answer to a request with these parameters.
pub(crate) fn write(parameters: &impl Hash, position: &[u8]) -> String {
    let mut bytes = stamp(parameters).to_be_bytes().to_vec();
    bytes.extend_from_slice(position);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the position from a token; None from an empty one. INVALID_ARGUMENT when it is no token, or
/// one of another request.
pub(crate) fn read(parameters: &impl Hash, token: &str) -> Result<Option<Vec<u8>>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let unreadable = || Status::invalid_argument("invalid page token");
    let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unreadable())?;
    let stamped = *bytes.first_chunk::<STAMP_BYTES>().ok_or_else(unreadable)?;
    if u64::from_be_bytes(stamped) != stamp(parameters) {
        return Err(Status::invalid_argument("Invalid page token."));
    }
    Ok(Some(bytes.split_off(STAMP_BYTES)))
}

/// The same within one version of the server: a token may be refused after an update, never misread
/// by chance (its parameters differ in 64 bits).
fn stamp(parameters: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parameters.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_its_request() {
        let token = write(&("a", 1), b"here");
        assert_eq!(read(&("a", 1), &token), Ok(Some(b"here".to_vec())));
        assert_eq!(read(&("a", 2), &token), Err(Status::invalid_argument("Invalid page token.")));
        assert_eq!(read(&("a", 1), ""), Ok(None));
        for broken in ["?", "AAAA", "é"] {
            assert_eq!(read(&("a", 1), broken), Err(Status::invalid_argument("invalid page token")));
        }
    }
}
