//! Who takes more than his part: connections, refused sessions, and the services beside the databases.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway::Options;
use tonic::client::Grpc;
use tonic::{Code, Request};

use crate::http;
use crate::issuer::TokenIssuer;
use crate::scene::{self, ROOT, RawCodec, Scene};
use crate::wires::{Channel, RULES, UNKNOWN};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// `file_containing_symbol`, whose answers are long enough that each goes out by itself.
const SYMBOL: &[u8] = b"\x22\x1dgoogle.firestore.v1.Firestore";
/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

/// True when the server closes a connection at once, and says nothing.
fn is_turned_away(connection: &mut TcpStream) -> bool {
    connection.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket");
    match connection.read(&mut [0]) {
        Ok(0) => true,
        Ok(_) => panic!("nothing was asked"),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => false,
            ErrorKind::ConnectionReset => true,
            _ => panic!("{error}"),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections() {
    let scene = Scene::with(Options { connections_per_address: 2, ..Options::default() }).await;
    let connect = || TcpStream::connect(scene.address).expect("the port takes it");
    let mut connections = [connect(), connect()];
    assert_eq!(connections.each_mut().map(is_turned_away), [false, false]);
    assert_eq!(scene.gateway.counts().connections_turned_away(), 0);
    assert!(is_turned_away(&mut connect()), "a third is too many");
    assert_eq!(scene.gateway.counts().connections_turned_away(), 1);
    drop(connections);
    let until = Instant::now() + SOON;
    while is_turned_away(&mut connect()) {
        assert!(Instant::now() < until, "connections that ended make room");
    }
}

/// Opens sessions until one is refused outright, and answers how many there were.
fn sessions(scene: &Scene, who: Option<&str>, from: &str, most: usize) -> usize {
    let headers = [("X-Forwarded-For".to_owned(), from.to_owned())];
    (0..most).take_while(|_| Channel::ask_for(scene, who, &headers).status == 200).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_refused_are_few_and_over_when_that_was_told() {
    let issuer = TokenIssuer::new();
    let scene = issuer.serve(RULES, Options { behind_proxy: true, ..Options::default() }).await;
    let guess = Some("Bearer garbage");
    for _ in 0..3 {
        let mut channel = Channel::open(&scene, guess);
        assert_eq!(channel.next(&scene), UNKNOWN);
        let until = Instant::now() + SOON / 2;
        while channel.poll(&scene).status != 400 {
            assert!(Instant::now() < until, "it is over when its refusal was taken");
        }
    }
    assert_eq!(sessions(&scene, guess, "10.0.0.1", 1_000), 100, "nobody takes the refusals");
    assert_eq!(sessions(&scene, guess, "10.0.0.2", 1), 1, "another address");
    assert_eq!(sessions(&scene, Some(&issuer.bearer("alice")), "10.0.0.1", 1), 1, "who is not refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_count_to_their_very_end() {
    let issuer = TokenIssuer::new();
    let scene = issuer.serve(RULES, Options { conversations: 2, ..Options::default() }).await;
    let alice = issuer.bearer("alice");
    let (database, path) = ("other", "/google.firestore.v1.Firestore/Listen/channel?VER=8&RID=1&CVER=22");
    let broken = format!("headers=Authorization:{alice}&count=1&ofs=0&req0___data__={{{database}}}");
    for _ in 0..2 {
        let answer = http::send(scene.address, "POST", path, &[], broken.as_bytes());
        assert_eq!(answer.status, 200);
    }
    let mut third = Channel::open(&scene, Some(&alice));
    assert_eq!(third.next(&scene), Code::ResourceExhausted as i32, "the first two wait for who opened them");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_no_server_ill_and_have_a_rate_for_the_rest() {
    let options = Options { requests_per_second: NonZeroU32::new(1), ..Options::default() };
    let scene = Scene::with(options).await;
    let ask = |path: &'static str, message: &'static [u8]| {
        let channel = scene.channel();
        async move {
            let answer = scene::raw(channel.await, path, Bytes::from_static(message)).await;
            answer.map_or_else(|status| status.code(), |_| Code::Ok)
        }
    };
    let flood = || http::send(scene.address, "GET", &format!("/v1/{ROOT}/c/d"), &[], b"").status;
    assert!((0..20).any(|_| flood() == 429), "the address asks too often");
    for _ in 0..20 {
        assert_eq!(ask(CHECK, b"").await, Code::Ok, "and still hears that the server is well");
    }
    for (path, message) in [(WATCH, &b""[..]), (REFLECTION, SYMBOL)] {
        let mut looks = Vec::new();
        while looks.len() < 20 && !looks.contains(&Code::ResourceExhausted) {
            looks.push(ask(path, message).await);
        }
        assert!(looks.contains(&Code::ResourceExhausted), "{path}: {looks:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_the_health_takes_no_check_from_others() {
    let scene = Scene::with(Options { conversations: 2, ..Options::default() }).await;
    let watch = async || {
        let mut grpc = Grpc::new(scene.channel().await);
        grpc.ready().await.expect("a connection");
        let asked =
            grpc.server_streaming(Request::new(Bytes::new()), WATCH.parse().expect("a path"), RawCodec);
        asked.await.map_err(|status| status.code())
    };
    let _watching = [watch().await.expect("one"), watch().await.expect("two")];
    assert_eq!(watch().await.err(), Some(Code::ResourceExhausted));
    let check = async |message| scene::raw(scene.channel().await, CHECK, message).await;
    check(Bytes::new()).await.expect("it is well");
    let long = [&b"\x0a\xd0\x0f"[..], &[b'a'; 2_000]].concat();
    assert_eq!(check(long.into()).await.map_err(|status| status.code()), Err(Code::OutOfRange), "no service");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_for_reflection_asks_no_more_often_than_many() {
    let options = Options { requests_per_second: NonZeroU32::new(5), ..Options::default() };
    let scene = Scene::with(options).await;
    let mut grpc = Grpc::new(scene.channel().await);
    grpc.ready().await.expect("a connection");
    let requests = tokio_stream::iter(vec![Bytes::from_static(SYMBOL); 1_000]);
    let asked = grpc.streaming(Request::new(requests), REFLECTION.parse().expect("a path"), RawCodec);
    let mut answers = asked.await.expect("an answer").into_inner();
    let mut count = 0;
    let end = loop {
        match answers.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("all {count} were answered"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::ResourceExhausted, "after {count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_beside_the_databases_count_as_streams() {
    let scene = Scene::with(Options { conversations: 2, ..Options::default() }).await;
    let channel = scene.channel().await;
    let open = async || {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.expect("a connection");
        let requests = tokio_stream::pending::<Bytes>();
        let asked = grpc.streaming(Request::new(requests), REFLECTION.parse().expect("a path"), RawCodec);
        asked.await.map_err(|status| status.code())
    };
    let (_first, _second) = (open().await.expect("one"), open().await.expect("two"));
    assert_eq!(open().await.err(), Some(Code::ResourceExhausted));
}
