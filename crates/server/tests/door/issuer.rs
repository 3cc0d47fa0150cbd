//! An issuer of end users' tokens, the register of an account, and servers that trust them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::Host;
use identity::{Door, Issuer, KeySource, NewKey, Options, Registrar};
use model::principal::{Grant, Role};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::Scene;

/// Whoever signs; its public key is in a file.
pub struct TokenIssuer {
    pub directory: TempDir,
    key: EcdsaKeyPair,
}

impl TokenIssuer {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).expect("a key");
        let point = key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let keys = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }] });
        let directory = TempDir::new().expect("a directory");
        std::fs::write(directory.path().join("keys.json"), keys.to_string()).expect("written");
        TokenIssuer { directory, key }
    }

    pub fn keys(&self) -> PathBuf {
        self.directory.path().join("keys.json")
    }

    pub fn register(&self) -> PathBuf {
        self.directory.path().join("register").join("register.json")
    }

    /// A token of a user of project `p`, good for so long.
    pub fn token(&self, uid: &str, lifetime: Duration) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let claims = json!({
            "iss": "https://securetoken.google.com/p", "aud": "p", "sub": uid, "user_id": uid,
            "iat": now, "auth_time": now, "exp": now + lifetime.as_secs(),
        });
        self.sign(&claims)
    }

    fn sign(&self, claims: &Value) -> String {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "one" });
        let text = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub fn bearer(&self, uid: &str) -> String {
        format!("Bearer {}", self.token(uid, Duration::from_secs(3_600)))
    }

    /// A door that trusts this issuer and the register.
    pub fn door(&self) -> Arc<Door> {
        let mut options = Options::new(self.register());
        options.issuers = vec![Issuer { keys: KeySource::File(self.keys()), ..Issuer::firebase("p") }];
        Arc::new(Door::verified(options, Host::real()).expect("a door"))
    }

    /// A key's file for an account of project `p`.
    pub fn key_file(&self, role: Role) -> Value {
        let grant = Grant { project: "p".into(), database: None, role };
        let wanted = NewKey {
            name: format!("{role:?}").to_lowercase(),
            grant,
            server: "https://localhost:1".to_owned(),
            universe_domain: None,
            lifetime: None,
        };
        std::fs::create_dir_all(self.register().parent().expect("a directory")).expect("made");
        let file = Registrar::new(self.register(), Host::real()).create(&wanted).expect("a key");
        serde_json::from_str(file.secret_text()).expect("JSON")
    }

    /// A server behind this door, with rules.
    pub async fn serve(&self, rules: &str, options: gateway::Options) -> Scene {
        let scene = Scene::behind(Some(self.door()), options).await;
        scene.service.set_rules(service::RulesOf::Everything, Some(rules)).expect("good rules");
        scene
    }
}
