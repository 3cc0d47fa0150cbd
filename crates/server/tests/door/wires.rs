//! The same callers at the same document, on every wire.

use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use model::principal::Role;
use prost::Message;
use proto::firestore_client::FirestoreClient;
use proto::listen_request::TargetChange as Change;
use proto::listen_response::ResponseType;
use proto::target::{DocumentsTarget, TargetType};
use proto::{GetDocumentRequest, ListenRequest, WriteRequest};
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tonic::{Code, Request, Status};

use crate::http::{self, Answer};
use crate::issuer::TokenIssuer;
use crate::scene::{DATABASE, ROOT, Scene, integer, set};

pub const RULES: &str = "rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /own/{user} { allow read, write: if request.auth.uid == user; }
  }
}
";

/// How a call ended: gRPC's number.
pub type Ended = i32;
/// Polls in which something must come.
const POLLS: usize = 5;

pub const OK: Ended = 0;
const DENIED: Ended = 7;
pub const UNKNOWN: Ended = 16;

pub fn request<M>(message: M, authorization: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(30));
    if let Some(authorization) = authorization {
        request.metadata_mut().insert("authorization", authorization.parse().expect("letters"));
    }
    request
}

fn ended<T>(outcome: Result<T, Status>) -> Ended {
    outcome.map_or_else(|status| status.code() as i32, |_| OK)
}

fn headers(authorization: Option<&str>) -> Vec<(String, String)> {
    authorization.map(|value| ("Authorization".to_owned(), value.to_owned())).into_iter().collect()
}

fn rest_ended(answer: &Answer) -> Ended {
    let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
    match (answer.status, json["error"]["status"].as_str()) {
        (200, None) => OK,
        (403, Some("PERMISSION_DENIED")) => DENIED,
        (401, Some("UNAUTHENTICATED")) => UNKNOWN,
        other => panic!("{other:?} {json}"),
    }
}

async fn grpc(scene: &Scene, who: Option<&str>) -> Ended {
    let get = GetDocumentRequest { name: format!("{ROOT}/own/alice"), ..Default::default() };
    ended(scene.client().await.get_document(request(get, who)).await)
}

pub async fn grpc_commit(scene: &Scene, who: Option<&str>) -> Ended {
    let writes = vec![set("own/alice", &[("n", integer(2))])];
    let commit = proto::CommitRequest { database: DATABASE.to_owned(), writes, ..Default::default() };
    ended(scene.client().await.commit(request(commit, who)).await)
}

fn rest(scene: &Scene, who: Option<&str>) -> Ended {
    let path = format!("/v1/{ROOT}/own/alice");
    rest_ended(&http::send(scene.address, "GET", &path, &headers(who), b""))
}

pub fn rest_patch(scene: &Scene, who: Option<&str>) -> Ended {
    let path = format!("/v1beta1/{ROOT}/own/alice");
    let body = br#"{"fields":{"n":{"integerValue":"3"}}}"#;
    rest_ended(&http::send(scene.address, "PATCH", &path, &headers(who), body))
}

fn grpc_web(scene: &Scene, who: Option<&str>) -> Ended {
    let get = GetDocumentRequest { name: format!("{ROOT}/own/alice"), ..Default::default() }.encode_to_vec();
    let length = u32::try_from(get.len()).expect("short").to_be_bytes();
    let mut headers = headers(who);
    headers.push(("Content-Type".to_owned(), "application/grpc-web+proto".to_owned()));
    let path = "/google.firestore.v1.Firestore/GetDocument";
    let answer = http::send(scene.address, "POST", path, &headers, &[&[0][..], &length, &get].concat());
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let (_, status) = body.rsplit_once("grpc-status: ").expect("trailers");
    status.split("\r\n").next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The first words about a document that is listened to: an error, the target's end, or its document.
async fn listen(scene: &Scene, who: Option<&str>) -> Ended {
    let documents = DocumentsTarget { documents: vec![format!("{ROOT}/own/alice")] };
    let target = proto::Target { target_type: Some(TargetType::Documents(documents)), ..Default::default() };
    let add = ListenRequest {
        database: DATABASE.to_owned(),
        target_change: Some(Change::AddTarget(target)),
        ..Default::default()
    };
    let requests = tokio_stream::iter([add]).chain(tokio_stream::pending());
    let mut answers = match FirestoreClient::new(scene.channel().await).listen(request(requests, who)).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return status.code() as i32,
    };
    loop {
        match answers.message().await {
            Err(status) => return status.code() as i32,
            Ok(None) => panic!("it ended"),
            Ok(Some(message)) => match message.response_type {
                Some(ResponseType::TargetChange(change)) => {
                    if let Some(cause) = change.cause {
                        return cause.code;
                    }
                }
                Some(ResponseType::DocumentChange(_)) => return OK,
                other => panic!("{other:?}"),
            },
        }
    }
}

