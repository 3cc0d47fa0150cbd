//! Metrics for Prometheus, on an address of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sync::{Failure, Kind, Meters};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Who reads metrics comes alone.
const MOST_CONNECTIONS: usize = 16;
/// A request that asks for them fits.
const MOST_BYTES: usize = 8 * 1024;
const LIMIT: Duration = Duration::from_secs(5);

/// Serves in the background for as long as the program runs.
pub(super) async fn serve(address: SocketAddr, meters: Arc<Meters>) -> Result<(), Failure> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::new(Kind::Local, format!("could not listen on {address}: {error}")))?;
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let Ok((stream, _)) = listener.accept().await else {
                // Too many open files, for instance: it passes.
                tokio::time::sleep(LIMIT).await;
                continue;
            };
            let meters = Arc::clone(&meters);
            tokio::spawn(async move {
                // Who does not ask or read in time is left.
                let _ = tokio::time::timeout(LIMIT, answer(stream, &meters)).await;
                drop(place);
            });
        }
    });
    Ok(())
}

async fn answer(mut stream: TcpStream, meters: &Meters) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await?;
        request.extend_from_slice(&part[..read]);
        if read == 0 || request.len() > MOST_BYTES {
            return Ok(());
        }
    }
    let (status, body) = match request.starts_with(b"GET /metrics ") {
        true => ("200 OK", meters.prometheus()),
        false => ("404 Not Found", "ask for /metrics\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
