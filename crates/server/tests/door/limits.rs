//! What one identity may take, which pages may call, and what is written of those who were denied.

use std::num::NonZeroU32;

use gateway::audit::Trail;
use gateway::{Options, Origins};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::ListenRequest;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use serde_json::Value;
use tonic::{Code, Request};

use crate::http;
use crate::issuer::TokenIssuer;
use crate::scene::{DATABASE, ROOT, Scene};
use crate::wires::RULES;

fn status(scene: &Scene, headers: &[(&str, &str)]) -> u16 {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    http::send(scene.address, "GET", &format!("/v1/{ROOT}/own/alice"), &headers, b"").status
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_sends_so_many_requests_and_others_are_not_held_up() {
    let issuer = TokenIssuer::new();
    let options =
        Options { requests_per_second: NonZeroU32::new(1), behind_proxy: true, ..Options::default() };
    let scene = issuer.serve(RULES, options).await;
    let (alice, bob) = (issuer.bearer("alice"), issuer.bearer("bob"));
    let asked = |who: &str| status(&scene, &[("authorization", who)]);
    // Whatever the machine's speed, two of three within a second are too many.
    let greedy = [asked(&alice), asked(&alice), asked(&alice)];
    assert!(greedy[0] == 404 && greedy.contains(&429), "{greedy:?}");
    assert_eq!(asked(&bob), 403, "another user");
    let from = |address: &str| status(&scene, &[("x-forwarded-for", address)]);
    let nobody = [from("10.0.0.1"), from("10.0.0.1"), from("6.6.6.6, 10.0.0.1")];
    assert!(nobody[0] == 403 && nobody.contains(&429), "{nobody:?}");
    assert_eq!(from("10.0.0.2"), 403, "another address");
    let tried = |token: &str| {
        let (token, from) = (format!("Bearer {token}"), "10.0.0.3");
        status(&scene, &[("authorization", &token), ("x-forwarded-for", from)])
    };
    let guesses = [tried("a"), tried("b"), tried("c")];
    assert!(guesses[0] == 401 && guesses.contains(&429), "{guesses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_has_so_many_streams() {
    let issuer = TokenIssuer::new();
    let scene = issuer.serve(RULES, Options { conversations: 2, ..Options::default() }).await;
    let channel = scene.channel().await;
    let open = |who: String| {
        let first = ListenRequest { database: DATABASE.to_owned(), ..Default::default() };
        let (sender, requests) = tokio::sync::mpsc::channel(1);
        sender.try_send(first).expect("room");
        let mut request = Request::new(tokio_stream::wrappers::ReceiverStream::new(requests));
        request.metadata_mut().insert("authorization", who.parse().expect("letters"));
        let mut client = FirestoreClient::new(channel.clone());
        async move { client.listen(request).await.map(|answers| (sender, answers)) }
    };
    let (alice, bob) = (issuer.bearer("alice"), issuer.bearer("bob"));
    let first = open(alice.clone()).await.expect("one");
    let _second = open(alice.clone()).await.expect("two");
    let refused = open(alice.clone()).await.expect_err("a third is too many");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let _other = open(bob).await.expect("others have their own");
    drop(first);
    // The server learns of the end when the connection tells it.
    let again = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while open(alice.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    again.await.expect("a stream that ended makes room");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_call_unless_some_are_named() {
    let answered = |scene: &Scene, origin: &str| {
        let headers = [("Origin".to_owned(), origin.to_owned())];
        let answer = http::send(scene.address, "OPTIONS", "/v1/x", &headers, b"");
        assert_eq!(answer.header("vary"), Some("Origin"));
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    let any = Scene::new().await;
    assert_eq!(answered(&any, "https://a.example").as_deref(), Some("https://a.example"));
    let origins = Origins::Only(vec!["https://a.example".to_owned()]);
    let some = Scene::with(Options { origins, ..Options::default() }).await;
    assert_eq!(answered(&some, "https://a.example").as_deref(), Some("https://a.example"));
    for origin in ["https://b.example", "http://a.example", "https://a.example.evil", "null"] {
        assert_eq!(answered(&some, origin), None, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_and_administrative_calls_are_told() {
    let issuer = TokenIssuer::new();
    let (trail, mut events) = Trail::new();
    let scene = issuer.serve(RULES, Options { audit: Some(trail), ..Options::default() }).await;
    let bob = issuer.bearer("bob");
    let bob = [("authorization", bob.as_str())];
    assert_eq!(status(&scene, &bob), 403);
    assert_eq!(status(&scene, &[]), 403);
    assert_eq!(status(&scene, &[("authorization", "Bearer x")]), 401);
    let missing = issuer.bearer("alice");
    assert_eq!(status(&scene, &[("authorization", missing.as_str())]), 404, "that is no denial");
    http::send(scene.address, "POST", "/reset", &[], b"");
    http::send(scene.address, "DELETE", &format!("/emulator/v1/{ROOT}"), &[], b"");
    let mut told = Vec::new();
    while told.len() < 5 {
        let more = events.next(16).await;
        told.extend(more.into_iter().map(|event| {
            assert!(event.peer.is_loopback());
            format!("{} {} {} {}", event.method, event.database, event.principal, event.code)
        }));
    }
    let expected = [
        format!("GetDocument {DATABASE} user:bob PERMISSION_DENIED"),
        format!("GetDocument {DATABASE} anonymous PERMISSION_DENIED"),
        "GetDocument  unknown UNAUTHENTICATED".to_owned(),
        "POST /reset  anonymous PERMISSION_DENIED".to_owned(),
        format!("DELETE /emulator/v1/{ROOT} {DATABASE} anonymous PERMISSION_DENIED"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_audit_log_is_json_and_can_be_rotated() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let (file, rotated) = (directory.path().join("audit.jsonl"), directory.path().join("audit.1"));
    let server = crate::process::Running::start(&["--in-memory", "--audit", crate::process::text(&file)]);
    let reset = || http::send(server.address(), "POST", "/reset", &[], b"").status;
    let lines = |file: &std::path::Path| -> Vec<Value> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let wait = |file: &std::path::Path, count: usize| {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while lines(file).len() < count {
            assert!(std::time::Instant::now() < until, "{:?}", lines(file));
            std::thread::yield_now();
        }
    };
    assert_eq!(reset(), 200);
    wait(&file, 1);
    std::fs::rename(&file, &rotated).expect("renamed");
    server.signal("HUP");
    // The file is there again once the signal was heard.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !file.exists() {
        assert!(std::time::Instant::now() < until, "it was not opened again");
        std::thread::yield_now();
    }
    assert_eq!(reset(), 200);
    wait(&file, 1);
    assert_eq!((lines(&rotated).len(), lines(&file).len()), (1, 1));
    let line = &lines(&file)[0];
    assert_eq!((line["method"].as_str(), line["code"].as_str()), (Some("POST /reset"), Some("OK")));
    assert_eq!(line["principal"].as_str(), Some("anonymous"));
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
}
