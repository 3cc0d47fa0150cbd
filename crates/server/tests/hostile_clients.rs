//! Clients that send nonsense, too much, too slowly, or never read: they are refused or bounded, and
//! a polite client beside them is served.

mod scene;

use std::time::{Duration, Instant};

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use prost::Message;
use scene::{DATABASE, ROOT, Scene, raw, set, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

const METHODS: [&str; 14] = [
    "GetDocument",
    "ListDocuments",
    "CreateDocument",
    "UpdateDocument",
    "DeleteDocument",
    "BatchGetDocuments",
    "BeginTransaction",
    "Commit",
    "Rollback",
    "RunQuery",
    "RunAggregationQuery",
    "PartitionQuery",
    "ListCollectionIds",
    "BatchWrite",
];

/// A client that shares nothing with the hostile ones is served, and soon.
async fn is_served(scene: &Scene) {
    let started = Instant::now();
    scene.set(["c/polite".to_owned()], &[("a", text("x"))]).await;
    let get = proto::GetDocumentRequest { name: format!("{ROOT}/c/polite"), ..Default::default() };
    scene.client().await.get_document(get).await.expect("the document");
    assert!(started.elapsed() < Duration::from_secs(5), "the polite client waited {:?}", started.elapsed());
}

/// A length-delimited protobuf field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

/// Sends bytes over a connection of its own, and answers what came back until it was closed.
async fn exchange(scene: &Scene, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(scene.address).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer));
    // A reset instead of an end is as good.
    let _ = reading.await.expect("the server closes the connection");
    answer
}

