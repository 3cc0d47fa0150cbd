//! The register: what is in it, who may read it, and what happens when it is broken.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use host::{Host, ManualClock};
use model::principal::{Grant, Role};
use serde_json::{Value as Json, json};

use super::accounts::{Owner, registrar, wanted};
use super::forge::*;
use crate::{NewKey, Registrar};

#[test]
fn a_key_s_file_has_what_google_s_libraries_read_and_the_register_only_the_public_half() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let file = &owner.file;
    let expected = [
        ("type", "service_account"),
        ("project_id", "shop"),
        ("client_email", "server@shop.irori.internal"),
        ("token_uri", "https://db.example.com:8443/token"),
        ("universe_domain", "db.example.com"),
    ];
    for (member, value) in expected {
        assert_eq!(file[member], value, "{member}");
    }
    assert_eq!(file["client_id"].as_str().unwrap().len(), 21);
    assert_eq!(owner.id().len(), 40);
    let pem = file["private_key"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));

    let register = std::fs::read_to_string(world.path("register.json")).unwrap();
    assert!(register.contains(owner.id()) && !register.contains("PRIVATE"));
    let read: Json = serde_json::from_str(&register).unwrap();
    let members: Vec<_> = read["keys"][0]["public_key"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["e", "kty", "n"]);
    let mode = std::fs::metadata(world.path("register.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_register_s_directory_is_made_for_its_owner_alone() {
    let world = World::trusting(Vec::new());
    let registrar = Registrar::new(world.path("data/keys/register.json"), world.host.clone());
    let registrar = registrar.with_pairs(one_of_a_few);
    registrar.create(&wanted("server")).unwrap();
    let mode = std::fs::metadata(world.path("data/keys")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn where_a_server_is_decides_its_universe() {
    let world = World::trusting(Vec::new());
    let table = [
        ("https://db.example.com:8443", None, "db.example.com"),
        ("https://firestore.example.com", None, "example.com"),
        ("http://127.0.0.1:8080/", None, "127.0.0.1"),
        ("https://db.example.com", Some("googleapis.com"), "googleapis.com"),
    ];
    for (number, (server, universe, expected)) in table.into_iter().enumerate() {
        let universe_domain = universe.map(str::to_owned);
        let wanted = NewKey { server: server.to_owned(), universe_domain, ..wanted(&format!("n{number}")) };
        assert_eq!(Owner::new(&world, &wanted).file["universe_domain"], expected, "{server}");
    }
}

#[test]
fn a_key_that_cannot_be_meant_is_not_made() {
    let world = World::trusting(Vec::new());
    let registrar = registrar(&world);
    let server = |server: &str| NewKey { server: server.to_owned(), ..wanted("server") };
    let project = |project: &str| NewKey {
        grant: Grant { project: project.into(), database: None, role: Role::User },
        ..wanted("server")
    };
    let wrong = [
        wanted(""),
        wanted("Server"),
        wanted("a@b"),
        wanted(&"a".repeat(64)),
        project(""),
        project("a/b"),
        project("a@b"),
        server("db.example.com"),
        server("ftp://db.example.com"),
        server("https://db.example.com/path"),
        server("https://user@db.example.com"),
        server(""),
    ];
    for wanted in wrong {
        assert!(registrar.create(&wanted).is_err(), "{wanted:?}");
    }
    assert!(registrar.list().unwrap().is_empty());

    registrar.create(&wanted("server")).unwrap();
    let grant = Grant { project: PROJECT.into(), database: None, role: Role::Owner };
    let more = registrar.create(&NewKey { grant, ..wanted("server") }).unwrap_err().to_string();
    assert!(more.contains("other rights"), "{more}");
}

#[test]
fn keys_are_found_by_how_they_begin() {
    let world = World::trusting(Vec::new());
    let registrar = registrar(&world);
    let owner = Owner::new(&world, &wanted("server"));
    for wrong in ["", "0", &owner.id()[..5], "ffffffffffff", "nothing"] {
        assert!(registrar.revoke(wrong).is_err(), "{wrong}");
    }
    let revoked = registrar.revoke(&owner.id()[..6]).unwrap();
    assert_eq!(revoked.id, owner.id());
    let again = registrar.revoke(owner.id()).unwrap();
    assert_eq!(again.revoked, revoked.revoked);
    let rotated = registrar.rotate(owner.id(), Duration::ZERO).unwrap_err().to_string();
    assert!(rotated.contains("not good any more"), "{rotated}");
}

#[test]
fn a_rotated_key_is_good_for_as_long_as_its_predecessor_was_made_for() {
    let world = World::trusting(Vec::new());
    let lifetime = Some(Duration::from_secs(1_000));
    let owner = Owner::new(&world, &NewKey { lifetime, ..wanted("server") });
    world.wait(900);
    let made = registrar(&world).rotate(owner.id(), Duration::from_secs(86_400)).unwrap();
    assert_eq!(made.key.expires.map(|end| end.0), Some(NOW + 1_900));
    let keys = registrar(&world).list().unwrap();
    assert_eq!(keys[0].expires.map(|end| end.0), Some(NOW + 1_000), "an overlap makes no key live longer");
}

#[test]
fn an_account_has_ten_good_keys_at_most() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let register = world.path("register.json");
    let mut read: Json = serde_json::from_slice(&std::fs::read(&register).unwrap()).unwrap();
    let keys = read["keys"].as_array_mut().unwrap();
    for number in 1..10 {
        keys.push(with(keys[0].clone(), json!({ "id": format!("{number:040}") })));
    }
    world.write("register.json", &read.to_string());
    assert!(registrar(&world).create(&wanted("server")).is_err());
    registrar(&world).revoke(owner.id()).unwrap();
    registrar(&world).create(&wanted("server")).unwrap();
}

#[test]
fn those_who_edit_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("register.json");
    let made = |seed| {
        let host = Host::simulated(Arc::new(ManualClock::at(0)), seed);
        let registrar = Registrar::new(&path, host);
        registrar.create(&wanted(&format!("n{seed}"))).unwrap().key.id
    };
    let mut ids: Vec<_> = thread::scope(|scope| {
        let making: Vec<_> = (0..3).map(|seed| scope.spawn(move || made(seed))).collect();
        making.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let registrar = Registrar::new(&path, Host::simulated(Arc::new(ManualClock::at(0)), 9));
    let mut kept: Vec<_> = registrar.list().unwrap().into_iter().map(|key| key.id).collect();
    ids.sort();
    kept.sort();
    assert_eq!(kept, ids);
}

#[tokio::test]
async fn a_broken_register_leaves_the_last_good_one_in_use_and_stops_a_start() {
    let world = World::trusting(Vec::new());
    let owner = Owner::new(&world, &wanted("server"));
    let good = std::fs::read_to_string(world.path("register.json")).unwrap();
    let token = owner.token(json!({}));
    let broken = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("\"user\"", "\"emperor\""),
        good.replace("\"kty\": \"RSA\"", "\"kty\": \"oct\""),
        good.replace("\"email\"", "\"mail\""),
        good.replace("2026-", "20-26"),
    ];
    for text in broken {
        world.write("register.json", &text);
        world.door.look();
        world.admit(&token).await.unwrap_or_else(|status| panic!("{text}: {status}"));
        let failure = world.another_door().map(drop).unwrap_err().to_string();
        assert!(failure.contains("register.json"), "{failure}");
        assert!(registrar(&world).create(&wanted("another")).is_err(), "what is broken is not written over");
    }
    world.write("register.json", &good);
    world.door.look();
    world.admit(&token).await.unwrap();

    std::fs::remove_file(world.path("register.json")).unwrap();
    world.door.look();
    world.refuses(&token, NOT_CREDENTIALS, "a register that was taken away has no keys").await;
}