async fn write_stream(scene: &Scene, who: Option<&str>) -> Ended {
    let first = WriteRequest { database: DATABASE.to_owned(), ..Default::default() };
    let second = WriteRequest { writes: vec![set("own/alice", &[("n", integer(4))])], ..Default::default() };
    let requests = tokio_stream::iter([first, second]).chain(tokio_stream::pending());
    let mut client = scene.client().await;
    let mut answers = match client.write(request(requests, who)).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return status.code() as i32,
    };
    for _ in 0..2 {
        if let Err(status) = answers.message().await {
            return status.code() as i32;
        }
    }
    OK
}

/// As the web SDK does it: credentials in the body, refusals in the channel.
fn channel(scene: &Scene, who: Option<&str>) -> Ended {
    Channel::open(scene, who).next(scene)
}

/// A session of WebChannel that listens to a document.
pub struct Channel {
    name: String,
    /// The last array that was taken.
    has: u64,
}

impl Channel {
    const PATH: &str = "/google.firestore.v1.Firestore/Listen/channel?VER=8";

    pub fn open(scene: &Scene, who: Option<&str>) -> Self {
        let answer = Self::ask_for(scene, who, &[]);
        assert_eq!(answer.status, 200);
        Channel { name: answer.text().split('"').nth(3).expect("a name").to_owned(), has: 0 }
    }

    /// Asks for a session.
    pub fn ask_for(scene: &Scene, who: Option<&str>, headers: &[(String, String)]) -> Answer {
        let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let documents = json!({ "documents": [format!("{ROOT}/own/alice")] });
        let add = json!({ "database": DATABASE, "addTarget": { "documents": documents, "targetId": 2 } });
        let told = who.map(|who| format!("Authorization:{who}\r\n")).unwrap_or_default();
        let form = format!(
            "headers={}&count=1&ofs=0&req0___data__={}",
            encode(&format!("X-Goog-Api-Client:gl-js/\r\n{told}")),
            encode(&add.to_string())
        );
        let path = format!("{}&RID=1&CVER=22", Self::PATH);
        http::send(scene.address, "POST", &path, headers, form.as_bytes())
    }

    /// What there is after the last array that was taken, if the session is known.
    pub fn poll(&self, scene: &Scene) -> Answer {
        let path = format!("{}&RID=rpc&SID={}&AID={}&CI=1&TYPE=xmlhttp", Self::PATH, self.name, self.has);
        http::send(scene.address, "GET", &path, &[], b"")
    }

    /// The next word about the document, or the end.
    pub fn next(&mut self, scene: &Scene) -> Ended {
        // Each poll waits for a while; without a bound a word that never comes would hang the tests.
        for _ in 0..POLLS {
            let answer = self.poll(scene);
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut text = answer.text();
            while let Some((length, rest)) = text.split_once('\n') {
                let (chunk, after) = rest.split_at(length.parse().expect("a length"));
                let arrays: Value = serde_json::from_str(chunk).expect("JSON");
                for array in arrays.as_array().expect("arrays") {
                    self.has = array[0].as_u64().expect("a number");
                    if let Some(ended) = said(&array[1][0]) {
                        return ended;
                    }
                }
                text = after;
            }
        }
        panic!("nothing came");
    }
}

/// What a message in a channel says of the document, if it says anything.
fn said(message: &Value) -> Option<Ended> {
    let error = [message, &message[0]].into_iter().find_map(|place| place.get("error"));
    if let Some(error) = error {
        return Some(match error["status"].as_str() {
            Some("UNAUTHENTICATED") => UNKNOWN,
            Some("PERMISSION_DENIED") => DENIED,
            Some("RESOURCE_EXHAUSTED") => Code::ResourceExhausted as i32,
            other => panic!("{other:?}"),
        });
    }
    if let Some(code) = message["targetChange"]["cause"]["code"].as_i64() {
        return Some(i32::try_from(code).expect("a code"));
    }
    message.get("documentChange").map(|_| OK)
}

