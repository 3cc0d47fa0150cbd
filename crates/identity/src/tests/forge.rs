//! A stopped clock, keys, and tokens of every kind, good and forged.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::{Host, ManualClock};
use model::{Code, Principal, Status};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::door::Failure;
use crate::key_file::Pair;
use crate::public_key::PublicKey;
use crate::verified::Verified;
use crate::{Called, Credentials, Issuer, KeySource, Options};

/// When the clock starts, in seconds.
pub(super) const NOW: i64 = 1_795_292_100;
pub(super) const ISSUER: &str = "https://securetoken.google.com/shop";
pub(super) const PROJECT: &str = "shop";

pub(super) const NOT_CREDENTIALS: (Code, &str) =
    (Code::Unauthenticated, "Request had invalid authentication");
pub(super) const EXPIRED: (Code, &str) = (Code::Unauthenticated, "Missing or invalid authentication.");
pub(super) const UNPROVED: (Code, &str) = (Code::PermissionDenied, "Missing or insufficient permissions.");
pub(super) const NO_KEYS: (Code, &str) = (Code::Unavailable, "The keys of the token's issuer");

/// Somebody with a private key.
pub(super) struct Signer {
    pub(super) public: PublicKey,
    private: Private,
}

enum Private {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// Pairs, of which it takes a while to make one. The first two are Alice's and Mallory's.
static PAIRS: [LazyLock<Pair>; 5] = [
    LazyLock::new(|| pair(1)),
    LazyLock::new(|| pair(2)),
    LazyLock::new(|| pair(3)),
    LazyLock::new(|| pair(4)),
    LazyLock::new(|| pair(5)),
];

fn pair(seed: u64) -> Pair {
    Pair::generate(&Host::simulated(Arc::new(ManualClock::at(0)), seed)).unwrap()
}

/// Keys of a register that follow one upon the other have different pairs.
pub(super) fn one_of_a_few(_: &Host, before: usize) -> Result<Pair, String> {
    Ok(PAIRS[2 + before % 3].clone())
}

pub(super) static ALICE: LazyLock<Signer> = LazyLock::new(|| Signer::of_pair(&PAIRS[0]));
pub(super) static MALLORY: LazyLock<Signer> = LazyLock::new(|| Signer::of_pair(&PAIRS[1]));
pub(super) static ELLA: LazyLock<Signer> = LazyLock::new(Signer::p256);

impl Signer {
    fn of_pair(pair: &Pair) -> Self {
        let public = pair.public.clone();
        Signer { public, ..Signer::of_file(&json!({ "private_key": pair.private })) }
    }

    /// The owner of a key's file.
    pub(super) fn of_file(file: &Json) -> Self {
        let private = rsa::RsaPrivateKey::from_pkcs8_pem(file["private_key"].as_str().unwrap()).unwrap();
        let der = private.to_pkcs8_der().unwrap();
        let pair = RsaKeyPair::from_pkcs8(der.as_bytes()).unwrap();
        // Nobody asks for the public half of it.
        Signer { public: PublicKey::P256(Vec::new()), private: Private::Rsa(Box::new(pair)) }
    }

    fn p256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Signer {
            public: PublicKey::P256(pair.public_key().as_ref().to_vec()),
            private: Private::P256(Box::new(pair)),
        }
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.private {
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).unwrap();
                signature
            }
            Private::P256(pair) => pair.sign(&random, signed).unwrap().as_ref().to_vec(),
        }
    }

    /// A token, whatever it says.
    pub(super) fn sign(&self, header: &Json, claims: &Json) -> String {
        let signed = unsigned(header, claims);
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half as it stands in a set.
    pub(super) fn jwk(&self, id: &str) -> Json {
        let mut jwk = self.public.to_jwk();
        jwk.insert("kid".to_owned(), id.into());
        Json::Object(jwk)
    }
}

/// Two parts of three.
pub(super) fn unsigned(header: &Json, claims: &Json) -> String {
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The header of Alice's tokens.
pub(super) fn header() -> Json {
    json!({ "alg": "RS256", "kid": "alice", "typ": "JWT" })
}

/// What a good token of Firebase Authentication says.
pub(super) fn claims() -> Json {
    json!({
        "iss": ISSUER, "aud": PROJECT, "sub": "u1", "user_id": "u1",
        "iat": NOW - 60, "auth_time": NOW - 60, "exp": NOW + 3_540,
    })
}

/// With some members changed, or taken out where they are null.
pub(super) fn with(mut json: Json, changes: Json) -> Json {
    let members = json.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap().clone() {
        match value {
            Json::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    json
}

pub(super) fn key_set(keys: &[Json]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A door with a stopped clock and a directory of its own.
pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) host: Host,
    pub(super) directory: TempDir,
    pub(super) door: Arc<Verified>,
}

impl World {
    /// Trusts Alice and Ella as the issuer of Firebase's tokens, by a file.
    pub(super) fn new() -> Self {
        let world = World::trusting(Vec::new());
        world.write("keys.json", &key_set(&[ALICE.jwk("alice"), ELLA.jwk("ella")]));
        let issuer = Issuer { keys: KeySource::File(world.path("keys.json")), ..Issuer::firebase(PROJECT) };
        world.with_issuers(vec![issuer])
    }

    pub(super) fn trusting(issuers: Vec<Issuer>) -> Self {
        let clock = Arc::new(ManualClock::at(NOW * 1_000_000));
        let host = Host::simulated(clock.clone(), 5);
        let directory = tempfile::tempdir().unwrap();
        let options = Options { issuers, ..Options::new(directory.path().join("register.json")) };
        let door = Arc::new(Verified::new(options, host.clone()).unwrap());
        World { clock, host, directory, door }
    }

    fn with_issuers(self, issuers: Vec<Issuer>) -> Self {
        let options = Options { issuers, ..Options::new(self.path("register.json")) };
        World { door: Arc::new(Verified::new(options, self.host.clone()).unwrap()), ..self }
    }

    /// Another door of the same directory, as after a restart.
    pub(super) fn another_door(&self) -> Result<Arc<Verified>, Failure> {
        let mut options = Options::new(self.path("register.json"));
        options.audiences.push("https://inside.example.com".to_owned());
        Ok(Arc::new(Verified::new(options, self.host.clone())?))
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces a file whole, as one should.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("new"), text).unwrap();
        std::fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) async fn admit(&self, token: &str) -> Result<Principal, Status> {
        admit(&self.door, token).await
    }

    /// Who is refused, and how the text begins.
    pub(super) async fn refuses(&self, token: &str, expected: (Code, &str), why: &str) {
        let status = self.admit(token).await.expect_err(why);
        assert_eq!(status.code, expected.0, "{why}: {status}");
        assert!(status.message.starts_with(expected.1), "{why}: {status}");
    }
}

pub(super) async fn admit(door: &Verified, token: &str) -> Result<Principal, Status> {
    let authorization = format!("Bearer {token}");
    let method = Some(Called { service: "google.firestore.v1.Firestore", name: "RunQuery" });
    door.admit(&Credentials { authorization: Some(&authorization), method, connection: None }).await
}

/// The id of a user.
pub(super) fn uid(principal: &Principal) -> &str {
    match principal {
        Principal::User(user) => &user.uid,
        other => panic!("not a user: {other:?}"),
    }
}

/// The address of an account.
pub(super) fn email(principal: &Principal) -> &str {
    match principal {
        Principal::Account(account) => &account.email,
        other => panic!("not an account: {other:?}"),
    }
}
