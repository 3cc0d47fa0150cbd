//! Files and answers that nobody would write: read or refused, never a panic.

use proptest::prelude::*;
use serde_json::json;

use super::forge::*;
use crate::key_set::KeySet;
use crate::public_key::PublicKey;
use crate::register::Register;

/// Something like JSON, near enough to get past the first line of a reader.
fn almost(text: String) -> impl Strategy<Value = Vec<u8>> {
    let length = text.len();
    (any::<Vec<u8>>(), 0..length, 0..length).prop_map(move |(bytes, from, to)| {
        let mut broken = text.clone().into_bytes();
        broken.splice(from.min(to)..from.max(to).min(from.min(to) + 8), bytes.into_iter().take(8));
        broken
    })
}

fn key_set_text() -> String {
    key_set(&[
        json!({ "kty": "RSA", "n": "x".repeat(341) + "A", "e": "AQAB", "kid": "a", "use": "sig", "alg": "RS256" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "x".repeat(42) + "A", "y": "y".repeat(42) + "A", "kid": "b" }),
    ])
}

fn register_text() -> String {
    let key = json!({
        "id": "0", "email": "a@b.irori.internal", "project": "b", "database": "d", "role": "owner",
        "created": "2026-01-01T00:00:00Z", "expires": "2026-01-01T00:00:00Z", "revoked": "2026-01-01T00:00:00Z",
        "server": "s", "universe_domain": "u",
        "public_key": { "kty": "RSA", "n": "x".repeat(341) + "A", "e": "AQAB" },
    });
    json!({ "version": 1, "keys": [key] }).to_string()
}

proptest! {
    #[test]
    fn keys_of_an_issuer(bytes in almost(key_set_text())) {
        if let Ok(set) = KeySet::read(&bytes) {
            let jwt = format!("{}.", unsigned(&header(), &claims()));
            let jwt = crate::jwt::Jwt::read(&jwt).expect("three parts");
            for id in ["a", "b"] {
                prop_assert!(!set.get(id).is_some_and(|key: &PublicKey| key.signed(&jwt)));
            }
        }
    }

    #[test]
    fn a_register_reads_as_it_writes(bytes in almost(register_text())) {
        if let Ok(register) = Register::read(&bytes) {
            let written = register.write();
            let again = Register::read(&written).expect("what was read can be written and read again");
            prop_assert_eq!(again.write(), written);
        }
    }
}

#[test]
fn what_they_are_broken_from_is_good() {
    KeySet::read(key_set_text().as_bytes()).unwrap();
    Register::read(register_text().as_bytes()).unwrap();
}
