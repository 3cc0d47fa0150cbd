//! Tokens that accounts sign for themselves.

use std::time::Duration;

use model::principal::{Account, Grant, Role};
use model::{Principal, Timestamp};
use serde_json::{Value as Json, json};

use super::forge::*;
use crate::{KeyFile, NewKey, Registrar};

pub(super) const SCOPE: &str =
    "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/datastore";

/// What a key for the whole project is made of.
pub(super) fn wanted(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        grant: Grant { project: PROJECT.into(), database: None, role: Role::User },
        server: "https://db.example.com:8443".to_owned(),
        universe_domain: None,
        lifetime: None,
    }
}

/// A key, its owner, and what the owner's token says.
pub(super) struct Owner {
    pub(super) file: Json,
    pub(super) signer: Signer,
}

impl Owner {
    pub(super) fn of(made: &KeyFile) -> Self {
        let file: Json = serde_json::from_str(made.secret_text()).unwrap();
        Owner { signer: Signer::of_file(&file), file }
    }

    /// Makes a key in a world whose door notices.
    pub(super) fn new(world: &World, wanted: &NewKey) -> Self {
        let made = registrar(world).create(wanted).unwrap();
        world.door.look();
        Owner::of(&made)
    }

    pub(super) fn id(&self) -> &str {
        self.file["private_key_id"].as_str().unwrap()
    }

    pub(super) fn email(&self) -> &str {
        self.file["client_email"].as_str().unwrap()
    }

    /// As google-auth makes it for a universe that is not Google's.
    pub(super) fn claims(&self) -> Json {
        json!({ "iss": self.email(), "sub": self.email(), "iat": NOW, "exp": NOW + 3_600, "scope": SCOPE })
    }

    pub(super) fn header(&self) -> Json {
        json!({ "alg": "RS256", "typ": "JWT", "kid": self.id() })
    }

    pub(super) fn token(&self, changes: Json) -> String {
        self.signer.sign(&self.header(), &with(self.claims(), changes))
    }
}

pub(super) fn registrar(world: &World) -> Registrar {
    Registrar::new(world.path("register.json"), world.host.clone()).with_pairs(one_of_a_few)
}

#[tokio::test]
async fn an_account_signs_for_itself_and_has_the_rights_of_its_key() {
    let world = World::trusting(Vec::new());
    let grant = Grant { project: PROJECT.into(), database: Some("sales".into()), role: Role::Viewer };
    let owner = Owner::new(&world, &NewKey { grant: grant.clone(), ..wanted("reports") });
    let admitted = world.admit(&owner.token(json!({}))).await.unwrap();
    let expected = Account {
        email: "reports@shop.irori.internal".to_owned(),
        key: owner.id().to_owned(),
        grants: vec![grant],
        expires: Timestamp::from_parts(NOW + 3_600, 0),
    };
    assert_eq!(admitted, Principal::Account(expected.into()));
}

#[tokio::test]
async fn a_token_is_for_us_by_audience_or_by_scope() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let without_scope = |audience: Json| owner.token(json!({ "scope": null, "aud": audience }));
    let good = [
        json!("https://firestore.googleapis.com/"),
        json!("https://firestore.googleapis.com"),
        json!("https://firestore.googleapis.com/google.firestore.v1.Firestore"),
        json!("https://datastore.googleapis.com/"),
        json!("https://db.example.com:8443/"),
        json!("https://db.example.com:8443"),
        json!(["https://other.example", "https://db.example.com:8443/google.firestore.v1.Firestore"]),
    ];
    for audience in good {
        let admitted = world.admit(&without_scope(audience.clone())).await;
        assert!(admitted.is_ok(), "{audience}: {admitted:?}");
    }
    let bad = [
        Json::Null,
        json!(""),
        json!("https://firestore.googleapis.com.evil.example/"),
        json!("https://db.example.com:84430/"),
        json!("https://storage.googleapis.com/"),
        json!("http://db.example.com:8443/"),
        json!([]),
        json!(7),
    ];
    for audience in bad {
        world.refuses(&without_scope(audience.clone()), NOT_CREDENTIALS, &audience.to_string()).await;
    }
    let elsewhere = owner.token(json!({ "aud": "https://storage.googleapis.com/" }));
    world.refuses(&elsewhere, NOT_CREDENTIALS, "a scope, but for another service").await;
    let mail = owner.token(json!({ "scope": "https://mail.google.com/" }));
    world.refuses(&mail, NOT_CREDENTIALS, "another scope").await;

    let inside = owner.token(json!({ "aud": "https://inside.example.com/" }));
    world.refuses(&inside, NOT_CREDENTIALS, "an address that nobody told us").await;
    let told = world.another_door().unwrap();
    assert!(admit(&told, &inside).await.is_ok());
}

