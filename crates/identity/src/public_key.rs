//! Public keys: read from JSON Web Keys, asked about signatures.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value as Json};

use crate::jwt::{Algorithm, Jwt};

/// The two coordinates of a point of P-256.
const COORDINATE_BYTES: usize = 32;
/// The largest modulus that signatures are checked with.
const MODULUS_BYTES: usize = 8_192 / 8;
/// The smallest one.
const SHORTEST_MODULUS_BYTES: usize = 2_048 / 8;

/// A key for signatures. Its kind decides the algorithm, whatever a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point, uncompressed.
    P256(Vec<u8>),
}

impl PublicKey {
    /// Reads a JSON Web Key. None for a key that is for something else than signatures taken here: other kinds may
    /// stand in a set, and are passed over.
    pub(crate) fn from_jwk(key: &Map<String, Json>) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Json::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let is_for = |algorithm: &str| text("alg").is_none_or(|only| only == algorithm);
        let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        match text("kty")? {
            "RSA" if is_for("RS256") => {
                let modulus = number("n")?;
                let fits = (SHORTEST_MODULUS_BYTES..=MODULUS_BYTES).contains(&modulus.len());
                fits.then_some(PublicKey::Rsa { modulus, exponent: number("e")? })
            }
            "EC" if is_for("ES256") && text("crv") == Some("P-256") => {
                let (x, y) = (number("x")?, number("y")?);
                let fits = x.len() == COORDINATE_BYTES && y.len() == COORDINATE_BYTES;
                // The mark of an uncompressed point (SEC 1, 2.3.3).
                fits.then(|| PublicKey::P256([&[4][..], &x, &y].concat()))
            }
            _ => None,
        }
    }

    /// The same key as a JSON Web Key.
    pub(crate) fn to_jwk(&self) -> Map<String, Json> {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let members = match self {
            PublicKey::Rsa { modulus, exponent } => {
                vec![("kty", "RSA".to_owned()), ("n", number(modulus)), ("e", number(exponent))]
            }
            PublicKey::P256(point) => {
                let (x, y) = point[1..].split_at(COORDINATE_BYTES);
                let curve = ("crv", "P-256".to_owned());
                vec![("kty", "EC".to_owned()), curve, ("x", number(x)), ("y", number(y))]
            }
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), Json::String(value))).collect()
    }

    /// True when the token was signed by the owner of this key, by the algorithm of this kind of key.
    pub(crate) fn signed(&self, jwt: &Jwt<'_>) -> bool {
        let Some(signature) = &jwt.signature else { return false };
        match (self, jwt.algorithm()) {
            (PublicKey::Rsa { modulus, exponent }, Some(Algorithm::Rs256)) => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, jwt.signed, signature).is_ok()
            }
            (PublicKey::P256(point), Some(Algorithm::Es256)) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(jwt.signed, signature).is_ok()
            }
            (PublicKey::Rsa { .. } | PublicKey::P256(_), _) => false,
        }
    }
}
