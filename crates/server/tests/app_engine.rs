//! App Engine's API bridge on a real socket: who may use it, and what becomes of bytes that are no calls.
//!
//! What the services answer is tested with the real SDK (`clients/appengine`).

mod scene;

use scene::Scene;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A call of `FlushAll` of memcache, which needs no request; and its answer.
const FLUSH: &[u8] = b"\x12\x08memcache\x1a\x08FlushAll\x22\x00";
const FLUSHED: &[u8] = b"\x0a\x00";

/// Sends a call with these further headers; answers the status and the body.
async fn post(scene: &Scene, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(scene.address).await.expect("the server listens");
    let head = format!(
        "POST /rpc_http HTTP/1.1\r\nHost: irori\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the server answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers") + 4;
    let status = str::from_utf8(&answer[9..12]).expect("digits").parse().expect("a number");
    (status, answer.split_off(end))
}

fn options(app_engine: bool) -> gateway::Options {
    gateway::Options { app_engine, ..gateway::Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_is_served_only_where_it_is_wanted() {
    for (is_wanted, status) in [(true, 200), (false, 403)] {
        let scene = Scene::with(options(is_wanted)).await;
        let (got, body) = post(&scene, "", FLUSH).await;
        assert_eq!((got, body == FLUSHED), (status, is_wanted));
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_call() {
    let scene = Scene::with(options(true)).await;
    let (status, _) = post(&scene, "Origin: https://example.com\r\n", FLUSH).await;
    assert_eq!(status, 403);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_answered_in_the_envelope() {
    let scene = Scene::with(options(true)).await;
    let long = [b"\x12\x08memcache\x1a\x03Get\x22\x80\x80\x80\x02".as_slice(), &[0; 100]].concat();
    // The code of each stands in field 1 of the error in field 5.
    let table: [(&[u8], u8); 7] = [
        (b"", 1),
        (b"\x12\x05nobodyknows", 2),
        (b"\x0c", 2),
        (b"\x12\x09taskqueue\x1a\x03Add\x22\x00", 1),
        (b"\x12\x08memcache\x1a\x06Nobody\x22\x00", 1),
        (b"\x12\x0cdatastore_v3\x1a\x03Put\x22\x01\x0b", 2),
        (&long, 2),
    ];
    for (body, code) in table {
        let (status, answer) = post(&scene, "", body).await;
        let text = String::from_utf8_lossy(body);
        assert_eq!((status, answer[0], &answer[2..4]), (200, 0x2a, [8, code].as_slice()), "{text}");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_be_neither_endless_nor_late() {
    let scene = Scene::with(options(true)).await;
    for head in
        ["Content-Length: 99999999999\r\n", "Content-Length: 9\r\nX-Google-RPC-Service-Deadline: 0.1\r\n"]
    {
        let mut stream = TcpStream::connect(scene.address).await.expect("the server listens");
        let head = format!("POST /rpc_http HTTP/1.1\r\nHost: irori\r\n{head}\r\n");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("the server waits for no more");
        assert_eq!(&answer, b"HTTP/1.1 400");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_is_no_number_is_none() {
    let scene = Scene::with(options(true)).await;
    for deadline in ["nonsense", "-1", "NaN", "1e300", "60"] {
        let header = format!("X-Google-RPC-Service-Deadline: {deadline}\r\n");
        assert_eq!(post(&scene, &header, FLUSH).await, (200, FLUSHED.to_vec()), "{deadline}");
    }
    scene.stop().await;
}
