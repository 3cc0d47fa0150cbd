//! Tokens of end users: good, old, young, foreign, forged.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::principal::User;
use model::{Principal, Timestamp, Value};
use ring::hmac;
use serde_json::{Value as Json, json};

use super::forge::*;
use crate::public_key::PublicKey;
use crate::{Credentials, Issuer, KeySource};

#[tokio::test]
async fn a_good_token_is_a_user_with_all_claims() {
    let world = World::new();
    let more = json!({
        "email": "a@example.com", "level": 7, "ratio": 0.5, "whole": 1.0, "vast": 18_446_744_073_709_551_615_u64,
        "none": null, "firebase": { "identities": { "email": ["a@example.com"] }, "sign_in_provider": "password" },
    });
    let mut said = claims();
    said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    for (signer, header) in [(&*ALICE, header()), (&*ELLA, json!({ "alg": "ES256", "kid": "ella" }))] {
        let Principal::User(user) = world.admit(&signer.sign(&header, &said)).await.unwrap() else {
            panic!("a token of an issuer is a user's")
        };
        let User { uid, claims, project, expires } = &*user;
        assert_eq!((uid.as_str(), project.as_deref()), ("u1", Some(PROJECT)));
        assert_eq!(*expires, Timestamp::from_parts(NOW + 3_540, 0));
        let table = [
            ("level", Value::Integer(7)),
            ("ratio", Value::Double(0.5)),
            ("whole", Value::Double(1.0)),
            ("vast", Value::Double(18_446_744_073_709_551_615.0)),
            ("none", Value::Null),
            ("exp", Value::Integer(NOW + 3_540)),
            ("email", "a@example.com".into()),
        ];
        for (claim, expected) in table {
            assert_eq!(claims[claim], expected, "{claim}");
        }
        assert!(matches!(&claims["firebase"], Value::Map(fields) if fields.len() == 2));
    }
}

#[tokio::test]
async fn what_is_no_good_token_opens_nothing() {
    let world = World::new();
    let says = |changes: Json| ALICE.sign(&header(), &with(claims(), changes));
    let table = [
        ("expired", says(json!({ "exp": NOW - 31 })), EXPIRED),
        ("without an end", says(json!({ "exp": null })), UNPROVED),
        ("an end that is a text", says(json!({ "exp": (NOW + 60).to_string() })), UNPROVED),
        ("made tomorrow", says(json!({ "iat": NOW + 86_400 })), UNPROVED),
        ("good from tomorrow", says(json!({ "nbf": NOW + 86_400 })), UNPROVED),
        ("signed in tomorrow", says(json!({ "auth_time": NOW + 86_400 })), UNPROVED),
        ("for another project", says(json!({ "aud": "other" })), UNPROVED),
        ("for nobody", says(json!({ "aud": null })), UNPROVED),
        (
            "of another project's issuer",
            says(json!({ "iss": "https://securetoken.google.com/other" })),
            UNPROVED,
        ),
        ("of an issuer with a slash more", says(json!({ "iss": format!("{ISSUER}/") })), UNPROVED),
        ("of an issuer in capitals", says(json!({ "iss": ISSUER.to_uppercase() })), UNPROVED),
        ("without an issuer", says(json!({ "iss": null })), UNPROVED),
        ("without a user", says(json!({ "sub": null })), UNPROVED),
        ("of an empty user", says(json!({ "sub": "" })), UNPROVED),
        ("of a user with too long an id", says(json!({ "sub": "u".repeat(129) })), UNPROVED),
        ("of a user that is a number", says(json!({ "sub": 1 })), UNPROVED),
        (
            "expired and of somebody else",
            MALLORY.sign(&header(), &with(claims(), json!({ "exp": 1 }))),
            UNPROVED,
        ),
    ];
    for (why, token, expected) in table {
        world.refuses(&token, expected, why).await;
    }
}

