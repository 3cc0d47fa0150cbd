//! The way to the server: an address, perhaps TLS, and bytes that are counted.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::failure::{Failure, Kind};
use crate::meters::Meters;

/// The longest that making a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A silent connection is asked for a sign of life so often; Google's front ends allow this.
const PING_EVERY: Duration = Duration::from_secs(60);
const PING_LIMIT: Duration = Duration::from_secs(20);
/// What the server may send ahead on one answer, and on all together: memory that a slow disk costs at most.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Where the server is.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// Authorities to trust in place of the system's, in PEM.
    pub authorities: Option<PathBuf>,
}

impl Address {
    /// Google's service.
    pub const PRODUCTION: &str = "https://firestore.googleapis.com";

    /// Makes a channel that connects when it is needed, and again when it was lost.
    pub(crate) fn channel(&self, meters: Arc<Meters>) -> Result<Channel, Failure> {
        let wrong = |why: String| Failure::new(Kind::Local, format!("`{}` is no address: {why}", self.url));
        let mut endpoint = Endpoint::from_shared(self.url.clone())
            .map_err(|error| wrong(error.to_string()))?
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_LIMIT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") => {
                endpoint = endpoint.tls_config(self.tls()?).map_err(|error| wrong(error.to_string()))?;
            }
            _ => return Err(wrong("write it like http://host:port or https://host:port".to_owned())),
        }
        let connector = tower::service_fn(move |uri: Uri| {
            let meters = Arc::clone(&meters);
            async move {
                let connecting = TcpStream::connect(host_and_port(&uri));
                let stream = tokio::time::timeout(CONNECT_LIMIT, connecting).await??;
                stream.set_nodelay(true)?;
                Ok::<_, io::Error>(TokioIo::new(Counted { stream, meters }))
            }
        });
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    fn tls(&self) -> Result<ClientTlsConfig, Failure> {
        let config = ClientTlsConfig::new();
        let Some(path) = &self.authorities else {
            return Ok(config.with_native_roots());
        };
        let pem = std::fs::read(path).map_err(Failure::doing(format!("read {}", path.display())))?;
        Ok(config.ca_certificate(Certificate::from_pem(pem)))
    }
}

fn host_and_port(uri: &Uri) -> (String, u16) {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    // An IPv6 address stands in brackets in an address, and without them everywhere else.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    (host.to_owned(), port)
}

/// A socket whose bytes are counted.
struct Counted {
    stream: TcpStream,
    meters: Arc<Meters>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        self.meters.traffic.received.fetch_add(read as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &polled {
            self.meters.traffic.sent.fetch_add(*written as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_found() {
        let table = [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080),
            ("https://firestore.googleapis.com", "firestore.googleapis.com", 443),
            ("http://[::1]:1", "::1", 1),
        ];
        for (uri, host, port) in table {
            assert_eq!(host_and_port(&uri.parse().expect("an address")), (host.to_owned(), port));
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused() {
        for url in ["", "host:80", "ftp://host", "http://"] {
            let address = Address { url: url.to_owned(), authorities: None };
            assert!(address.channel(Arc::default()).is_err(), "{url}");
        }
    }
}