#[tokio::test]
async fn bytes_that_are_no_message() {
    let scene = Scene::new().await;
    let junk: [&[u8]; 5] =
        [&[0xff; 40], b"\x0a\xff\xff\xff\xff\x7f", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x0b"];
    for method in METHODS {
        for bytes in junk {
            let refusal = scene.raw(method, Bytes::copy_from_slice(bytes)).await.expect_err(method);
            assert_eq!(refusal.code(), Code::InvalidArgument, "{method} {bytes:?}");
        }
    }
    is_served(&scene).await;
}

#[tokio::test]
async fn every_beginning_of_a_message() {
    let scene = Scene::new().await;
    let request = proto::CommitRequest {
        database: DATABASE.to_owned(),
        writes: vec![set("c/d", &[("a", text("some text"))])],
        ..Default::default()
    };
    let bytes = request.encode_to_vec();
    let channel = scene.channel().await;
    for end in 0..bytes.len() {
        let part = Bytes::copy_from_slice(&bytes[..end]);
        let answer = raw(channel.clone(), "/google.firestore.v1.Firestore/Commit", part).await;
        // A cut between fields leaves a legal, smaller message; all else is refused.
        if let Err(refusal) = answer {
            assert_eq!(refusal.code(), Code::InvalidArgument, "cut at {end}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_value_nested_ten_thousand_deep() {
    let scene = Scene::new().await;
    for nest in [1, 6, 9] {
        let mut value = Vec::new();
        for _ in 0..10_000 {
            value = field(nest, &field(1, &value));
        }
        let entry = [field(1, b"a"), field(2, &value)].concat();
        let name = field(1, format!("{ROOT}/c/d").as_bytes());
        let document = field(1, &[name, field(2, &entry)].concat());
        let commit = [field(1, DATABASE.as_bytes()), field(2, &document)].concat();
        let refusal = scene.raw("Commit", commit.into()).await.expect_err("refused");
        assert_eq!(refusal.code(), Code::InvalidArgument, "nested in field {nest}");
    }
    is_served(&scene).await;
}

#[tokio::test]
async fn a_filter_nested_ten_thousand_deep() {
    let scene = Scene::new().await;
    let mut filter = Vec::new();
    for _ in 0..10_000 {
        filter = field(1, &[&[0x08, 1][..], &field(2, &filter)].concat());
    }
    let query = field(2, &[field(2, &field(2, b"c")), field(3, &filter)].concat());
    let request = [field(1, ROOT.as_bytes()), query].concat();
    let refusal = scene.raw("RunQuery", request.into()).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_request_over_ten_mebibytes() {
    let scene = Scene::new().await;
    let refusal = scene.raw("Commit", vec![0; (10 << 20) + 1].into()).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert_eq!(refusal.message(), "Request payload size exceeds the limit: 10485760 bytes.");
    let refusal = scene.raw("Commit", vec![0; 10 << 20].into()).await.expect_err("no message");
    assert_eq!(refusal.message(), "Payload isn't valid for request.");
    is_served(&scene).await;
}

#[tokio::test]
async fn names_with_nul_and_names_of_megabytes() {
    let scene = Scene::new().await;
    let get = |name: String| proto::GetDocumentRequest { name, ..Default::default() }.encode_to_vec().into();
    let refusal = scene.raw("GetDocument", get(format!("{ROOT}/c/a\0b"))).await.expect_err("not there");
    assert_eq!(refusal.code(), Code::NotFound);
    scene.set(["c/a\0b".to_owned(), "c/a".to_owned()], &[]).await;
    scene.raw("GetDocument", get(format!("{ROOT}/c/a\0b"))).await.expect("a name like any other");
    let refusal = scene.raw("GetDocument", get("x".repeat(5 << 20))).await.expect_err("no name");
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert!(refusal.message().starts_with("Document name \"xxx"), "{}", refusal.message().len());
    let refusal = scene.raw("GetDocument", get(format!("{ROOT}/c/{}", "é".repeat(751)))).await;
    let text = "The key path element name is longer than 1500 bytes.";
    assert_eq!(refusal.expect_err("too long").message(), text);
}

#[tokio::test]
async fn compressed_and_misdeclared_calls() {
    let scene = Scene::new().await;
    let mut grpc = tonic::client::Grpc::new(scene.channel().await);
    grpc.ready().await.expect("a connection");
    let mut request = tonic::Request::new(Bytes::new());
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().expect("a value"));
    let path = "/google.firestore.v1.Firestore/Commit".parse().expect("a path");
    let refusal = grpc.unary(request, path, scene::RawCodec).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::Unimplemented);
    assert_eq!(refusal.message(), "Decompressor is not installed for grpc-encoding \"gzip\"");

    let mut request = tonic::Request::new(Bytes::new());
    request.metadata_mut().insert("grpc-timeout", "soon".parse().expect("a value"));
    let path = "/google.firestore.v1.Firestore/Commit".parse().expect("a path");
    grpc.ready().await.expect("a connection");
    let refusal = grpc.unary(request, path, scene::RawCodec).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_call_whose_deadline_passes_before_its_message_comes() {
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    let scene = Scene::new().await;
    let mut stream = begin_call(&scene, &[("grpc-timeout", "50m")]).await;
    let answered = async {
        loop {
            if let (HEADERS, flags) = read_frame(&mut stream).await {
                break flags & END_STREAM;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), answered).await.expect("long before 30 s");
    assert_eq!(ended, END_STREAM);
    assert_eq!(scene.gateway.counts().get(gateway::Method::Commit, Code::DeadlineExceeded as i32), 1);
}

#[tokio::test]
async fn wrong_http() {
    let scene = Scene::new().await;
    let table: [(&[u8], &str); 6] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"),
        (b"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (
            b"POST /google.firestore.v1.Firestore/Commit HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 Not Found",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""),
        (b"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthese are no frames at all, are they", ""),
    ];
    for (bytes, expected) in table {
        let answer = exchange(&scene, bytes).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{}: {answer}", String::from_utf8_lossy(bytes));
    }
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Header: y\r\n".repeat(50_000));
    exchange(&scene, many.as_bytes().get(..200_000).expect("longer")).await;
    is_served(&scene).await;
}

#[tokio::test]
async fn idle_connections_make_room_for_others() {
    let options = gateway::Options { max_connections: 20, ..gateway::Options::default() };
    let scene = Scene::with(options).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(scene.address).await.expect("the system accepts"));
    }
    is_served(&scene).await;
    let first = silent.first_mut().expect("the oldest");
    let closed = tokio::time::timeout(Duration::from_secs(10), first.read(&mut [0])).await;
    assert!(matches!(closed.expect("it made room"), Ok(0) | Err(_)));
}

#[tokio::test]
async fn connections_in_use_do_not_make_room() {
    let options = gateway::Options { max_connections: 2, ..gateway::Options::default() };
    let scene = Scene::with(options).await;
    // Two calls that never send their message.
    let mut busy = Vec::new();
    for _ in 0..2 {
        busy.push(begin_call(&scene, &[]).await);
    }
    let mut third = TcpStream::connect(scene.address).await.expect("the system accepts");
    let read = tokio::time::timeout(Duration::from_secs(10), third.read(&mut [0])).await;
    assert!(matches!(read.expect("turned away"), Ok(0) | Err(_)));
    drop(busy);
    is_served(&scene).await;
}

/// A call whose message does not come: the HTTP/2 preface, empty settings and the headers of a Commit.
async fn begin_call(scene: &Scene, more: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(scene.address).await.expect("a connection");
    let literal = |name: &[u8], value: &[u8]| {
        let mut out = vec![0, name.len() as u8];
        out.extend_from_slice(name);
        out.push(value.len() as u8);
        out.extend_from_slice(value);
        out
    };
    let mut headers = [
        vec![0x83, 0x86],
        literal(b":path", b"/google.firestore.v1.Firestore/Commit"),
        literal(b":authority", b"x"),
        literal(b"content-type", b"application/grpc"),
        literal(b"te", b"trailers"),
    ]
    .concat();
    for (name, value) in more {
        headers.extend(literal(name.as_bytes(), value.as_bytes()));
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0, 0, headers.len() as u8, 1, 4, 0, 0, 0, 1]);
    bytes.extend_from_slice(&headers);
    stream.write_all(&bytes).await.expect("sent");
    // The server's settings show that it has taken the connection.
    read_frame(&mut stream).await;
    stream
}

/// The type and the flags of the next HTTP/2 frame.
async fn read_frame(stream: &mut TcpStream) -> (u8, u8) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.expect("a frame");
    let length = usize::from(head[1]) << 8 | usize::from(head[2]);
    stream.read_exact(&mut vec![0; length]).await.expect("its content");
    (head[3], head[4])
}

