//! What cannot work says so, with the exit code that the help promises, and loses nothing.

use std::process::Command;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{Value, value::ValueType, write};
use sync::Time;

use crate::follower::Follower;
use crate::program;
use crate::server::Server;
use crate::writer::{commit, set};

#[tokio::test]
async fn a_file_that_is_no_cache_of_this_is_left_alone() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "cache.db", &[]);
    std::fs::write(&follower.into, "Dear diary, today I was taken for a database.\n".repeat(50))
        .expect("written");
    let before = std::fs::read(&follower.into).expect("read");
    assert!(follower.fails(&["--once"], 8).contains("is not a cache"));
    assert_eq!(std::fs::read(&follower.into).expect("read"), before);
    std::fs::remove_file(&follower.into).expect("removed");
    follower.once();
    let other = Follower::of(&server, "cache.db", &["--collection", "others"], &[]);
    assert!(other.fails(&["--once"], 8).contains("collection events"));
    let running = follower.start();
    assert!(follower.fails(&["--once"], 8).contains("in use by another process"));
    running.stop();
}

#[tokio::test]
async fn a_missing_index_is_told_with_its_link_and_then_it_goes_on() {
    let server = Server::start(&["--missing-index", "require"]);
    let follower = Follower::of(
        &server,
        "cache.db",
        &["--collection", "events", "--where", "number == 1"],
        &["--strategy", "poll"],
    );
    let said = follower.fails(&["--once"], 6);
    assert!(
        said.contains("https://console.firebase.google.com/") && said.contains("make the index"),
        "{said}"
    );
}

#[tokio::test]
async fn a_field_that_is_no_timestamp_is_told_before_anything_is_left_out() {
    let server = Server::start(&[]);
    let mut odd = set("events/odd", Time::now(), 1);
    if let Some(write::Operation::Update(document)) = &mut odd.operation {
        let text = Value { value_type: Some(ValueType::StringValue("yesterday".to_owned())) };
        document.fields.insert("created_at".to_owned(), text);
    }
    commit(&mut server.client(), vec![odd, set("events/even", Time::now(), 1)]).await;
    let follower = Follower::new(&server, "cache.db", &["--strategy", "poll"]);
    let said = follower.fails(&["--once"], 5);
    assert!(said.contains("1 documents have no timestamp in `created_at`, for example events/odd"), "{said}");
    assert!(follower.run(&["--once", "--some-lack-field"]).status.success());
    assert_eq!(follower.documents().into_keys().collect::<Vec<_>>(), ["events/even"]);
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_a_few_times() {
    let mut server = Server::start(&[]);
    let follower = Follower::new(&server, "cache.db", &[]);
    server.kill();
    let said = follower.fails(&["--once", "--attempts", "2"], 7);
    assert!(said.contains("gave up after 2 attempts"), "{said}");
    assert_eq!(follower.with(&["--once"]).start().terminate(), Some(12));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let server = Server::start(&["--no-new-databases"]);
    let follower = Follower::new(&server, "cache.db", &[]);
    assert!(follower.fails(&["--once"], 4).contains("demo"));
}

#[tokio::test]
async fn the_command_line_is_checked() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "cache.db", &[]);
    let table: [(&[&str], i32, &str); 7] = [
        (&["--where", "status = open"], 2, "is no operator"),
        (&["--since", "yesterday"], 2, "is no time"),
        (&["--interval", "5"], 2, "is not a duration"),
        (&["--max-rows", "0"], 2, "max-rows"),
        (&["--exec", "true", "--jsonl", "-"], 2, "cannot be used with"),
        (&["--credentials", "/nowhere/key.json"], 3, "could not read the credentials"),
        (&["--jsonl", "/nowhere/changes"], 11, "could not open /nowhere/changes"),
    ];
    for (more, code, text) in table {
        let said = follower.fails(more, code);
        assert!(said.contains(text), "{more:?}: {said}");
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program::follower());
        command
            .args(arguments)
            .env_remove("FIRESTORE_EMULATOR_HOST")
            .env_remove("GOOGLE_APPLICATION_CREDENTIALS");
        let output = command.output().expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let table: [(&[&str], i32, &str); 5] = [
        (&["sync"], 2, "--into"),
        (
            &["sync", "--project", "p", "--collection", "c", "--into", "/tmp/x.db"],
            1,
            "FIRESTORE_EMULATOR_HOST",
        ),
        (
            &["sync", "--from", "production", "--project", "p", "--collection", "c", "--into", "/x"],
            3,
            "--credentials",
        ),
        (
            &["sync", "--from", "http://x:1", "--project", "p", "--collection", "c/d", "--into", "/x"],
            5,
            "is no collection",
        ),
        (&["sync", "verify", "--from", "http://x:1", "--into", "/nowhere/x.db"], 8, "does not exist"),
    ];
    for (arguments, code, text) in table {
        let (ended, said) = run(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

/// Makes a key with the server's own program. Answers the key's file.
fn key(register: &str, out: &str) -> String {
    let made = Command::new(program::server())
        .args([
            "keys",
            "create",
            "--project",
            "demo",
            "--role",
            "viewer",
            "--register",
            register,
            "--out",
            out,
        ])
        .output()
        .expect("the binary starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out).expect("a file")).expect("JSON");
    key["private_key_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_key_opens_and_a_withdrawn_one_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name).display().to_string();
    let (register, out) = (place("register.json"), place("key.json"));
    let id = key(&register, &out);
    let server = Server::start(&["--auth", "--keys", &register]);
    let follower = Follower::new(&server, "cache.db", &[]);
    assert!(follower.fails(&["--once"], 3).contains("--credentials"));
    let follower = follower.with(&["--credentials", &out]);
    follower.once();
    let mut running = follower.with(&["--credentials", &out, "--count-every", "100ms"]).start();
    let revoked = Command::new(program::server())
        .args(["keys", "revoke", &id, "--register", &register])
        .output()
        .expect("the binary starts");
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    assert_eq!(running.wait(), Some(3));
    assert!(follower.fails(&["--once"], 3).contains("does not accept these credentials"));
}

#[tokio::test]
async fn what_is_no_key_is_refused_without_showing_it() {
    let server = Server::start(&[]);
    let follower = Follower::new(&server, "cache.db", &[]);
    let path = server.directory().join("key.json");
    let table = [
        ("secret-words", "is not a service account's key file"),
        (r#"{"type": "authorized_user", "refresh_token": "secret-words"}"#, "is not whole"),
        (r#"{"type": "external_account", "secret": "secret-words"}"#, "make a key for a service account"),
        (
            r#"{"type": "service_account", "client_email": "a", "private_key_id": "b", "private_key": "secret-words"}"#,
            "not a whole key file",
        ),
    ];
    for (text, expected) in table {
        std::fs::write(&path, text).expect("written");
        let said = follower.fails(&["--credentials", &path.display().to_string()], 3);
        assert!(said.contains(expected) && !said.contains("secret-words"), "{said}");
    }
}
