//! What must never be written down: a server that logs everything it can is sent every kind of secret.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::http;
use crate::issuer::TokenIssuer;
use crate::process::{Running, text};
use crate::scene::ROOT;
use model::principal::Role;

/// What an account signs to get a token (RFC 7523).
pub fn assertion(key_file: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key_file["private_key_id"] });
    let claims = json!({
        "iss": key_file["client_email"], "sub": key_file["client_email"], "aud": key_file["token_uri"],
        "iat": now, "exp": now + 3_600, "scope": "https://www.googleapis.com/auth/datastore",
    });
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let pem = key_file["private_key"].as_str().expect("PEM");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).expect("base64")).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("signed");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_is_written_to_any_log() {
    let issuer = TokenIssuer::new();
    let account = issuer.key_file(Role::Owner);
    let audit = issuer.directory.path().join("audit.jsonl");
    let trusted = format!("https://securetoken.google.com/p,keys={}", issuer.keys().display());
    let server = Running::start(&[
        "--in-memory",
        "--auth",
        "--auth-issuer",
        &trusted,
        "--keys",
        text(&issuer.register()),
        "--audit",
        text(&audit),
        "--log",
        "trace",
    ]);
    let user = issuer.token("alice", std::time::Duration::from_secs(3_600));
    let assertion = assertion(&account);
    let form =
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let exchanged = http::send(server.address(), "POST", "/token", &[], form.as_bytes());
    let access: Value = serde_json::from_slice(&exchanged.body).expect("JSON");
    let access = access["access_token"].as_str().unwrap_or_else(|| panic!("{access}")).to_owned();
    let garbage = "garbage-that-nobody-knows";
    for token in [&user, &access, &assertion, garbage] {
        let headers = [("Authorization".to_owned(), format!("Bearer {token}"))];
        http::send(server.address(), "GET", &format!("/v1/{ROOT}/c/d"), &headers, b"");
        let told = format!("headers=Authorization%3ABearer%20{token}%0D%0A&count=0");
        let path = "/google.firestore.v1.Firestore/Listen/channel?VER=8&RID=1&CVER=22";
        http::send(server.address(), "POST", path, &[], told.as_bytes());
        http::send(server.address(), "POST", "/reset", &headers, b"");
    }
    let log = server.stop_and_read_log();
    assert!(log.len() > 1_000, "the log has something to say: {log}");
    let audited = std::fs::read_to_string(&audit).expect("an audit log");
    assert!(audited.contains("\"principal\":\"user:alice\""), "{audited}");
    let account = account["client_email"].as_str().expect("an address");
    assert!(audited.contains(&format!("\"principal\":\"account:{account}\"")), "{audited}");
    for secret in [user, access, assertion, garbage.to_owned()] {
        let signature = secret.rsplit('.').next().expect("a part");
        for (name, log) in [("log", &log), ("audit log", &audited)] {
            assert!(!log.contains(signature), "the {name} has a secret");
        }
    }
}
