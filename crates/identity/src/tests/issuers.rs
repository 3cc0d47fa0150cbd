//! Where an issuer's keys come from, how fresh they are, and what happens when they do not come.

use serde_json::{Value as Json, json};

use super::forge::*;
use super::key_server::KeyServer;
use crate::{Door, Issuer, KeySource, Options};

fn by_url(server: &KeyServer) -> Issuer {
    Issuer { keys: KeySource::Url(format!("{}/keys", server.address)), ..Issuer::firebase(PROJECT) }
}

fn signed_by(signer: &Signer, key: &str) -> String {
    signer.sign(&json!({ "alg": "RS256", "kid": key }), &with(claims(), json!({ "exp": NOW + 30 * 86_400 })))
}

#[tokio::test]
async fn keys_are_fetched_once_and_used_until_they_are_old() {
    let server = KeyServer::saying(&key_set(&[ALICE.jwk("alice")])).await;
    server.say_with("200 OK\r\ncache-control: public, max-age=7200", &key_set(&[ALICE.jwk("alice")]));
    let world = World::trusting(vec![by_url(&server)]);
    assert_eq!(server.asked(), 0);
    world.admit(&signed_by(&ALICE, "alice")).await.unwrap();
    world.admit(&signed_by(&ALICE, "alice")).await.unwrap();
    world.wait(7_199);
    world.door.renew().await;
    assert_eq!(server.asked(), 1);
    world.wait(1);
    world.door.renew().await;
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_sender_may_not_say_that_keys_are_good_for_ever_or_for_no_time() {
    for (told, seconds) in [("max-age=0", 60), ("max-age=99999999", 86_400), ("no-store", 3_600)] {
        let server = KeyServer::saying("").await;
        server.say_with(&format!("200 OK\r\ncache-control: {told}"), &key_set(&[ALICE.jwk("alice")]));
        let world = World::trusting(vec![by_url(&server)]);
        world.door.renew().await;
        world.wait(seconds - 1);
        world.door.renew().await;
        assert_eq!(server.asked(), 1, "{told}");
        world.wait(1);
        world.door.renew().await;
        assert_eq!(server.asked(), 2, "{told}");
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_ask_no_more_than_twice_a_minute() {
    let server = KeyServer::saying(&key_set(&[ALICE.jwk("alice")])).await;
    let world = World::trusting(vec![by_url(&server)]);
    for number in 0..50 {
        world.refuses(&signed_by(&MALLORY, &format!("key {number}")), UNPROVED, "an unknown key").await;
    }
    assert_eq!(server.asked(), 1);

    server.say(&key_set(&[ALICE.jwk("alice"), MALLORY.jwk("new")]));
    world.refuses(&signed_by(&MALLORY, "new"), UNPROVED, "it is too early to ask again").await;
    world.wait(30);
    world.admit(&signed_by(&MALLORY, "new")).await.unwrap();
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_key_that_its_issuer_took_back_opens_nothing_even_if_the_token_was_seen() {
    let server = KeyServer::saying(&key_set(&[ALICE.jwk("alice"), MALLORY.jwk("stolen")])).await;
    let world = World::trusting(vec![by_url(&server)]);
    let token = signed_by(&MALLORY, "stolen");
    world.admit(&token).await.unwrap();
    server.say(&key_set(&[ALICE.jwk("alice")]));
    world.wait(3_600);
    world.door.renew().await;
    world.refuses(&token, UNPROVED, "its key was taken back").await;
    world.admit(&signed_by(&ALICE, "alice")).await.unwrap();
}

#[tokio::test]
async fn the_last_keys_stay_good_for_a_week_while_nobody_answers() {
    let server = KeyServer::saying(&key_set(&[ALICE.jwk("alice")])).await;
    let world = World::trusting(vec![by_url(&server)]);
    world.door.renew().await;
    let bad =
        ["", "{}", "{\"keys\": []}", "{\"keys\": [{\"kty\": \"RSA\"}]}", "<html>", &"x".repeat(300 << 10)];
    for body in bad {
        server.say(body);
        world.wait(3_600);
        world.door.renew().await;
        world
            .admit(&signed_by(&ALICE, "alice"))
            .await
            .unwrap_or_else(|status| panic!("{body:.20}: {status}"));
    }
    for head in ["500 Oops", "404 Gone", "302 Found\r\nlocation: http://127.0.0.1:1/keys"] {
        server.say_with(head, &key_set(&[MALLORY.jwk("alice")]));
        world.wait(3_600);
        world.door.renew().await;
        world.admit(&signed_by(&ALICE, "alice")).await.unwrap_or_else(|status| panic!("{head}: {status}"));
    }
    world.wait(7 * 86_400);
    // As another token: this one was seen.
    let token = ALICE.sign(&header(), &with(claims(), json!({ "exp": NOW + 30 * 86_400, "n": 1 })));
    world.refuses(&token, NO_KEYS, "the keys are too old").await;
}

#[tokio::test]
async fn keys_that_never_came_are_asked_for_again() {
    let server = KeyServer::saying("nothing yet").await;
    let world = World::trusting(vec![by_url(&server)]);
    let token = signed_by(&ALICE, "alice");
    world.refuses(&token, NO_KEYS, "there are no keys").await;
    server.say(&key_set(&[ALICE.jwk("alice")]));
    world.refuses(&token, NO_KEYS, "it is too early to ask again").await;
    assert_eq!(server.asked(), 1);
    world.wait(30);
    world.admit(&token).await.unwrap();
}

/// Somebody without any token could else keep everybody's keys from being fetched, by calling twice a minute.
#[tokio::test]
async fn who_asks_and_goes_away_keeps_the_keys_from_nobody() {
    let server = KeyServer::saying(&key_set(&[ALICE.jwk("alice")])).await;
    let world = World::trusting(vec![by_url(&server)]);
    let held = server.hold().await;
    let (token, waits) = (signed_by(&MALLORY, "made up"), std::time::Duration::from_millis(1));
    let mut gone = Box::pin(world.admit(&token));
    while server.asked() == 0 {
        tokio::time::timeout(waits, &mut gone).await.expect_err("nothing is answered yet");
    }
    drop(gone);
    drop(held);
    world.admit(&signed_by(&ALICE, "alice")).await.expect("the keys came");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn an_issuer_says_itself_where_its_keys_are() {
    let keys = KeyServer::saying(&key_set(&[ALICE.jwk("alice")])).await;
    let server = KeyServer::saying("").await;
    let issuer = Issuer {
        issuer: server.address.clone(),
        audience: "app".to_owned(),
        keys: KeySource::Discovery,
        project: None,
        shares_users: false,
    };
    let document = |issuer: &str, keys: Json| json!({ "issuer": issuer, "jwks_uri": keys }).to_string();
    let address = format!("{}/keys", keys.address);
    let wrong = [
        document("https://another.example", address.clone().into()),
        document(&server.address, "http://example.com/keys".into()),
        document(&server.address, "file:///etc/passwd".into()),
        document(&server.address, Json::Null),
        "[]".to_owned(),
    ];
    let token = ALICE.sign(&header(), &with(claims(), json!({ "iss": server.address, "aud": "app" })));
    for document in wrong {
        server.say(&document);
        let world = World::trusting(vec![issuer.clone()]);
        world.refuses(&token, NO_KEYS, &document).await;
        assert_eq!(keys.asked(), 0, "{document}");
    }
    server.say(&document(&server.address, address.into()));
    let world = World::trusting(vec![issuer]);
    assert_eq!(uid(&world.admit(&token).await.unwrap()), "u1");
}

#[tokio::test]
async fn a_file_of_keys_is_followed_and_a_broken_one_is_not() {
    let world = World::new();
    let token = ALICE.sign(&header(), &claims());
    world.admit(&token).await.unwrap();
    for broken in ["", "{", "{\"keys\": []}", &key_set(&[json!({ "kty": "oct", "k": "AA", "kid": "alice" })])]
    {
        world.write("keys.json", broken);
        world.door.look();
        world.admit(&token).await.unwrap_or_else(|status| panic!("{broken}: {status}"));
    }
    std::fs::remove_file(world.path("keys.json")).unwrap();
    world.door.look();
    world.admit(&token).await.unwrap();

    world.write("keys.json", &key_set(&[MALLORY.jwk("mallory")]));
    world.door.look();
    world.refuses(&token, UNPROVED, "its key is gone").await;
    world.admit(&signed_by(&MALLORY, "mallory")).await.unwrap();
}

#[test]
fn keys_that_cannot_be_used_are_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let twice = key_set(&[ALICE.jwk("a"), MALLORY.jwk("a")]);
    let for_secrecy = key_set(&[with(ALICE.jwk("a"), json!({ "use": "enc" }))]);
    let short = key_set(&[with(ALICE.jwk("a"), json!({ "n": "AQAB" }))]);
    let many = key_set(&(0..201).map(|number| ALICE.jwk(&number.to_string())).collect::<Vec<_>>());
    for text in [None, Some(""), Some("[]"), Some(&twice), Some(&for_secrecy), Some(&short), Some(&many)] {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => assert!(!path.exists()),
        }
        let issuer = Issuer { keys: KeySource::File(path.clone()), ..Issuer::firebase(PROJECT) };
        let failure = crate::issuer_keys::IssuerKeys::new(&issuer, Default::default()).unwrap_err();
        assert!(failure.contains("keys.json"), "{failure}");
    }
}

#[test]
fn issuers_are_named_on_a_command_line() {
    let read = |text: &str| text.parse::<Issuer>();
    assert_eq!(read("https://securetoken.google.com/shop"), Ok(Issuer::firebase("shop")));
    let local = Issuer { keys: KeySource::File("jwks.json".into()), ..Issuer::firebase("shop") };
    assert_eq!(read("https://securetoken.google.com/shop,keys=jwks.json"), Ok(local));
    let plain = Issuer {
        issuer: "https://login.example.com/".to_owned(),
        audience: "app".to_owned(),
        keys: KeySource::Discovery,
        project: None,
        shares_users: false,
    };
    assert_eq!(read("https://login.example.com/=app"), Ok(plain.clone()));
    let full = Issuer {
        project: Some("shop".into()),
        keys: KeySource::Url("https://k.example/j".to_owned()),
        ..plain
    };
    assert_eq!(
        read("https://login.example.com/=app,project=shop,keys=https://k.example/j"),
        Ok(full.clone())
    );
    let shared = Issuer { shares_users: true, ..full };
    assert_eq!(
        read("https://login.example.com/=app,users=shared,project=shop,keys=https://k.example/j"),
        Ok(shared)
    );
    let wrong = [
        "",
        "login.example.com=app",
        "http://login.example.com=app",
        "https://login.example.com",
        "https://login.example.com=",
        "https://login.example.com=app,keys=",
        "https://login.example.com=app,keys=http://k.example",
        "https://login.example.com=app,project=",
        "https://login.example.com=app,colour=red",
        "https://login.example.com=app,users=",
        "https://login.example.com=app,users=own",
        "https://securetoken.google.com/",
        "https://securetoken.google.com/shop=other",
    ];
    for text in wrong {
        let why = read(text).expect_err(text);
        assert!(!why.is_empty());
    }
}

#[test]
fn two_issuers_whose_users_nobody_could_tell_apart_stop_a_start() {
    let world = World::trusting(Vec::new());
    let table: [(&[&str], bool); 9] = [
        (&["https://a.example=app", "https://b.example=app"], false),
        (&["https://a.example=app,project=shop", "https://b.example=app"], false),
        (&["https://a.example=app,project=shop", "https://b.example=app,project=shop"], false),
        (&["https://securetoken.google.com/shop", "https://b.example=app"], false),
        (&["https://a.example=app,users=shared", "https://b.example=app"], false),
        (&["https://a.example=app,users=shared", "https://b.example=app,users=shared"], true),
        (&["https://a.example=app,project=shop", "https://b.example=app,project=staff"], true),
        (&["https://securetoken.google.com/shop", "https://securetoken.google.com/staff"], true),
        // An issuer gives no two people one id, whatever the audience.
        (&["https://a.example=web", "https://a.example=mobile"], true),
    ];
    for (issuers, expected) in table {
        let issuers = issuers.iter().map(|issuer| issuer.parse().unwrap()).collect();
        let options = Options { issuers, ..Options::new(world.path("register.json")) };
        let door = Door::verified(options.clone(), world.host.clone());
        assert_eq!(door.is_ok(), expected, "{:?}", options.issuers);
        if let Err(failure) = door {
            assert!(failure.to_string().contains("users=shared"), "{failure}");
        }
    }
}
