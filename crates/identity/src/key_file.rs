//! Making keys, and the file that an account gets: the form that Google's libraries load.

use std::fmt;

use host::Host;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::{CryptoRng, Error, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::Serialize;

use crate::public_key::PublicKey;
use crate::register::Key;

/// The size of Google's keys, and the least that is taken anywhere.
const MODULUS_BITS: usize = 2_048;
/// A client id has so many digits, and no meaning here.
const CLIENT_ID_DIGITS: usize = 21;

/// A new pair.
#[derive(Clone)]
pub(crate) struct Pair {
    /// PKCS#8 in PEM.
    pub(crate) private: String,
    pub(crate) public: PublicKey,
}

impl Pair {
    /// Makes one. Takes a second or less.
    pub(crate) fn generate(host: &Host) -> Result<Self, String> {
        let private = RsaPrivateKey::new(&mut Dice(host), MODULUS_BITS).map_err(|error| error.to_string())?;
        let public = RsaPublicKey::from(&private);
        let public = PublicKey::Rsa { modulus: public.n().to_bytes_be(), exponent: public.e().to_bytes_be() };
        let pem = private.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
        Ok(Pair { private: pem.to_string(), public })
    }
}

/// What an account needs to say who it is. To be written where only its owner reads.
pub struct KeyFile {
    /// The key as the register has it.
    pub key: Key,
    json: String,
}

/// The members of the file, in Google's order.
#[derive(Serialize)]
struct Members<'a> {
    r#type: &'static str,
    project_id: &'a str,
    private_key_id: &'a str,
    private_key: &'a str,
    client_email: &'a str,
    client_id: String,
    auth_uri: String,
    token_uri: String,
    auth_provider_x509_cert_url: String,
    client_x509_cert_url: String,
    universe_domain: &'a str,
}

impl KeyFile {
    pub(crate) fn new(key: Key, pair: &Pair, host: &Host) -> Self {
        let server = &key.server;
        let digits = (0..CLIENT_ID_DIGITS).map(|_| char::from(b'0' + (host.random() % 10) as u8));
        let members = Members {
            r#type: "service_account",
            project_id: &key.project,
            private_key_id: &key.id,
            private_key: &pair.private,
            client_email: &key.email,
            client_id: digits.collect(),
            auth_uri: format!("{server}/auth"),
            token_uri: format!("{server}/token"),
            auth_provider_x509_cert_url: format!("{server}/certs"),
            client_x509_cert_url: format!("{server}/certs/{}", key.email),
            universe_domain: &key.universe_domain,
        };
        let json = serde_json::to_string_pretty(&members).expect("texts are JSON") + "\n";
        KeyFile { key, json }
    }

    /// The file's text. It holds the private key.
    pub fn secret_text(&self) -> &str {
        &self.json
    }
}

impl fmt::Debug for KeyFile {
    /// Which key, not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("id", &self.key.id)
            .field("email", &self.key.email)
            .finish_non_exhaustive()
    }
}

/// The host's secrets as the makers of keys want them.
struct Dice<'a>(&'a Host);

impl RngCore for Dice<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.secret())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.secret())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.0.secret::<8>()[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Dice<'_> {}