#[tokio::test]
async fn what_an_account_signs_is_good_for_an_hour_and_for_itself() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let other = Owner::new(&world, &wanted("other"));
    let named = |key: &str| {
        let header = json!({ "alg": "RS256", "kid": key });
        owner.signer.sign(&header, &owner.claims())
    };
    let assertion = owner.token(json!({ "sub": null, "aud": "https://db.example.com:8443/token" }));
    let table = [
        ("for longer", owner.token(json!({ "exp": NOW + 3_631 })), NOT_CREDENTIALS),
        ("since ever", owner.token(json!({ "iat": null })), NOT_CREDENTIALS),
        ("for ever", owner.token(json!({ "exp": null })), UNPROVED),
        ("from tomorrow", owner.token(json!({ "iat": NOW + 86_400, "exp": NOW + 90_000 })), UNPROVED),
        ("over", owner.token(json!({ "iat": NOW - 3_700, "exp": NOW - 100 })), EXPIRED),
        ("for somebody else", owner.token(json!({ "sub": other.email() })), NOT_CREDENTIALS),
        ("for nobody", owner.token(json!({ "sub": null })), NOT_CREDENTIALS),
        ("an assertion", assertion, NOT_CREDENTIALS),
        (
            "by another account",
            owner.token(json!({ "iss": other.email(), "sub": other.email() })),
            NOT_CREDENTIALS,
        ),
        (
            "by an account that is not there",
            owner.token(json!({ "iss": "x@shop.irori.internal" })),
            NOT_CREDENTIALS,
        ),
        ("with another account's key id", named(other.id()), NOT_CREDENTIALS),
        ("with a key id that is not there", named("0123456789"), NOT_CREDENTIALS),
        ("by a stranger", MALLORY.sign(&owner.header(), &owner.claims()), NOT_CREDENTIALS),
        ("by nobody", format!("{}.", unsigned(&json!({ "alg": "none" }), &owner.claims())), NOT_CREDENTIALS),
    ];
    for (why, token, expected) in table {
        world.refuses(&token, expected, why).await;
    }
    let unnamed = owner.signer.sign(&json!({ "alg": "RS256" }), &owner.claims());
    assert_eq!(
        email(&world.admit(&unnamed).await.unwrap()),
        owner.email(),
        "the Admin SDK for Node names no key"
    );
    assert!(world.admit(&owner.token(json!({ "exp": NOW + 3_630 }))).await.is_ok());
}

#[tokio::test]
async fn an_issuer_of_users_cannot_speak_for_an_account() {
    let world = World::new();
    let owner = Owner::new(&world, &wanted("server"));
    let pretends = ALICE.sign(&header(), &with(owner.claims(), json!({ "aud": PROJECT })));
    world.refuses(&pretends, NOT_CREDENTIALS, "an issuer's key for an account's address").await;
    let user = owner.token(json!({ "iss": ISSUER, "aud": PROJECT }));
    world.refuses(&user, UNPROVED, "an account's key for an issuer's name").await;
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_rotated_or_too_old() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let token = owner.token(json!({}));
    world.admit(&token).await.unwrap();
    let renewed = Owner::of(&registrar(&world).rotate(owner.id(), Duration::from_secs(60)).unwrap());
    world.door.look();
    assert_eq!(renewed.email(), owner.email());
    assert_eq!(world.admit(&token).await.unwrap().expires(), Timestamp::from_parts(NOW + 60, 0));
    world.admit(&renewed.token(json!({}))).await.unwrap();
    world.wait(60);
    world.refuses(&token, NOT_CREDENTIALS, "its overlap is over").await;
    let unnamed = owner.signer.sign(&json!({ "alg": "RS256" }), &owner.claims());
    world.refuses(&unnamed, NOT_CREDENTIALS, "its overlap is over, and it says no key").await;

    let token = renewed.token(json!({}));
    world.admit(&token).await.unwrap();
    registrar(&world).revoke(renewed.id()).unwrap();
    world.door.look();
    world.refuses(&token, NOT_CREDENTIALS, "its key was revoked").await;

    let short = Owner::new(&world, &NewKey { lifetime: Some(Duration::from_secs(600)), ..wanted("short") });
    let token = short.token(json!({}));
    assert_eq!(world.admit(&token).await.unwrap().expires(), Timestamp::from_parts(NOW + 660, 0));
    world.wait(600);
    world.refuses(&token, NOT_CREDENTIALS, "its time is over").await;
}

#[tokio::test]
async fn a_key_that_was_made_a_moment_ago_opens_before_anybody_looks() {
    let world = World::trusting(Vec::new());
    let owner = Owner::of(&registrar(&world).create(&wanted("server")).unwrap());
    assert!(world.admit(&owner.token(json!({}))).await.is_ok());
    let another = Owner::of(&registrar(&world).create(&wanted("another")).unwrap());
    let assertion = another.token(json!({ "sub": null, "aud": "https://oauth2.googleapis.com/token" }));
    assert!(world.door.exchange("urn:ietf:params:oauth:grant-type:jwt-bearer", &assertion).is_ok());
}
