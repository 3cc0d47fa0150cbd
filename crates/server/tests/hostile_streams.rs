//! Clients of Listen and Write that send nonsense, stop in the middle or never read: they are refused or
//! bounded, and a polite client beside them is served.

mod scene;

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use prost::Message;
use scene::{DATABASE, RawCodec, Scene, integer, set, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

const METHODS: [&str; 2] = ["Listen", "Write"];

/// A stream of bytes both ways.
async fn raw(channel: Channel, method: &str) -> (mpsc::Sender<Bytes>, Streaming<Bytes>) {
    let (requests, sent) = mpsc::channel(1_000);
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.expect("a connection");
    let path = format!("/google.firestore.v1.Firestore/{method}").parse().expect("a path");
    let answers = grpc.streaming(Request::new(ReceiverStream::new(sent)), path, RawCodec).await;
    (requests, answers.expect("a stream").into_inner())
}

async fn end(mut answers: Streaming<Bytes>) -> Result<(), Status> {
    let reading = async {
        while answers.message().await?.is_some() {}
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an end in time")
}

async fn is_served(scene: &Scene) {
    let started = Instant::now();
    scene.set(["c/polite".to_owned()], &[("a", text("x"))]).await;
    assert!(started.elapsed() < Duration::from_secs(5), "the polite client waited {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message() {
    let scene = Scene::new().await;
    let junk: [&[u8]; 4] = [&[0xff; 40], b"\x0a\xff\xff\xff\xff\x7f", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"];
    for method in METHODS {
        for bytes in junk {
            let (requests, answers) = raw(scene.channel().await, method).await;
            requests.send(Bytes::copy_from_slice(bytes)).await.expect("sent");
            let refusal = end(answers).await.expect_err("nonsense");
            assert_eq!(refusal.code(), Code::InvalidArgument, "{method} {bytes:?}");
        }
    }
    is_served(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_ends_the_stream() {
    let scene = Scene::new().await;
    for method in METHODS {
        let (requests, answers) = raw(scene.channel().await, method).await;
        requests.send(vec![0; (10 << 20) + 1].into()).await.expect("sent");
        let refusal = end(answers).await.expect_err("too large");
        assert_eq!(refusal.message(), "Request payload size exceeds the limit: 10485760 bytes.");
    }
    is_served(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_without_a_word() {
    let scene = Scene::new().await;
    for method in METHODS {
        let (requests, answers) = raw(scene.channel().await, method).await;
        drop(requests);
        assert!(end(answers).await.is_ok(), "{method}");
    }
}

/// A client that writes without end and reads no answer: its requests are left unread after a while.
#[tokio::test(flavor = "multi_thread")]
async fn writes_whose_answers_are_never_read() {
    let scene = Scene::new().await;
    let window = 64 * 1024;
    let endpoint = Endpoint::from_shared(format!("http://{}", scene.address)).expect("an address");
    let channel = endpoint.initial_stream_window_size(window).connect().await.expect("a connection");
    let (requests, _answers) = raw(channel, "Write").await;
    let first = proto::WriteRequest { database: DATABASE.to_owned(), ..Default::default() };
    requests.send(first.encode_to_vec().into()).await.expect("sent");
    let request = many_transforms();
    let mut sent = 0;
    while let Ok(outcome) = tokio::time::timeout(Duration::from_secs(1), requests.send(request.clone())).await
    {
        outcome.expect("the stream goes on");
        sent += 1;
        assert!(sent < 10_000, "a client that reads nothing is served without end");
    }
    is_served(&scene).await;
}

/// A write whose answer is long, so that the client's window is soon full.
fn many_transforms() -> Bytes {
    let increment = proto::document_transform::field_transform::TransformType::Increment(integer(1));
    let transform = |field: usize| proto::document_transform::FieldTransform {
        field_path: format!("f{field}"),
        transform_type: Some(increment.clone()),
    };
    let update_transforms = (0..500).map(transform).collect();
    let write = proto::Write { update_transforms, ..set("c/many", &[("a", integer(1))]) };
    proto::WriteRequest { writes: vec![write], ..Default::default() }.encode_to_vec().into()
}

/// A call may be cancelled at any moment, by the frame that HTTP/2 has for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_cancelled_is_over_at_the_server() {
    let scene = Scene::new().await;
    let mut client = TcpStream::connect(scene.address).await.expect("a connection");
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frame(HEADERS, END_HEADERS, 1, &headers("/google.firestore.v1.Firestore/Listen")));
    client.write_all(&sent).await.expect("sent");
    let counts = scene.gateway.counts();
    let cancelled = || counts.get(gateway::Method::Listen, Code::Cancelled as i32);
    // The answer's headers come at once.
    let mut kind = 0;
    while kind != HEADERS {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.expect("a frame");
        kind = head[3];
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        client.read_exact(&mut vec![0; length]).await.expect("its content");
    }
    assert_eq!(cancelled(), 0);
    const CANCEL: u32 = 8;
    client.write_all(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())).await.expect("sent");
    let noticed = async {
        while cancelled() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed).await.expect("the server notices");
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

/// The headers of a gRPC call, each written out in full.
fn headers(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "irori"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A reader that never reads, on a stream that has much to tell.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_are_never_read() {
    let scene = Scene::new().await;
    let channel = scene.channel().await;
    let mut stuck = Vec::new();
    for id in 1..=20 {
        let (requests, answers) = raw(channel.clone(), "Listen").await;
        let mut request = BytesMut::new();
        request.put_slice(&listen(id).encode_to_vec());
        requests.send(request.freeze()).await.expect("sent");
        stuck.push((requests, answers));
    }
    let body = text(&"x".repeat(500_000));
    for round in 0..40 {
        scene.set([format!("c/{}", round % 4)], &[("a", body.clone()), ("n", integer(round))]).await;
    }
    is_served(&scene).await;
}

fn listen(id: i32) -> proto::ListenRequest {
    let from =
        proto::structured_query::CollectionSelector { collection_id: "c".to_owned(), all_descendants: false };
    let query = proto::StructuredQuery { from: vec![from], ..Default::default() };
    let query_type = Some(proto::target::query_target::QueryType::StructuredQuery(query));
    let parent = format!("{DATABASE}/documents");
    let query = proto::target::QueryTarget { parent, query_type };
    let target_type = Some(proto::target::TargetType::Query(query));
    let target = proto::Target { target_id: id, target_type, ..Default::default() };
    let target_change = Some(proto::listen_request::TargetChange::AddTarget(target));
    proto::ListenRequest { database: DATABASE.to_owned(), target_change, ..Default::default() }
}
