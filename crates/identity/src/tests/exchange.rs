//! The token endpoint: an assertion brings an access token.

use std::pin::pin;
use std::time::Duration;

use model::Principal;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::accounts::{Owner, registrar, wanted};
use super::forge::*;
use crate::{AccessToken, NewKey, Refusal};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// As google-auth makes it, with some claims changed.
fn said(owner: &Owner, changes: Json) -> String {
    let mut all = json!({ "sub": null, "aud": "https://oauth2.googleapis.com/token" });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    owner.token(all)
}

fn exchange(world: &World, assertion: &str) -> Result<AccessToken, Refusal> {
    world.door.exchange(GRANT, assertion)
}

#[tokio::test]
async fn an_access_token_opens_for_an_hour_and_outlives_a_restart() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let given = exchange(&world, &said(&owner, json!({}))).unwrap();
    assert_eq!((given.token_type, given.expires_in), ("Bearer", 3_600));
    let token = given.access_token;
    assert_eq!(email(&world.admit(&token).await.unwrap()), owner.email());
    assert!(admit(&world.another_door().unwrap(), &token).await.is_ok());

    world.wait(3_599);
    assert!(world.admit(&token).await.is_ok());
    world.wait(1);
    world.refuses(&token, EXPIRED, "an hour is over").await;
}

#[tokio::test]
async fn an_access_token_ends_with_its_key() {
    let world = World::trusting(Vec::new());
    let lifetime = Some(Duration::from_secs(600));
    let owner = Owner::new(&world, &NewKey { lifetime, ..wanted("server") });
    let given = exchange(&world, &said(&owner, json!({}))).unwrap();
    assert_eq!(given.expires_in, 600);
    world.admit(&given.access_token).await.unwrap();
    registrar(&world).revoke(owner.id()).unwrap();
    world.door.look();
    world.refuses(&given.access_token, NOT_CREDENTIALS, "its key was revoked").await;
    assert_eq!(exchange(&world, &said(&owner, json!({}))).unwrap_err().error, "invalid_grant");
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_for_long_hears_of_the_end_of_his_key() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let Principal::Account(account) = world.admit(&owner.token(json!({}))).await.unwrap() else {
        panic!("an account")
    };
    let mut withdrawn = pin!(world.door.withdrawn(account.clone()));
    let day = Duration::from_secs(24 * 3_600);
    assert!(timeout(day, &mut withdrawn).await.is_err(), "the key is good");
    Owner::new(&world, &wanted("another"));
    assert!(timeout(day, &mut withdrawn).await.is_err(), "another key is no news");

    registrar(&world).rotate(owner.id(), Duration::from_secs(600)).unwrap();
    world.door.look();
    world.wait(599);
    assert!(timeout(day, &mut withdrawn).await.is_err(), "both keys are good for a while");
    world.wait(1);
    timeout(day, withdrawn).await.expect("its time is over");

    let gone = world.door.withdrawn(account);
    std::fs::remove_file(world.path("register.json")).unwrap();
    world.door.look();
    timeout(day, gone).await.expect("a register that was taken away has no keys");
}

#[tokio::test]
async fn nobody_makes_access_tokens_but_the_server() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let early = format!("irori.{}.{}.AAAA", owner.id(), NOW + 60);
    world.refuses(&early, NOT_CREDENTIALS, "before there is a secret").await;
    assert!(!world.path("register.secret").exists(), "asking makes no secret");

    let token = exchange(&world, &said(&owner, json!({}))).unwrap().access_token;
    let elsewhere = World::trusting(Vec::new());
    let other = Owner::new(&elsewhere, &wanted("server"));
    exchange(&elsewhere, &said(&other, json!({}))).unwrap();
    std::fs::copy(world.path("register.json"), elsewhere.path("register.json")).unwrap();
    elsewhere.door.look();
    for forged in [
        token.replace(&(NOW + 3_600).to_string(), &(NOW + 9_999).to_string()),
        token[..token.len() - 2].to_owned(),
        early,
        "irori.".to_owned(),
        "irori....".to_owned(),
        "irori.🔑.1.x".to_owned(),
    ] {
        world.refuses(&forged, NOT_CREDENTIALS, &forged).await;
    }
    // Simulated hosts of one seed make one secret, real ones never do.
    std::fs::write(elsewhere.path("register.secret"), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n")
        .unwrap();
    let restarted = elsewhere.another_door().unwrap();
    let refused = admit(&restarted, &token).await.unwrap_err();
    assert_eq!(refused.code, NOT_CREDENTIALS.0, "another server's token");
}

#[test]
fn an_assertion_must_be_an_account_s_own_fresh_and_for_us() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let good = [
        json!({}),
        json!({ "aud": "https://db.example.com:8443/token" }),
        json!({ "aud": "https://accounts.google.com/o/oauth2/token" }),
        json!({ "sub": owner.email() }),
        json!({ "scope": "https://www.googleapis.com/auth/datastore" }),
    ];
    for changes in good {
        let given = exchange(&world, &said(&owner, changes.clone()));
        assert!(given.is_ok(), "{changes}: {given:?}");
    }
    let stranger = MALLORY.sign(&owner.header(), &with(owner.claims(), json!({ "sub": null })));
    let table = [
        ("x".to_owned(), "invalid_grant"),
        (String::new(), "invalid_grant"),
        ("x".repeat(20_000), "invalid_request"),
        (stranger, "invalid_grant"),
        (said(&owner, json!({ "iss": "x@y.z" })), "invalid_grant"),
        (said(&owner, json!({ "exp": NOW + 3_631 })), "invalid_grant"),
        (said(&owner, json!({ "exp": NOW - 30, "iat": NOW - 60 })), "invalid_grant"),
        (said(&owner, json!({ "aud": null })), "invalid_grant"),
        (said(&owner, json!({ "aud": "https://evil.example/token" })), "invalid_grant"),
        (said(&owner, json!({ "aud": "https://db.example.com:8443/" })), "invalid_grant"),
        (said(&owner, json!({ "scope": null })), "invalid_scope"),
        (said(&owner, json!({ "scope": "https://mail.google.com/" })), "invalid_scope"),
        (said(&owner, json!({ "sub": "ceo@example.com" })), "unauthorized_client"),
    ];
    for (assertion, expected) in table {
        let refusal = exchange(&world, &assertion).expect_err(&assertion);
        assert_eq!(refusal.error, expected, "{refusal}");
    }
    let refusal = world.door.exchange("password", &said(&owner, json!({}))).unwrap_err();
    assert_eq!(refusal.error, "unsupported_grant_type");
}

#[test]
fn a_secret_that_others_can_read_or_that_is_damaged_signs_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let secret = world.path("register.secret");
    std::fs::write(&secret, "not a secret\n").unwrap();
    assert_eq!(exchange(&world, &said(&owner, json!({}))).unwrap_err().error, "server_error");
    std::fs::remove_file(&secret).unwrap();
    exchange(&world, &said(&owner, json!({}))).unwrap();
    let mode = || std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);

    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
    let restarted = world.another_door().unwrap();
    let refusal = restarted.exchange(GRANT, &said(&owner, json!({}))).unwrap_err();
    assert_eq!(refusal.error, "server_error");
}
