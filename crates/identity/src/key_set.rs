//! The public keys of an issuer, by their ids.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::public_key::PublicKey;

/// Bytes of a set; Google's has three thousand.
pub(crate) const KEY_SET_BYTES: usize = 256 << 10;
/// Keys in a set.
const KEYS: usize = 200;

/// The public keys of an issuer.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: HashMap<String, PublicKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Map<String, Json>>,
}

impl KeySet {
    /// Reads a JWKS (RFC 7517, 5). Keys without an id and keys of other kinds are passed over; a set without any
    /// that can be used is an error, in words.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > KEY_SET_BYTES {
            return Err(format!("a set of keys has at most {} KiB", KEY_SET_BYTES >> 10));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|error| {
            format!("a set of keys is JSON like {{\"keys\": [{{\"kty\": \"RSA\", …}}]}}; here {error}")
        })?;
        if document.keys.len() > KEYS {
            return Err(format!("a set has at most {KEYS} keys"));
        }
        let mut keys = HashMap::new();
        for key in &document.keys {
            let id = key.get("kid").and_then(Json::as_str);
            if let (Some(id), Some(public)) = (id, PublicKey::from_jwk(key))
                && keys.insert(id.to_owned(), public).is_some()
            {
                return Err(format!("two keys have the id {id:?}"));
            }
        }
        match keys.is_empty() {
            true => Err("it has no key with an id (kid) for RS256 or ES256".to_owned()),
            false => Ok(KeySet { keys }),
        }
    }

    /// The key of an id.
    pub(crate) fn get(&self, id: &str) -> Option<&PublicKey> {
        self.keys.get(id)
    }
}