#[tokio::test]
async fn many_calls_that_never_send_their_message() {
    let scene = Scene::new().await;
    let mut stuck = Vec::new();
    for _ in 0..300 {
        stuck.push(begin_call(&scene, &[]).await);
    }
    is_served(&scene).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads() {
    let scene = Scene::new().await;
    let long = text(&"x".repeat(500_000));
    for n in 0..20 {
        scene.set([format!("big/{n}")], &[("s", long.clone())]).await;
    }
    let from = vec![proto::structured_query::CollectionSelector {
        collection_id: "big".to_owned(),
        all_descendants: false,
    }];
    let query = proto::StructuredQuery { from, ..Default::default() };
    let request = proto::RunQueryRequest {
        parent: ROOT.to_owned(),
        query_type: Some(proto::run_query_request::QueryType::StructuredQuery(query)),
        ..Default::default()
    };
    let mut unread = Vec::new();
    let mut client = scene.client().await;
    for _ in 0..50 {
        unread.push(client.run_query(request.clone()).await.expect("it begins"));
    }
    is_served(&scene).await;
    let counted = scene.gateway.counts().get(gateway::Method::RunQuery, 0);
    assert!(counted < 50, "answers that are not read cannot be over");
    drop(unread);
}

#[tokio::test]
async fn transactions_that_are_never_finished() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let begin = proto::BeginTransactionRequest { database: DATABASE.to_owned(), ..Default::default() };
    for _ in 0..2_000 {
        client.begin_transaction(begin.clone()).await.expect("begun");
    }
    is_served(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_a_request_finish_and_takes_no_new_ones() {
    let mut scene = Scene::new().await;
    let mut client = scene.client().await;
    let get = proto::GetDocumentRequest { name: format!("{ROOT}/c/none"), ..Default::default() };
    assert_eq!(client.get_document(get).await.expect_err("none").code(), Code::NotFound);
    let stuck = begin_call(&scene, &[]).await;
    scene.tell_to_stop();
    let started = Instant::now();
    let address = scene.address;
    scene.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "a request that never ends is cut");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(stuck);
}
