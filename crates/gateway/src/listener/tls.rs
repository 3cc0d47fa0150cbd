//! TLS and plain connections on one port, told apart by their first byte.
//!
//! A TLS connection begins with a handshake record, whose first byte no HTTP request and no HTTP/2 preface
//! begins with. So one byte is looked at, not taken, and then either rustls has the connection or, where
//! the operator wants that, plain HTTP does.

mod identity;
mod plain;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub use identity::{Identity, Refusal};
pub(super) use stream::Stream;

/// From a connection's beginning to the end of its handshake, or to the end of its refusal.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The type of handshake records (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// What becomes of connections without TLS on a port that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// They are told to come with TLS, and closed.
    Refused,
    /// They are served like the others.
    Served,
}

/// Who the server is to its clients, now. New connections see a renewed identity, open ones keep theirs.
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    plain: Plain,
}

impl Tls {
    /// Fails when clients could not trust the identity.
    pub fn new(identity: Identity, plain: Plain) -> Result<Arc<Self>, Refusal> {
        let config = RwLock::new(Arc::new(identity.into_config()?));
        Ok(Arc::new(Tls { config, plain }))
    }

    /// Takes another identity for the connections to come. When it fails, the present one stays.
    pub fn renew(&self, identity: Identity) -> Result<(), Refusal> {
        let config = Arc::new(identity.into_config()?);
        *self.config.write() = config;
        Ok(())
    }

    /// Brings a connection to where requests can be read; None when it does not get there in time.
    pub(super) async fn begin(&self, stream: TcpStream) -> Option<Stream> {
        let begun = tokio::time::timeout(HANDSHAKE, self.tell_apart(stream)).await;
        begun.unwrap_or_else(|_| {
            tracing::debug!("a connection did not finish its handshake in time");
            None
        })
    }

    async fn tell_apart(&self, stream: TcpStream) -> Option<Stream> {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        match (first[0], self.plain) {
            (HANDSHAKE_RECORD, _) => self.handshake(stream).await,
            (_, Plain::Served) => Some(Stream::Plain(stream)),
            (_, Plain::Refused) => {
                plain::refuse(stream).await;
                None
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Option<Stream> {
        let config = self.config.read().clone();
        match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => Some(Stream::Tls(Box::new(stream))),
            Err(error) => {
                tracing::debug!(%error, "a handshake failed");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// The clock stands, and leaps to the next alarm when all wait.
    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_the_handshake_is_cut() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let identity = Identity { chain: vec![own.cert.der().clone()], key, client_authorities: None };
        let tls = Tls::new(identity, Plain::Refused).expect("it is sound");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        // Nothing at all; a record's head; a hello that is half there; a plain request that does not end.
        let beginnings: [&[u8]; 4] = [b"", &[22, 3, 1, 1, 0], &[22, 3, 1, 0, 100, 1, 0, 0], b"GET / HT"];
        for beginning in beginnings {
            let mut client = TcpStream::connect(address).await.expect("a connection");
            client.write_all(beginning).await.expect("sent");
            let (accepted, _) = listener.accept().await.expect("a connection");
            assert!(tls.begin(accepted).await.is_none(), "{beginning:?}");
            let mut rest = Vec::new();
            // Reset or ended: closed either way.
            let _ = client.read_to_end(&mut rest).await;
        }
    }
}
