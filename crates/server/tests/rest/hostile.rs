//! Clients that send too much, nonsense, or stop in the middle: refused, and others are served.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::http::{Answer, exchange, read, send};
use crate::scene::{ROOT, Scene, text};

fn post(scene: &Scene, verb: &str, body: &[u8]) -> Answer {
    send(scene.address, "POST", &format!("/v1/{ROOT}{verb}"), &[], body)
}

/// Maps inside each other, as JSON.
fn nested(levels: usize) -> String {
    let open = "{\"mapValue\":{\"fields\":{\"a\":".repeat(levels);
    format!("{{\"fields\":{{\"a\":{open}{{\"nullValue\":null}}{}}}}}", "}}}".repeat(levels))
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_is_refused_where_documents_end_and_where_readers_do() {
    let scene = Scene::new().await;
    let table = [
        (20, 200, ""),
        (21, 400, "Property a contains an invalid nested entity."),
        (40, 400, "Message too deep. Max recursion depth reached for key "),
        (10_000, 400, "Message too deep. Max recursion depth reached for key "),
    ];
    for (levels, status, expected) in table {
        let answer = post(&scene, "/c", nested(levels).as_bytes());
        assert_eq!(answer.status, status, "{levels} levels: {}", answer.text());
        assert!(answer.text().contains(expected), "{levels} levels: {}", answer.text());
    }
    for opening in ["[", "{\"a\":", "{\"writes\":[", "[["] {
        let answer = post(&scene, ":commit", opening.repeat(100_000).as_bytes());
        assert_eq!(answer.status, 400, "{opening}: {}", answer.text());
        assert!(answer.text().len() < 10_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let scene = Scene::new().await;
    let expected = "Request payload size exceeds the limit: 11534336 bytes.";
    let claimed = format!(
        "POST /v1/{ROOT}:commit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n"
    );
    let answer = read(&exchange(scene.address, claimed.as_bytes()));
    assert!(answer.status == 400 && answer.text().contains(expected), "{}", answer.text());

    let head = format!(
        "POST /v1/{ROOT}:commit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; 0x10_0000], b"\r\n".to_vec()].concat();
    let endless = [head.into_bytes(), chunk.repeat(12)].concat();
    let answer = read(&exchange(scene.address, &endless));
    assert!(answer.status == 400 && answer.text().contains(expected), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_mistakes_are_told_in_a_few() {
    let scene = Scene::new().await;
    let many = format!("{{{}\"x\":1}}", "\"x\":1,".repeat(1_000_000));
    let answer = post(&scene, ":commit", many.as_bytes());
    assert_eq!(answer.status, 400);
    assert!(answer.body.len() < 100_000, "{} bytes", answer.body.len());
    let long = format!("{{\"{}\":1}}", "x".repeat(10_000_000));
    let answer = post(&scene, ":commit", long.as_bytes());
    assert!(answer.status == 400 && answer.body.len() < 10_000, "{} bytes", answer.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused() {
    let scene = Scene::new().await;
    let answer = post(&scene, ":commit", b"{\"writes\": \xff}");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("Encountered non UTF-8 code points."), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_megabytes_waits_for_its_reader() {
    let scene = Scene::new().await;
    let fields = [("a", text(&"x".repeat(100_000)))];
    scene.set((0..8).map(|at| format!("c/{at}")), &fields).await;
    scene.set((8..16).map(|at| format!("c/{at}")), &fields).await;
    let query = "{\"structuredQuery\": {\"from\": [{\"collectionId\": \"c\"}]}}";
    let mut slow = TcpStream::connect(scene.address).expect("a connection");
    let head = format!(
        "POST /v1/{ROOT}:runQuery HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{query}",
        query.len()
    );
    slow.write_all(head.as_bytes()).expect("sent");
    // While nobody reads that answer, others are served.
    assert_eq!(post(&scene, ":runQuery", query.as_bytes()).status, 200);
    let mut bytes = Vec::new();
    slow.read_to_end(&mut bytes).expect("the answer");
    let answer = read(&bytes);
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, Some("chunked")));
    assert_eq!(answer.text().matches("\"readTime\"").count(), 16);
    assert!(answer.text().starts_with("[{\n") && answer.text().ends_with("}\n]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let scene = Scene::new().await;
    for length in [1, 40, 200] {
        let head =
            format!("POST /v1/{ROOT}:commit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{\"writes\"");
        let mut stream = TcpStream::connect(scene.address).expect("a connection");
        stream.write_all(&head.as_bytes()[..length.min(head.len())]).expect("sent");
    }
    assert_eq!(post(&scene, ":commit", b"{}").status, 200);
}