async fn everywhere(scene: &Scene, who: Option<&str>) -> Vec<(&'static str, Ended)> {
    vec![
        ("gRPC", grpc(scene, who).await),
        ("gRPC commit", grpc_commit(scene, who).await),
        ("REST", rest(scene, who)),
        ("REST patch", rest_patch(scene, who)),
        ("gRPC-Web", grpc_web(scene, who)),
        ("Listen", listen(scene, who).await),
        ("Write", write_stream(scene, who).await),
        ("WebChannel", channel(scene, who)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_is_the_same_on_every_wire() {
    let issuer = TokenIssuer::new();
    let account = issuer.key_file(Role::User);
    let scene = issuer.serve(RULES, gateway::Options::default()).await;
    let (alice, bob) = (issuer.bearer("alice"), issuer.bearer("bob"));
    assert_eq!(grpc_commit(&scene, Some(&alice)).await, OK, "the document is hers to make");
    let tampered = format!("{}AAAA", &alice[..alice.len() - 4]);
    let server = format!("Bearer {}", exchanged(&scene, &account));
    let table = [
        ("its owner", Some(alice.as_str()), OK),
        ("another", Some(bob.as_str()), DENIED),
        ("nobody", None, DENIED),
        ("an empty token", Some("Bearer "), DENIED),
        ("another scheme", Some("Basic YTpi"), DENIED),
        ("the emulator's word", Some("Bearer owner"), UNKNOWN),
        ("garbage", Some("Bearer garbage"), UNKNOWN),
        ("a broken signature", Some(tampered.as_str()), DENIED),
        ("an account", Some(server.as_str()), OK),
    ];
    for (name, who, expected) in table {
        for (wire, outcome) in everywhere(&scene, who).await {
            assert_eq!(outcome, expected, "{name} by {wire}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn development_believes_everybody_and_rules_still_decide() {
    let scene = Scene::new().await;
    let owner = Some("Bearer owner");
    assert_eq!(grpc_commit(&scene, None).await, OK, "without rules everybody may");
    scene.service.set_rules(service::RulesOf::Project("p"), Some(RULES)).expect("good rules");
    for (wire, outcome) in everywhere(&scene, owner).await {
        assert_eq!(outcome, OK, "{wire}");
    }
    for (wire, outcome) in everywhere(&scene, None).await {
        assert_eq!(outcome, DENIED, "{wire}");
    }
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsInVzZXJfaWQiOiJhbGljZSJ9.";
    for (wire, outcome) in everywhere(&scene, Some(unsigned)).await {
        assert_eq!(outcome, OK, "{wire}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_differ_are_neither() {
    let issuer = TokenIssuer::new();
    let scene = issuer.serve(RULES, gateway::Options::default()).await;
    let path = format!("/v1/{ROOT}/own/alice");
    let two = |one: &str, other: &str| {
        let headers = [headers(Some(one)), headers(Some(other))].concat();
        rest_ended_or_missing(&http::send(scene.address, "GET", &path, &headers, b""))
    };
    let (alice, bob) = (issuer.bearer("alice"), issuer.bearer("bob"));
    assert_eq!(two(&alice, &bob), "UNAUTHENTICATED");
    assert_eq!(two(&bob, &alice), "UNAUTHENTICATED");
    assert_eq!(two(&alice, &alice), "NOT_FOUND");
}

fn rest_ended_or_missing(answer: &Answer) -> String {
    let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
    json["error"]["status"].as_str().expect("a refusal").to_owned()
}

/// A token for an account's key, as Google's libraries fetch it.
pub fn exchanged(scene: &Scene, key_file: &Value) -> String {
    let answer = exchange(scene, &crate::secrets::assertion(key_file));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, json["token_type"].as_str()), (200, Some("Bearer")), "{json}");
    json["access_token"].as_str().expect("a token").to_owned()
}

pub fn exchange(scene: &Scene, assertion: &str) -> Answer {
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let form = format!("grant_type={grant}&assertion={assertion}");
    http::send(scene.address, "POST", "/token", &[], form.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refused_in_the_words_of_oauth() {
    let issuer = TokenIssuer::new();
    let scene = issuer.serve(RULES, gateway::Options::default()).await;
    let json = |answer: &Answer| -> Value { serde_json::from_slice(&answer.body).expect("JSON") };
    let bad = exchange(&scene, "a.b.c");
    assert_eq!((bad.status, json(&bad)["error"].as_str()), (400, Some("invalid_grant")));
    let empty = http::send(scene.address, "POST", "/token", &[], b"");
    assert_eq!((empty.status, json(&empty)["error"].as_str()), (400, Some("invalid_request")));
    assert_eq!(http::send(scene.address, "GET", "/token", &[], b"").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn end_users_administer_nothing_and_accounts_what_their_role_allows() {
    let issuer = TokenIssuer::new();
    let viewer = issuer.key_file(Role::Viewer);
    let scene = issuer.serve(RULES, gateway::Options::default()).await;
    let viewer = format!("Bearer {}", exchanged(&scene, &viewer));
    let alice = issuer.bearer("alice");
    let ids = |who: &str| {
        let list = proto::ListCollectionIdsRequest { parent: ROOT.to_owned(), ..Default::default() };
        let request = request(list, Some(who));
        let channel = scene.channel();
        async move { ended(FirestoreClient::new(channel.await).list_collection_ids(request).await) }
    };
    assert_eq!((ids(&alice).await, ids(&viewer).await), (DENIED, OK));
    assert_eq!(grpc_commit(&scene, Some(&viewer)).await, Code::PermissionDenied as i32);
}
