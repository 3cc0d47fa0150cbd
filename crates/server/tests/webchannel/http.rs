//! As little of an HTTP/1.1 client as the tests need, so that they decide when bytes flow and when a
//! connection is cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub const ORIGIN: &str = "http://localhost:3000";

/// An answer of which the body may still be coming.
pub struct Answer {
    pub status: u16,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    stream: BufReader<TcpStream>,
    /// Bytes of the body that are to come; None when it comes in pieces.
    length: Option<usize>,
}

/// Sends a request over a connection of its own, and reads the answer's head.
pub async fn send(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let mut stream = BufReader::new(TcpStream::connect(address).await.expect("a connection"));
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\norigin: {ORIGIN}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(body.as_bytes()).await.expect("sent");
    let line = read_line(&mut stream).await;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let mut headers = BTreeMap::new();
    loop {
        let line = read_line(&mut stream).await;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').expect("a header");
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map(|length| length.parse().expect("a length"));
    Answer { status, headers, stream, length }
}

impl Answer {
    /// The next piece of the body; None when it is over.
    pub async fn piece(&mut self) -> Option<String> {
        let length = match self.length {
            Some(length) => length,
            None => usize::from_str_radix(&read_line(&mut self.stream).await, 16).expect("a piece's length"),
        };
        let mut piece = vec![0; length];
        self.stream.read_exact(&mut piece).await.expect("the piece");
        if self.length.is_some() {
            self.length = Some(0);
        } else {
            assert_eq!(read_line(&mut self.stream).await, "");
        }
        (length > 0).then(|| String::from_utf8(piece).expect("text"))
    }

    /// The whole body.
    pub async fn body(mut self) -> String {
        let mut body = String::new();
        while let Some(piece) = self.piece().await {
            body.push_str(&piece);
        }
        body
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a line");
    assert!(line.ends_with("\r\n"), "the connection ended: {line:?}");
    line.trim_end().to_owned()
}
