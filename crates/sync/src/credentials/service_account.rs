//! A service account by its key file.
//!
//! It needs no token server: it signs a token for the service itself, as Google's own client libraries do (audience
//! `https://firestore.googleapis.com/`, an hour's life). A `token_uri` of its file is for other services.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

use super::{EARLY, KeyFile};
use crate::time::Time;

/// What such tokens are for; Google's service and Irori both go by it.
const AUDIENCE: &str = "https://firestore.googleapis.com/";
/// The longest life that is accepted.
const LIFE: Duration = Duration::from_secs(3_600);

/// An account and its private key.
pub struct ServiceAccount {
    pub(super) email: String,
    key_id: String,
    key: RsaKeyPair,
    pub(super) project: Option<String>,
    token: Mutex<Option<(String, Time)>>,
}

fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()
}

impl ServiceAccount {
    /// `None` when the file lacks something, or its key is none of RSA.
    pub(super) fn of(file: KeyFile) -> Option<ServiceAccount> {
        let key = key_pair(&file.private_key?)?;
        let (email, key_id, project) = (file.client_email?, file.private_key_id?, file.project_id);
        Some(ServiceAccount { email, key_id, key, project, token: Mutex::new(None) })
    }

    /// Forgets the token.
    pub(super) fn renew(&self) {
        *self.token.lock().expect("nobody panics while holding it") = None;
    }

    pub(super) fn token(&self, now: Time) -> String {
        let mut kept = self.token.lock().expect("nobody panics while holding it");
        match &*kept {
            Some((token, until)) if now < *until => token.clone(),
            Some(_) | None => {
                let token = self.sign(now);
                *kept = Some((token.clone(), now.plus(LIFE - EARLY)));
                token
            }
        }
    }

    fn sign(&self, now: Time) -> String {
        let seconds = now.0.div_euclid(1_000_000);
        let encode = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = encode(json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id }));
        let claims = encode(json!({
            "iss": self.email,
            "sub": self.email,
            "aud": AUDIENCE,
            "iat": seconds,
            "exp": seconds + i64::try_from(LIFE.as_secs()).expect("an hour fits"),
        }));
        let message = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("the key was checked when it was read, and the signature has its length");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