#[tokio::test]
async fn no_token_chooses_how_it_is_verified() {
    let world = World::new();
    let PublicKey::Rsa { modulus, .. } = &ALICE.public else { panic!("Alice has RSA") };
    let said = claims();
    // The public key, in whatever form, as a shared secret.
    let shared = |secret: &[u8], algorithm: &str| {
        let signed = unsigned(&json!({ "alg": algorithm, "kid": "alice" }), &said);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let none =
        |algorithm: Json| format!("{}.", unsigned(&json!({ "alg": algorithm, "kid": "alice" }), &said));
    let own = MALLORY.jwk("alice");
    let table = [
        ("no signature", none("none".into())),
        ("no signature, in capitals", none("NONE".into())),
        ("no signature of a good algorithm", none("RS256".into())),
        ("no algorithm", none(Json::Null)),
        ("a shared secret", shared(modulus, "HS256")),
        ("a shared secret that calls itself RSA", shared(modulus, "RS256")),
        ("the key as text for a secret", shared(ALICE.jwk("alice").to_string().as_bytes(), "HS256")),
        ("another algorithm than the key's", ALICE.sign(&json!({ "alg": "ES256", "kid": "alice" }), &said)),
        ("a key of another kind", ALICE.sign(&json!({ "alg": "RS256", "kid": "ella" }), &said)),
        ("RSA with another padding", ALICE.sign(&json!({ "alg": "PS256", "kid": "alice" }), &said)),
        ("its own key", MALLORY.sign(&with(header(), json!({ "jwk": own })), &said)),
        ("its own key and no id", MALLORY.sign(&with(header(), json!({ "jwk": own, "kid": null })), &said)),
        (
            "its own place for keys",
            MALLORY.sign(&with(header(), json!({ "jku": "https://evil.example" })), &said),
        ),
        (
            "its own certificate",
            MALLORY.sign(&with(header(), json!({ "x5c": [STANDARD.encode("x")] })), &said),
        ),
        (
            "an extension to be understood",
            ALICE.sign(&with(header(), json!({ "crit": ["b64"], "b64": false })), &said),
        ),
        ("no key", ALICE.sign(&with(header(), json!({ "kid": null })), &said)),
        ("a key that is a number", ALICE.sign(&with(header(), json!({ "kid": 0 })), &said)),
        ("an unknown key", ALICE.sign(&with(header(), json!({ "kid": "bob" })), &said)),
        ("an empty key", ALICE.sign(&with(header(), json!({ "kid": "" })), &said)),
        ("a path for a key", ALICE.sign(&with(header(), json!({ "kid": "../../dev/null" })), &said)),
        ("a query for a key", ALICE.sign(&with(header(), json!({ "kid": "x' OR '1'='1" })), &said)),
        ("somebody else's signature", MALLORY.sign(&header(), &said)),
    ];
    for (why, token) in table {
        world.refuses(&token, UNPROVED, why).await;
    }
}

#[tokio::test]
async fn a_changed_part_breaks_the_signature() {
    let world = World::new();
    let token = ALICE.sign(&header(), &claims());
    let parts: Vec<_> = token.split('.').collect();
    let other_claims = URL_SAFE_NO_PAD.encode(with(claims(), json!({ "sub": "admin" })).to_string());
    let other_header = URL_SAFE_NO_PAD.encode(with(header(), json!({ "typ": "jwt" })).to_string());
    for forged in [
        [parts[0], &other_claims, parts[2]].join("."),
        [&other_header, parts[1], parts[2]].join("."),
        [parts[0], parts[1], &parts[2][..parts[2].len() - 4]].join("."),
    ] {
        world.refuses(&forged, UNPROVED, &forged).await;
    }
    assert_eq!(uid(&world.admit(&token).await.unwrap()), "u1");
}

#[tokio::test]
async fn what_is_no_token_at_all_is_told_how_to_sign_in() {
    let world = World::new();
    let huge = format!("{}.{}.AA", "A".repeat(9_000), "A".repeat(9_000));
    let array = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode("[]"));
    let deep = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode("[".repeat(5_000)));
    for token in [
        "owner",
        "OWNER",
        "ya29.abc",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "\u{1f511}",
        "a b",
        &huge,
        &array,
        &deep,
    ] {
        world.refuses(token, NOT_CREDENTIALS, token).await;
    }
    let info = world.admit("owner").await.unwrap_err().info.unwrap();
    assert_eq!(info.reason, "CREDENTIALS_MISSING");
    assert_eq!(info.metadata["method"], "google.firestore.v1.Firestore.RunQuery");
    assert_eq!(info.metadata["service"], "firestore.googleapis.com");
}

