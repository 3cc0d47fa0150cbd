//! Who asks: nobody, the emulator's administrator, or a service account by its key file.
//!
//! A service account needs no token server: it signs a token for the service itself, as Google's own client
//! libraries do (audience `https://firestore.googleapis.com/`, an hour's life).

use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{Failure, Kind};
use crate::time::Time;

/// What such tokens are for; Google's service and Irori both go by it.
const AUDIENCE: &str = "https://firestore.googleapis.com/";
/// The longest life that is accepted.
const LIFE: Duration = Duration::from_secs(3_600);
/// A token is replaced so long before its end.
const EARLY: Duration = Duration::from_secs(300);
/// A key file is a few kilobytes.
const MOST_BYTES: u64 = 64 * 1024;

/// See the module. `Debug` shows no secret.
pub enum Credentials {
    /// No credentials: security rules decide.
    Nobody,
    /// `Bearer owner`, the administrator of emulators.
    Owner,
    ServiceAccount(Box<ServiceAccount>),
}

/// An account and its private key.
pub struct ServiceAccount {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    project: Option<String>,
    token: Mutex<Option<(String, Time)>>,
}

/// What is read of a key file.
#[derive(Deserialize)]
struct KeyFile {
    r#type: String,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    project_id: Option<String>,
}

impl Credentials {
    /// Reads a service account's key file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is something else; the message never holds a part of a key.
    pub fn from_file(path: &Path) -> Result<Credentials, Failure> {
        let shown = path.display();
        let denied = |message: String| Failure::new(Kind::Denied, message);
        let unreadable = |error| denied(format!("could not read the credentials {shown}: {error}"));
        if std::fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
            return Err(denied(format!("{shown} is too large for a service account's key file")));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| {
            denied(format!("{shown} is not a service account's key file: it is not such JSON"))
        })?;
        if file.r#type != "service_account" {
            return Err(denied(format!(
                "{shown} holds credentials of another type than `service_account`; make a key for an account"
            )));
        }
        let key = file.private_key.as_deref().and_then(key_pair);
        match (file.client_email, file.private_key_id, key) {
            (Some(email), Some(key_id), Some(key)) => {
                Ok(Credentials::ServiceAccount(Box::new(ServiceAccount {
                    email,
                    key_id,
                    key,
                    project: file.project_id,
                    token: Mutex::new(None),
                })))
            }
            _ => Err(denied(format!(
                "{shown} is not a whole key file: it needs client_email, private_key_id and a private_key of RSA"
            ))),
        }
    }

    /// The project that the account belongs to.
    pub fn project(&self) -> Option<&str> {
        match self {
            Credentials::ServiceAccount(account) => account.project.as_deref(),
            Credentials::Nobody | Credentials::Owner => None,
        }
    }

    /// The `authorization` header for a call at `now`.
    pub(crate) fn header(&self, now: Time) -> Option<String> {
        match self {
            Credentials::Nobody => None,
            Credentials::Owner => Some("Bearer owner".to_owned()),
            Credentials::ServiceAccount(account) => Some(format!("Bearer {}", account.token(now))),
        }
    }

    /// Forgets the token: the server did not take it.
    pub(crate) fn renew(&self) {
        match self {
            Credentials::Nobody | Credentials::Owner => {}
            Credentials::ServiceAccount(account) => {
                *account.token.lock().expect("nobody panics while holding it") = None;
            }
        }
    }
}

fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()
}

impl ServiceAccount {
    fn token(&self, now: Time) -> String {
        let mut kept = self.token.lock().expect("nobody panics while holding it");
        match &*kept {
            Some((token, until)) if now < *until => token.clone(),
            Some(_) | None => {
                let token = self.sign(now);
                let until = Time(now.0 + i64::try_from((LIFE - EARLY).as_micros()).expect("an hour fits"));
                *kept = Some((token.clone(), until));
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

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Nobody => f.write_str("Nobody"),
            Credentials::Owner => f.write_str("Owner"),
            Credentials::ServiceAccount(account) => write!(f, "ServiceAccount({})", account.email),
        }
    }
}
