//! What a plain connection hears on a port that takes only TLS.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 46\r\n\
    Connection: close\r\n\
    \r\n\
    This port takes only TLS: speak https to it.\r\n";
/// HTTP/2 begins with it (RFC 9113, 3.4); a client that sends it cannot read an answer of HTTP/1.1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Bytes that are read to tell the two apart, and again and again after the answer.
const PART: usize = 1_024;
/// What a client still sends is read for this long: bytes that are left would make the system take back
/// the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Says that this port is for TLS, to those who can read it, and closes.
pub(super) async fn refuse(mut stream: TcpStream) {
    tracing::debug!("a connection without TLS was refused");
    let mut part = [0; PART];
    let Ok(read) = stream.read(&mut part).await else { return };
    if part[..read].starts_with(PREFACE) {
        return;
    }
    if stream.write_all(ANSWER).await.is_ok() && stream.shutdown().await.is_ok() {
        let rest = async { while stream.read(&mut part).await.is_ok_and(|read| read > 0) {} };
        // Over or not, the connection is closed now.
        let _ = tokio::time::timeout(LINGER, rest).await;
    }
}
