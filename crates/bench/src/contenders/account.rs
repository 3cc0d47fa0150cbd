//! A service account: a key that the server's program makes, and a token that its bearer signs for itself.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use crate::failure::Failure;

const AUDIENCE: &str = "https://firestore.googleapis.com/";
/// Seconds that a token is good: as long as one may be.
const LIFE: u64 = 3_600;

/// See the module.
pub struct Account {
    /// The value of the `authorization` header.
    pub authorization: String,
    /// What a server needs to be told to know the account.
    pub arguments: Vec<String>,
}

/// What a key file says that a token is made of.
struct KeyFile {
    id: String,
    email: String,
    pair: RsaKeyPair,
}

impl Account {
    /// Makes a key with `program`, in a register in `directory`, and a token.
    pub fn new(program: &Path, directory: &Path) -> Result<Self, Failure> {
        let register = directory.join("register.json");
        let made = Command::new(program)
            .args(["keys", "create", "--project", "bench", "--out", "-", "--register"])
            .arg(&register)
            .output()
            .map_err(Failure::doing(format!("start {}", program.display())))?;
        if !made.status.success() {
            return Err(Failure::new(format!("no key: {}", String::from_utf8_lossy(&made.stderr))));
        }
        let token = KeyFile::read(&made.stdout)?.token()?;
        let arguments = vec!["--keys".to_owned(), register.display().to_string()];
        Ok(Account { authorization: format!("Bearer {token}"), arguments })
    }
}

impl KeyFile {
    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let file: serde_json::Value =
            serde_json::from_slice(bytes).map_err(Failure::doing("read a key file"))?;
        let text = |name: &str| {
            file[name]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Failure::new(format!("a key without {name}")))
        };
        let pem = text("private_key")?;
        let inner: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(inner).map_err(Failure::doing("read a private key"))?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| Failure::new("cannot read a private key"))?;
        Ok(KeyFile { id: text("private_key_id")?, email: text("client_email")?, pair })
    }

    fn token(&self) -> Result<String, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let KeyFile { id, email, pair } = self;
        let head = format!(r#"{{"alg":"RS256","kid":"{id}","typ":"JWT"}}"#);
        let claims = format!(
            r#"{{"iss":"{email}","sub":"{email}","aud":"{AUDIENCE}","iat":{now},"exp":{}}}"#,
            now + LIFE
        );
        let signed = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Failure::new("cannot sign a token"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