#[tokio::test]
async fn without_a_bearer_there_is_nobody() {
    let world = World::new();
    let token = ALICE.sign(&header(), &claims());
    let headers = [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer   "),
        Some("Basic dTpw"),
        Some("Bearer\towner"),
    ];
    let lower = format!("bearer {token}");
    for authorization in headers.into_iter().chain([Some(lower.as_str()), Some(token.as_str())]) {
        let admitted = world.door.admit(&Credentials::of(authorization)).await;
        assert_eq!(admitted, Ok(Principal::Anonymous), "{authorization:?}");
    }
}

#[tokio::test]
async fn clocks_may_be_half_a_minute_off_and_no_more() {
    let world = World::new();
    let says = |changes: Json| ALICE.sign(&header(), &with(claims(), changes));
    for claim in ["iat", "nbf", "auth_time"] {
        assert!(world.admit(&says(json!({ claim: NOW + 30 }))).await.is_ok(), "{claim}");
        world.refuses(&says(json!({ claim: NOW + 31 })), UNPROVED, claim).await;
    }
    let seen = says(json!({ "exp": NOW + 1 }));
    world.admit(&seen).await.unwrap();
    world.wait(30);
    assert!(world.admit(&seen).await.is_ok(), "29 seconds after its end");
    assert!(world.admit(&says(json!({ "exp": NOW + 1, "n": 1 }))).await.is_ok());
    world.wait(1);
    world.refuses(&seen, EXPIRED, "30 seconds after its end, though it was good before").await;
    world.refuses(&says(json!({ "exp": NOW + 1, "n": 2 })), EXPIRED, "30 seconds after its end").await;
    let fractions = says(json!({ "exp": NOW as f64 + 100.75, "iat": NOW as f64 + 0.5 }));
    assert!(world.admit(&fractions).await.is_ok(), "times may have fractions");
    let for_ever = world.admit(&says(json!({ "exp": 1e300 }))).await.unwrap();
    assert_eq!(for_ever.expires(), Timestamp::from_parts(253_402_300_799, 0));
}

#[tokio::test]
async fn each_audience_of_an_issuer_has_its_project() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    std::fs::write(&keys, key_set(&[ALICE.jwk("alice")])).unwrap();
    let issuer = |audience: &str, project: Option<&str>| Issuer {
        issuer: "https://login.example.com".to_owned(),
        audience: audience.to_owned(),
        keys: KeySource::File(keys.clone()),
        project: project.map(Into::into),
        shares_users: false,
    };
    let world = World::trusting(vec![issuer("web", Some("shop")), issuer("staff", None)]);
    let says = |audience: Json| {
        ALICE.sign(&header(), &with(claims(), json!({ "iss": "https://login.example.com", "aud": audience })))
    };
    let table = [
        (json!("web"), Some(Some("shop"))),
        (json!("staff"), Some(None)),
        (json!(["other", "staff"]), Some(None)),
        (json!(["other"]), None),
        (json!([]), None),
        (json!({ "web": true }), None),
    ];
    for (audience, expected) in table {
        let admitted = world.admit(&says(audience.clone())).await.ok();
        let project = admitted.map(|principal| match principal {
            Principal::User(user) => user.project.clone(),
            other => panic!("not a user: {other:?}"),
        });
        let expected = expected.map(|project| project.map(Into::into));
        assert_eq!(project, expected, "{audience}");
    }
}
