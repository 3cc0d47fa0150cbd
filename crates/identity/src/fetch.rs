//! Small documents by https: one request, one answer, bounded in size and time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::address::{self, Address};
use crate::key_set::KEY_SET_BYTES;

/// How long all of it may take: the name, the connection, the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    /// How long the sender says that it may be used without asking again.
    pub(crate) max_age: Option<Duration>,
}

/// Gets a document of at most [`KEY_SET_BYTES`]. Other places that an answer points to are not followed. An error is
/// in words, and names the address.
pub(crate) async fn get(url: &str) -> Result<Fetched, String> {
    let address = address::parse(url)?;
    let answered = tokio::time::timeout(PATIENCE, ask(&address)).await;
    let answered = answered.unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())));
    answered.map_err(|why| format!("{url}: {why}"))
}

async fn ask(address: &Address) -> Result<Fetched, String> {
    let to = (address.host.as_str(), address.port);
    let socket = TcpStream::connect(to).await.map_err(|error| error.to_string())?;
    if !address.secure {
        return converse(address, socket).await;
    }
    let connector = TlsConnector::from(trust()?);
    let name = ServerName::try_from(address.host.clone()).map_err(|error| error.to_string())?;
    let tls = connector.connect(name, socket).await.map_err(|error| error.to_string())?;
    converse(address, tls).await
}

async fn converse(
    address: &Address,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Fetched, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // Ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get(&address.path)
        .header(HOST, format!("{}:{}", address.host, address.port))
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("irori/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    if head.status != StatusCode::OK {
        return Err(format!("answered {}", head.status));
    }
    let body = Limited::new(body, KEY_SET_BYTES).collect().await.map_err(|error| error.to_string())?;
    Ok(Fetched { body: body.to_bytes(), max_age: max_age(&head.headers) })
}

/// The authorities that this machine trusts.
fn trust() -> Result<Arc<ClientConfig>, String> {
    static TRUST: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(trust) = TRUST.get() {
        return Ok(trust.clone());
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(
            "this machine has no certificates of authorities; install ca-certificates, or name a file \
                    by SSL_CERT_FILE"
                .to_owned(),
        );
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TRUST.get_or_init(|| Arc::new(config)).clone())
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let seconds = directives.split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    })?;
    Some(Duration::from_secs(seconds))
}
