//! An end user: an issuer of tokens, a token that never ends within a run, and the rules that decide about it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use tonic::metadata::AsciiMetadataValue;

use crate::failure::Failure;

/// Two documents are looked up for each read of `guarded`, one for each commit to `samples`; whoever reads `open` is let
/// through. They are samples as well, and named after the user.
const RULES: &str = "rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /guarded/{document} {
      allow get: if get(/databases/$(database)/documents/users/$(request.auth.uid)).data.score > 0
                 && get(/databases/$(database)/documents/settings/$(request.auth.uid)).data.score > 0;
    }
    match /open/{document} { allow get: if true; }
    match /samples/{document} {
      allow create: if get(/databases/$(database)/documents/users/$(request.auth.uid)).data.score > 0
                    && request.resource.data.keys().hasOnly(['owner', 'score', 'text']);
    }
  }
}
";

const ISSUER: &str = "https://issuer.bench";
const AUDIENCE: &str = "bench";

/// See the module.
pub struct EndUser {
    /// The value of the `authorization` header.
    pub authorization: String,
    arguments: Vec<String>,
}

impl EndUser {
    /// Makes an issuer, whose keys stand in `directory` beside the rules, and a token for its user `uid`.
    pub fn new(directory: &Path, uid: &str) -> Result<Self, Failure> {
        let broken = |what: &'static str| move |_| Failure::new(format!("cannot {what}"));
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(broken("make the key of an issuer"))?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
            .map_err(|_| Failure::new("cannot read the key of an issuer"))?;
        let [keys, rules] = ["keys.json", "bench.rules"].map(|name| directory.join(name));
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
        let set = format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"bench","x":"{x}","y":"{y}"}}]}}"#
        );
        std::fs::write(&keys, set).map_err(Failure::doing("write the keys of an issuer"))?;
        std::fs::write(&rules, RULES).map_err(Failure::doing("write rules"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = format!(
            r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"{uid}","user_id":"{uid}","iat":{now},"auth_time":{now},"exp":{},"email":"ada@bench","email_verified":true,"name":"Ada","firebase":{{"sign_in_provider":"password","identities":{{"email":["ada@bench"]}}}}}}"#,
            now + 3_600
        );
        let [head, claims] = [r#"{"alg":"ES256","kid":"bench","typ":"JWT"}"#, &claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{head}.{claims}");
        let signature = key.sign(&random, signed.as_bytes()).map_err(broken("sign a token"))?;
        let authorization = format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        let issuer = format!("{ISSUER}={AUDIENCE},project=bench,keys={}", keys.display());
        let rules = rules.display().to_string();
        let arguments = ["--auth", "--auth-issuer", &issuer, "--rules", &rules].map(str::to_owned).into();
        Ok(EndUser { authorization, arguments })
    }

    /// What a server needs to be told to know the user and the rules.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The header for tonic.
    pub fn header(&self) -> Result<AsciiMetadataValue, Failure> {
        header(&self.authorization)
    }
}

/// The administrator's, where everybody is believed.
pub fn administrator() -> Result<AsciiMetadataValue, Failure> {
    header("Bearer owner")
}

/// The same for any value.
pub fn header(value: &str) -> Result<AsciiMetadataValue, Failure> {
    value.parse().map_err(Failure::doing("make a header"))
}
