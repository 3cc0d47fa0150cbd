//! TLS on the one port, over real sockets.

#[path = "../scene/mod.rs"]
mod scene;

mod authority;
mod files;

use std::net::SocketAddr;
use std::sync::Arc;

use authority::{Authority, Issued, der};
use gateway::{Plain, Tls};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::GetDocumentRequest;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use rustls_pki_types::ServerName;
use scene::{ROOT, Scene, integer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

/// A scene with one document, reached by TLS.
struct Secured {
    address: SocketAddr,
    tls: Arc<Tls>,
    scene: Scene,
}

impl Secured {
    async fn new(identity: gateway::Identity, plain: Plain) -> Self {
        Self::with(gateway::Options::default(), identity, plain).await
    }

    async fn with(options: gateway::Options, identity: gateway::Identity, plain: Plain) -> Self {
        let scene = Scene::with(options).await;
        scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
        let tls = Tls::new(identity, plain).expect("a sound identity");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        // It ends with the test's runtime.
        tokio::spawn(scene.gateway.clone().serve_tls(listener, tls.clone(), std::future::pending()));
        Secured { address, tls, scene }
    }

    async fn channel(&self, config: ClientTlsConfig) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).expect("an address");
        endpoint.tls_config(config)?.connect().await
    }

    async fn connect(&self, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        handshake(self.address, config).await
    }

    async fn plain(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

async fn handshake(
    address: impl tokio::net::ToSocketAddrs,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(config).connect(name, stream).await
}

fn trusting(authority: &Authority) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()))
}

fn showing(config: ClientTlsConfig, own: &Issued) -> ClientTlsConfig {
    config.identity(Identity::from_pem(&own.certificate, &own.key))
}

/// Reads the scene's document by gRPC.
async fn read(channel: Channel) -> Result<(), tonic::Status> {
    let request = GetDocumentRequest { name: format!("{ROOT}/c/a"), ..Default::default() };
    let document = FirestoreClient::new(channel).get_document(request).await?.into_inner();
    assert_eq!(document.fields["n"], integer(1));
    Ok(())
}

