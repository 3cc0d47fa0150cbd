//! Credentials by their files, and the exchange of a person's with a token server of our own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

const NOW: Time = Time(1_800_000_000_000_000);
const SECRET: &str = "se&cret/words";

/// Answers each request with the next of its answers, and keeps what was asked.
#[derive(Clone, Default)]
struct TokenServer {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TokenServer {
    async fn start(answers: &[(u16, String)]) -> (TokenServer, SocketAddr) {
        let server = TokenServer::default();
        server.answers.lock().unwrap().extend(answers.iter().cloned());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let this = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let this = this.clone();
                let answer = service_fn(move |request| this.clone().answer(request));
                tokio::spawn(async move {
                    let serving = auto::Builder::new(TokioExecutor::new());
                    // The client goes as soon as it has its answer.
                    let _ = serving.serve_connection(TokioIo::new(socket), answer).await;
                });
            }
        });
        (server, address)
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let asked = format!("{} {} ", request.method(), request.uri().path());
        let form = request.into_body().collect().await.unwrap().to_bytes();
        self.asked.lock().unwrap().push(asked + std::str::from_utf8(&form).unwrap());
        let (status, text) = self.answers.lock().unwrap().pop_front().expect("an answer is left");
        Ok(Response::builder().status(status).body(Full::from(text)).unwrap())
    }
}

fn granted(token: &str) -> (u16, String) {
    granted_for(3_600, token)
}

fn granted_for(seconds: u64, token: &str) -> (u16, String) {
    (200, json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" }).to_string())
}

fn read(file: &serde_json::Value) -> Result<Credentials, Failure> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("key.json");
    std::fs::write(&path, file.to_string()).unwrap();
    Credentials::from_file(&path)
}

fn person(token_server: &str) -> serde_json::Value {
    json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": SECRET,
        "quota_project_id": "payer", "token_uri": token_server,
    })
}

fn user(address: SocketAddr) -> Credentials {
    read(&person(&format!("http://{address}/token"))).expect("whole credentials")
}

async fn header(credentials: &Credentials, now: Time) -> Result<Option<String>, Failure> {
    credentials.headers(now).await.map(|headers| headers.authorization)
}

#[tokio::test]
async fn a_person_s_token_is_fetched_kept_and_fetched_again() {
    let (server, address) = TokenServer::start(&[granted("one"), granted("two"), granted("three")]).await;
    let credentials = user(address);
    let bearer = |token: &str| Ok(Some(format!("Bearer {token}")));
    assert_eq!(header(&credentials, NOW).await, bearer("one"));
    assert_eq!(header(&credentials, NOW.plus(Duration::from_secs(3_299))).await, bearer("one"));
    assert_eq!(header(&credentials, NOW.plus(Duration::from_secs(3_300))).await, bearer("two"));
    credentials.renew();
    assert_eq!(header(&credentials, NOW).await, bearer("three"));
    assert_eq!(credentials.headers(NOW).await.unwrap().user_project, Some("payer"));
    let asked =
        "POST /token grant_type=refresh_token&client_id=id&client_secret=s&refresh_token=se%26cret%2Fwords";
    assert_eq!(*server.asked.lock().unwrap(), [asked; 3]);
}

#[tokio::test]
async fn a_token_of_a_short_life_is_kept_for_half_of_it() {
    for seconds in [60, 300, 400] {
        let answers = [granted_for(seconds, "one"), granted_for(seconds, "two")];
        let (server, address) = TokenServer::start(&answers).await;
        let credentials = user(address);
        let mut asked = Vec::new();
        for age in [0, seconds / 2 - 1, seconds / 2] {
            header(&credentials, NOW.plus(Duration::from_secs(age))).await.expect("a token");
            asked.push(server.asked.lock().unwrap().len());
        }
        assert_eq!(asked, [1, 1, 2], "{seconds}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_a_server_in_trouble_is_asked_again() {
    let refused =
        json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." });
    let table = [
        (400, refused.to_string(), Kind::Denied, "invalid_grant Token has been expired or revoked."),
        (401, "<html>".to_owned(), Kind::Denied, "log in again"),
        (429, String::new(), Kind::Passing, "429"),
        (503, String::new(), Kind::Passing, "503"),
        (302, String::new(), Kind::Passing, "302"),
        (200, "{}".to_owned(), Kind::Passing, "holds none"),
        (200, "x".repeat(100_000), Kind::Passing, "length limit"),
    ];
    let answers: Vec<_> = table.iter().map(|(status, text, ..)| (*status, text.clone())).collect();
    let (_server, address) = TokenServer::start(&answers).await;
    let credentials = user(address);
    for (status, _, kind, text) in table {
        let failure = header(&credentials, NOW).await.expect_err("there is no token");
        assert!(failure.kind == kind && failure.message.contains(text), "{status}: {failure:?}");
        assert!(!failure.message.contains("cret"), "{failure}");
    }
}

#[tokio::test]
async fn a_token_server_that_is_away_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(header(&user(address), NOW).await.expect_err("nobody is there").kind, Kind::Passing);
}

#[tokio::test(start_paused = true)]
async fn a_token_server_that_is_silent_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let failure = header(&user(listener.local_addr().unwrap()), NOW).await.expect_err("nobody answers");
    assert_eq!(failure.kind, Kind::Passing);
}

#[test]
fn files_that_cannot_be_used_say_what_can() {
    let mut incomplete = person("https://x/token");
    incomplete.as_object_mut().unwrap().remove("client_id");
    let table = [
        (json!({ "type": "external_account", "secret": SECRET }), "gcloud auth application-default login"),
        (json!({ "type": "impersonated_service_account" }), "make a key for a service account"),
        (json!({ "type": "service_account", "private_key": SECRET }), "private_key of RSA"),
        (json!([SECRET]), "not such JSON"),
        (incomplete, "it needs client_id, client_secret and refresh_token"),
        (person("http://example.org/token"), "without https"),
        (person("se cret"), "no address"),
    ];
    for (file, text) in table {
        let failure = read(&file).expect_err("it is refused");
        assert!(failure.kind == Kind::Denied && failure.message.contains(text), "{failure:?}");
        assert!(!failure.message.contains("cret/"), "{failure}");
    }
    assert_eq!(read(&person("https://x/token")).expect("whole credentials").project(), None);
}
