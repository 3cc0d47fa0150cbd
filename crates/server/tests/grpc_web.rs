//! gRPC-Web over HTTP/1.1, as a browser without any library could speak it.

mod scene;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use prost::Message;
use proto::listen_request::TargetChange as Change;
use proto::listen_response::ResponseType;
use proto::target::{DocumentsTarget, TargetType};
use proto::target_change::TargetChangeType;
use scene::{DATABASE, ROOT, Scene, integer, set};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer that is being read.
struct Answer {
    head: String,
    stream: BufReader<TcpStream>,
    text: bool,
    received: Vec<u8>,
}

/// A part of an answer's body.
#[derive(Debug, PartialEq)]
enum Part {
    Message(Vec<u8>),
    Trailers(String),
}

impl Answer {
    /// Sends a request with one message.
    async fn to(scene: &Scene, kind: &str, method: &str, message: &impl Message) -> Self {
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).expect("short");
        let mut body = [&[0][..], &length.to_be_bytes(), &message].concat();
        let text = kind.contains("text");
        if text {
            body = STANDARD.encode(body).into_bytes();
        }
        let head = format!(
            "POST /google.firestore.v1.Firestore/{method} HTTP/1.1\r\nHost: irori\r\nContent-Type: {kind}\r\n\
             X-Grpc-Web: 1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(scene.address).await.expect("a connection");
        stream.write_all(&[head.as_bytes(), &body].concat()).await.expect("sent");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).await.expect("a head") > 0, "{head}");
        }
        Answer { head: head.to_ascii_lowercase(), stream, text, received: Vec::new() }
    }

    async fn part(&mut self) -> Part {
        while self.received.len() < 5 {
            self.chunk().await;
        }
        let length = u32::from_be_bytes(self.received[1..5].try_into().expect("four bytes")) as usize;
        while self.received.len() < 5 + length {
            self.chunk().await;
        }
        let rest = self.received.split_off(5 + length);
        let whole = std::mem::replace(&mut self.received, rest);
        match whole[0] {
            0 => Part::Message(whole[5..].to_vec()),
            0x80 => Part::Trailers(String::from_utf8(whole[5..].to_vec()).expect("text")),
            flag => panic!("an unknown flag {flag}"),
        }
    }

    /// One chunk of HTTP/1.1.
    async fn chunk(&mut self) {
        let mut size = String::new();
        self.stream.read_line(&mut size).await.expect("a size");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.expect("a chunk");
        chunk.truncate(size);
        if self.text {
            chunk = STANDARD.decode(chunk).expect("base64");
        }
        self.received.extend(chunk);
    }
}

const KINDS: [&str; 3] = ["application/grpc-web+proto", "application/grpc-web", "application/grpc-web-text"];

fn get(path: &str) -> proto::GetDocumentRequest {
    proto::GetDocumentRequest { name: format!("{ROOT}/{path}"), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_with_its_trailers_in_the_body() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    for kind in KINDS {
        let mut answer = Answer::to(&scene, kind, "GetDocument", &get("c/a")).await;
        assert!(answer.head.starts_with("http/1.1 200"), "{}", answer.head);
        assert!(answer.head.contains(&format!("content-type: {}", kind.trim_end_matches("+proto"))));
        let Part::Message(bytes) = answer.part().await else { panic!("no message first") };
        let document = proto::Document::decode(&*bytes).expect("a document");
        assert_eq!(document.fields["n"], integer(1));
        assert_eq!(answer.part().await, Part::Trailers("grpc-status: 0\r\n".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_in_the_body_too() {
    let scene = Scene::new().await;
    for kind in KINDS {
        let mut answer = Answer::to(&scene, kind, "GetDocument", &get("c/none")).await;
        assert!(answer.head.starts_with("http/1.1 200") && !answer.head.contains("grpc-status"));
        let Part::Trailers(trailers) = answer.part().await else { panic!("a message in a refusal") };
        assert!(trailers.contains("grpc-status: 5\r\n"), "{trailers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_goes_on_though_the_client_cannot_send_more() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    for (round, kind) in KINDS.into_iter().enumerate() {
        let documents = vec![format!("{ROOT}/c/a")];
        let target_type = Some(TargetType::Documents(DocumentsTarget { documents }));
        let target = proto::Target { target_id: 2, target_type, ..Default::default() };
        let target_change = Some(Change::AddTarget(target));
        let listen =
            proto::ListenRequest { database: DATABASE.to_owned(), target_change, ..Default::default() };
        let mut answer = Answer::to(&scene, kind, "Listen", &listen).await;
        let mut next = async || {
            let Part::Message(bytes) = answer.part().await else { panic!("an end") };
            proto::ListenResponse::decode(&*bytes).expect("a response").response_type.expect("a kind")
        };
        loop {
            if let ResponseType::TargetChange(change) = next().await
                && change.target_change_type() == TargetChangeType::NoChange
            {
                break;
            }
        }
        let number = integer(10 + i64::try_from(round).expect("small"));
        let write = set("c/a", &[("n", number.clone())]);
        let commit =
            proto::CommitRequest { database: DATABASE.to_owned(), writes: vec![write], ..Default::default() };
        scene.client().await.commit(commit).await.expect("a commit");
        let ResponseType::DocumentChange(change) = next().await else { panic!("no change") };
        assert_eq!(change.document.expect("a document").fields["n"], number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_that_is_none_is_the_clients_fault() {
    let scene = Scene::new().await;
    let mut stream = TcpStream::connect(scene.address).await.expect("a connection");
    let request = "POST /google.firestore.v1.Firestore/GetDocument HTTP/1.1\r\nHost: irori\r\n\
                   Content-Type: application/grpc-web-text\r\nConnection: close\r\nContent-Length: 8\r\n\r\n!!!!!!!!";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    let base64 = body.lines().nth(1).expect("a chunk");
    let trailers = STANDARD.decode(base64).expect("base64");
    let trailers = String::from_utf8_lossy(&trailers[5..]).into_owned();
    assert!(trailers.contains("grpc-status: 3\r\n"), "{trailers}");
}
