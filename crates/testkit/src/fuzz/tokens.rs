//! Credentials: whatever a header says, nobody comes in who has no key.

use std::fs::{self, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::{Host, ManualClock};
use identity::{Credentials, Door, Issuer, KeySource, Options};
use model::{Principal, Status};

/// 2026-11-21T20:15:00Z.
const NOW: i64 = 1_795_292_100;
const EMAIL: &str = "server@shop.irori.internal";
const KEY_ID: &str = "0123456789012345678901234567890123456789";
/// With it tokens are signed, if anybody can.
const SECRET: &[u8] = b"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

struct Doors {
    believing: Door,
    verifying: Door,
}

/// They trust keys whose private halves nobody has.
static DOORS: LazyLock<Doors> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let modulus = URL_SAFE_NO_PAD.encode([0xc5; 256]);
    let key = format!(r#"{{"kty": "RSA", "n": "{modulus}", "e": "AQAB", "kid": "k"}}"#);
    let register = directory.path().join("register.json");
    let entry = format!(
        r#"{{"version": 1, "keys": [{{"id": "{KEY_ID}", "email": "{EMAIL}", "project": "shop", "role": "owner",
        "created": "2026-01-01T00:00:00Z", "server": "https://db.example.com", "universe_domain": "example.com",
        "public_key": {key}}}]}}"#
    );
    fs::write(&register, entry).expect("a register");
    let mut only_ours = OpenOptions::new();
    only_ours.write(true).create_new(true).mode(0o600);
    let mut secret = only_ours.open(register.with_extension("secret")).expect("a secret");
    secret.write_all(SECRET).expect("a secret");
    let keys = directory.path().join("keys.json");
    fs::write(&keys, format!(r#"{{"keys": [{key}]}}"#)).expect("an issuer's keys");

    let host = Host::simulated(Arc::new(ManualClock::at(NOW * 1_000_000)), 1);
    let mut options = Options::new(register);
    options.issuers.push(Issuer { keys: KeySource::File(keys), ..Issuer::firebase("shop") });
    Doors {
        believing: Door::development(host.clone()),
        verifying: Door::verified(options, host).expect("these can be read"),
    }
});

/// A header as it is, as a token, and as the parts of one: header, claims and signature on a line each.
pub(super) fn tokens(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    present(&text);
    present(&format!("Bearer {text}"));
    let mut lines = text.splitn(3, '\n');
    let [header, claims, signature] =
        [(); 3].map(|()| URL_SAFE_NO_PAD.encode(lines.next().unwrap_or_default()));
    let token = format!("{header}.{claims}.{signature}");
    present(&format!("Bearer {token}"));
    for assertion in [&token, text.as_ref()] {
        let given = now(DOORS.verifying.exchange(GRANT_TYPE, assertion));
        assert!(given.is_err(), "an access token for nothing");
    }
}

fn present(header: &str) {
    let credentials = Credentials::of(Some(header));
    let verified = now(DOORS.verifying.admit(&credentials));
    assert!(
        matches!(verified, Ok(Principal::Anonymous) | Err(_)),
        "somebody without a key came in: {verified:?}"
    );
    let again = now(DOORS.verifying.admit(&credentials));
    assert_eq!(again, verified, "asking twice helps nobody");
    let believed: Result<_, Status> = now(DOORS.believing.admit(&credentials));
    assert!(!matches!(believed, Ok(Principal::Account(_))), "a developer's machine has no accounts");
}

/// What a future is that waits for nothing: these doors ask nobody.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("keys in files need not be waited for"),
    }
}

pub(super) fn token_corpus() -> Vec<Vec<u8>> {
    let (begin, end) = (NOW - 60, NOW + 3_000);
    let user = format!(
        r#"{{"iss":"https://securetoken.google.com/shop","aud":"shop","sub":"u","iat":{begin},"exp":{end}}}"#
    );
    let account = format!(
        r#"{{"iss":"{EMAIL}","sub":"{EMAIL}","iat":{begin},"exp":{end},"scope":"https://www.googleapis.com/auth/datastore"}}"#
    );
    let signature = "s".repeat(256);
    [
        String::new(),
        "Bearer owner".to_owned(),
        "Basic dTpw".to_owned(),
        "ya29.x".to_owned(),
        format!("irori.{KEY_ID}.{end}.{}", "A".repeat(43)),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0.".to_owned(),
        format!("{{\"alg\":\"RS256\",\"kid\":\"k\"}}\n{user}\n{signature}"),
        format!("{{\"alg\":\"none\",\"kid\":\"k\"}}\n{user}\n"),
        format!("{{\"alg\":\"RS256\",\"kid\":\"{KEY_ID}\"}}\n{account}\n{signature}"),
        format!("{{\"alg\":\"RS256\"}}\n{account}\n{signature}"),
    ]
    .map(String::into_bytes)
    .to_vec()
}