/// Sends one request of HTTP/1.1 and answers all that comes back.
async fn get(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a whole answer, well ended");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_rest_and_health_work_through_it() {
    let authority = Authority::new();
    let server = Secured::new(authority.issue().identity(None), Plain::Refused).await;
    let channel = server.channel(trusting(&authority)).await.expect("a connection");
    read(channel.clone()).await.expect("the document");
    let health = "/grpc.health.v1.Health/Check";
    scene::raw(channel, health, bytes::Bytes::new()).await.expect("it is well");
    let document = format!("/v1/{ROOT}/c/a");
    for (path, expected) in [(&*document, "\"integerValue\": \"1\""), ("/", "\r\n\r\nOk\n")] {
        let mut stream = server.connect(authority.trusted(&["http/1.1"])).await.expect("a connection");
        let answer = get(&mut stream, path).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(expected), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_preferred_and_http_1_1_is_there() {
    let authority = Authority::new();
    let server = Secured::new(authority.issue().identity(None), Plain::Refused).await;
    let table: [(&[&str], Option<&str>); 4] = [
        (&["h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&["http/1.1", "h2"], Some("h2")),
        (&[], None),
    ];
    for (offered, agreed) in table {
        let stream = server.connect(authority.trusted(offered)).await.expect("a connection");
        let protocol = stream.get_ref().1.alpn_protocol();
        assert_eq!(protocol, agreed.map(str::as_bytes), "{offered:?}");
    }
    let foreign = server.connect(authority.trusted(&["imap"])).await;
    assert!(foreign.is_err(), "who speaks neither hears so at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_another_authority_does_not_talk() {
    let server = Secured::new(Authority::new().issue().identity(None), Plain::Refused).await;
    assert!(server.channel(trusting(&Authority::new())).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_a_certificate_where_they_must() {
    let (ours, theirs, foreign) = (Authority::new(), Authority::new(), Authority::new());
    let server = Secured::new(ours.issue().identity(Some(&theirs)), Plain::Refused).await;
    let ended = theirs.issue_with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let table = [
        ("one of theirs", showing(trusting(&ours), &theirs.issue()), true),
        ("none", trusting(&ours), false),
        ("a foreign one", showing(trusting(&ours), &foreign.issue()), false),
        ("one that has ended", showing(trusting(&ours), &ended), false),
    ];
    for (shown, config, welcome) in table {
        // With TLS 1.3 a client hears of its refusal only when it first reads.
        let served = match server.channel(config).await {
            Ok(channel) => read(channel).await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(served, welcome, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_identity_is_for_new_connections_and_open_ones_go_on() {
    let (before, after) = (Authority::new(), Authority::new());
    let server = Secured::new(before.issue().identity(None), Plain::Refused).await;
    let open = server.channel(trusting(&before)).await.expect("a connection");
    read(open.clone()).await.expect("the document");
    let renewed = after.issue();
    server.tls.renew(renewed.identity(None)).expect("a sound identity");
    let stream = server.connect(after.trusted(&["h2"])).await.expect("the new one is shown");
    let shown = stream.get_ref().1.peer_certificates().expect("a certificate");
    assert_eq!(shown[0], der(&renewed.certificate));
    assert!(server.connect(before.trusted(&["h2"])).await.is_err());
    read(open).await.expect("the open connection is untouched");

    let mixed = gateway::Identity { key: before.issue().identity(None).key, ..renewed.identity(None) };
    assert!(matches!(server.tls.renew(mixed), Err(gateway::Refusal::KeyOfAnother)));
    server.connect(after.trusted(&["h2"])).await.expect("the last good one stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nothing_is_served() {
    let authority = Authority::new();
    let server = Secured::new(authority.issue().identity(None), Plain::Refused).await;
    let answer = get(&mut server.plain().await, &format!("/v1/{ROOT}/c/a")).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nThis port takes only TLS: speak https to it.\r\n"), "{answer}");

    let mut preface = server.plain().await;
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    preface.read_to_end(&mut answer).await.expect("closed");
    assert!(answer.is_empty(), "{answer:?}");

    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address");
    let served = match endpoint.connect().await {
        Ok(channel) => read(channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(!served);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_served_where_the_operator_says_so() {
    let authority = Authority::new();
    let server = Secured::new(authority.issue().identity(None), Plain::Served).await;
    read(server.channel(trusting(&authority)).await.expect("a connection")).await.expect("by TLS");
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address");
    read(endpoint.connect().await.expect("a connection")).await.expect("without");
    assert!(get(&mut server.plain().await, "/").await.ends_with("Ok\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_handshakes_make_room_for_who_comes_with_a_whole_one() {
    let authority = Authority::new();
    let options = gateway::Options { max_connections: 4, ..gateway::Options::default() };
    let server = Secured::with(options, authority.issue().identity(None), Plain::Refused).await;
    let mut loris = Vec::new();
    for _ in 0..4 {
        let mut stream = server.plain().await;
        stream.write_all(&[22, 3, 1, 0, 100, 1]).await.expect("sent");
        loris.push(stream);
    }
    for _ in 0..8 {
        read(server.channel(trusting(&authority)).await.expect("a place")).await.expect("the document");
    }
}

/// TLS keeps what the socket does not take; it must come out though nothing more is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_reaches_a_slow_reader_whole() {
    let authority = Authority::new();
    let server = Secured::new(authority.issue().identity(None), Plain::Refused).await;
    let long = "x".repeat(900_000);
    let paths = (0..4).map(|number| format!("long/{number}"));
    server.scene.set(paths, &[("text", scene::text(&long))]).await;
    let mut stream = server.connect(authority.trusted(&["http/1.1"])).await.expect("a connection");
    let request = format!("GET /v1/{ROOT}/long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let (mut received, mut part) = (0, vec![0; 100_000]);
    loop {
        let read = stream.read(&mut part).await.expect("an answer that ends well");
        if read == 0 {
            break;
        }
        received += part[..read].iter().filter(|byte| **byte == b'x').count();
    }
    assert!(received >= 4 * long.len(), "{received}");
}
