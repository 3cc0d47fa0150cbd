//! JSON Web Tokens: three parts, read without believing anything.

use std::fmt;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json};

/// The alphabet of addresses, with or without padding, as Google's readers take it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_encode_padding(false),
);

/// How a token says it is signed. Whatever else it may say is not taken: no `none`, no shared secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
}

/// A token's parts. Nothing is verified.
pub(crate) struct Jwt<'a> {
    header: Map<String, Json>,
    pub(crate) claims: Map<String, Json>,
    /// What the signature is of.
    pub(crate) signed: &'a [u8],
    /// None: it is not even base64.
    pub(crate) signature: Option<Vec<u8>>,
}

impl<'a> Jwt<'a> {
    /// Reads three parts of which two are JSON objects in base64. None for everything else. A signature that cannot be
    /// read is a wrong one, not the lack of a token.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Jwt {
            header: object(header)?,
            claims: object(claims)?,
            signed: signed.as_bytes(),
            signature: BASE64.decode(signature).ok(),
        })
    }

    /// None for an algorithm that is not taken, and for a header with extensions that a reader must understand.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        if self.header.contains_key("crit") {
            return None;
        }
        match self.header.get("alg")?.as_str()? {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            _ => None,
        }
    }

    /// The id of the key that it says it is signed with. It is only ever looked up among keys that are known; keys
    /// in the header (`jwk`, `x5c`) and addresses of keys (`jku`, `x5u`) are not read.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a time, in seconds since the epoch; a part of a second is dropped.
    pub(crate) fn seconds(&self, claim: &str) -> Option<i64> {
        let claim = self.claims.get(claim)?;
        // A cast of a float saturates, and what is not a number is none in JSON.
        claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds as i64))
    }

    /// True when `aud` is `audience`, or a list that has it.
    pub(crate) fn is_for(&self, audience: impl Fn(&str) -> bool) -> bool {
        match self.claims.get("aud") {
            Some(Json::String(only)) => audience(only),
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).any(audience),
            _ => false,
        }
    }
}

impl fmt::Debug for Jwt<'_> {
    /// Says who issued it, never what would let somebody use it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuer", &self.text("iss"))
            .field("key_id", &self.key_id())
            .finish_non_exhaustive()
    }
}

fn object(part: &str) -> Option<Map<String, Json>> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}
