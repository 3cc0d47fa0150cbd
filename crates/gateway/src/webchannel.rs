//! WebChannel: Listen and Write as the web SDK speaks them, over plain HTTP.
//!
//! A browser cannot hold a stream open in both directions, so a session is made of several requests to
//! `/google.firestore.v1.Firestore/{Listen|Write}/channel`:
//!
//! ```text
//!   POST            opens a session; may bring the first maps     ──► array 0: its name, SID
//!   POST SID        brings maps (requests of the client)          ──► what the server has sent so far
//!   GET  SID, AID   takes arrays (answers of the server) after number AID, and holds on for more
//!   POST SID, TYPE=terminate
//! ```
//! Maps and arrays are numbered, so a request that fails is simply sent again. What they hold is one
//! message each, in JSON. The wire's own documentation is Closure's source; what is written here was
//! recorded between browsers and servers.
//!
//! - `parse` reads requests, `chunk` frames answers.
//! - `sessions` is the table of sessions, `session` one of them and `state` where it stands: `inbox` puts
//!   maps in order, `outbox` keeps arrays until they are acknowledged.
//! - `forward` reads POSTs, `back` answers GETs.

mod parse;

mod back;
mod chunk;
mod forward;
mod inbox;
mod outbox;
mod session;
mod sessions;
mod state;

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::StreamBody;
use model::Status;
use wire::methods::{Api, Method};

use crate::Gateway;
use crate::admission::{self, Caller, Sender};
use crate::body::Body;
use crate::connection::Connection;
use crate::conversation::{Conversation, Topic};
use crate::grpc::{count, guard};
use crate::quotas::Share;
use inbox::Map;
pub use parse::read_hostile;
use parse::{Malformed, Style};
use session::{Outcome, Refused, Session};
pub(crate) use sessions::Sessions;
use sessions::{NoRoom, TooManyRefused};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("private, max-age=0");
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
const WIRE_PROTOCOL: HeaderName = HeaderName::from_static("x-client-wire-protocol");
const SESSION_ID: HeaderName = HeaderName::from_static("x-http-session-id");
/// Asks nginx and its like not to hold answers back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is told a client when a session opens: versions of the channel and of the server, and
/// milliseconds in which it may expect a sign of life.
const VERSIONS: &str = "8,12,30000";
/// What clients from before 2020 probe for. When all of it comes at once, they use long polling.
const PROBED: &str = "111112";

/// What an address of this wire names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Address {
    Channel(Topic),
    Probe,
}

impl Address {
    /// Reads a path; None when it is not of this wire.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?.strip_prefix(Api::Firestore.service())?.strip_prefix('/')?;
        let (method, rest) = path.split_once('/')?;
        let topic = Topic::of(Method::named(Api::Firestore, method)?)?;
        match rest {
            "channel" => Some(Address::Channel(topic)),
            "channel/test" => Some(Address::Probe),
            _ => None,
        }
    }
}

/// A request that is refused before it reaches a session, or that no session takes.
#[derive(Debug, PartialEq)]
struct Refusal {
    status: StatusCode,
    text: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, text: &'static str) -> Self {
        Refusal { status, text }
    }

    /// The client looks for `Unknown SID` anywhere but at the beginning, and opens another session.
    fn unknown_session() -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "Error: Unknown SID")
    }
}

impl From<Status> for Refusal {
    /// Faults of the server; what the client did wrong is told in its session.
    fn from(_: Status) -> Self {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed on this request.")
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, malformed.0)
    }
}

/// Answers a request to `address`.
pub(crate) async fn answer<B>(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    address: Address,
    request: Request<B>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let answered = match address {
        Address::Channel(topic) => guard::guarded(channel(gateway, connection, topic, request)).await,
        Address::Probe => Ok(respond(Body::plain(PROBED))),
    };
    answered.unwrap_or_else(|refusal| {
        tracing::debug!(status = %refusal.status, text = refusal.text, "refused");
        let mut response = respond(Body::plain(format!("{}\n", refusal.text)));
        *response.status_mut() = refusal.status;
        response
    })
}

async fn channel<B>(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    topic: Topic,
    request: Request<B>,
) -> Result<Response<Body>, Refusal>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let query = request.uri().query().unwrap_or_default();
    match parse::Request::parse(request.method(), query)? {
        parse::Request::Open { headers, wants_session_id } => {
            let multiplexed = request.version() == Version::HTTP_2;
            let (head, body) = request.into_parts();
            let (form, claims) = forward::read(body, connection.memory()).await?;
            let maps = forward::maps(topic, form.maps, &claims);
            let session =
                Session::new(topic, headers.and(form.headers), gateway.sessions.array_bytes.clone());
            let session = Arc::new(session);
            let sender =
                Sender::of(gateway, connection, &head.headers).or_as(session.headers().all("authorization"));
            let name = open(gateway, &session, sender, maps).await?;
            Ok(opened(&name, wants_session_id, multiplexed))
        }
        parse::Request::Forward { session, has } => {
            let session = known(gateway, topic, &session)?;
            let (form, claims) = forward::read(request.into_body(), connection.memory()).await?;
            let maps = forward::maps(topic, form.maps, &claims);
            let receipt = session.forward(maps, has).await?;
            let json = format!("[{},{},{}]", u8::from(receipt.has_reader), receipt.last, receipt.outstanding);
            Ok(respond(Body::plain(chunk::of(&json))))
        }
        parse::Request::Back { session, has, style } => {
            let session = known(gateway, topic, &session)?;
            Ok(stream(session, has, style, connection))
        }
        parse::Request::Terminate { session } => {
            // Sent again, or too late, it has what it wants.
            if let Some(session) = gateway.sessions.remove(&session) {
                session.go();
            }
            Ok(respond(Body::Plain(None)))
        }
    }
}

/// The session of a name and topic.
fn known(gateway: &Gateway, topic: Topic, name: &str) -> Result<Arc<Session>, Refusal> {
    let session = gateway.sessions.get(name).filter(|session| session.topic() == topic);
    session.ok_or_else(Refusal::unknown_session)
}

/// Begins a session with its first maps, and answers its name.
async fn open(
    gateway: &Gateway,
    session: &Arc<Session>,
    sender: Sender<'_>,
    maps: Vec<(u64, Map)>,
) -> Result<Arc<str>, Refusal> {
    let topic = session.topic();
    let (conversation, share) = match caller(gateway, sender, topic.method()).await {
        Ok(caller) => {
            let share = caller.share.clone();
            (Conversation::open(&gateway.service, topic, caller), share)
        }
        // The client looks for refusals in its session alone.
        Err(refusal) => {
            let share = gateway.sessions.refused(sender.peer)?;
            session.end_when_told();
            (Conversation::refused(refusal), Some(Arc::new(share)))
        }
    };
    session.forward(maps, 0).await?;
    let name = gateway.sessions.add(gateway.service.secret(), session.clone())?;
    let client = session.headers().get("x-goog-api-client");
    tracing::debug!(method = topic.method().name(), client, "a session opened");
    let call = count::Call::of(topic.method(), &gateway.counts);
    let work = session.clone().converse(conversation, gateway.stopping.follow());
    let place = Place { sessions: gateway.sessions.clone(), name: name.clone(), _share: share };
    tokio::spawn(run(place, session.clone(), work, call));
    Ok(name)
}

/// Lets in who opens a session.
async fn caller(gateway: &Gateway, sender: Sender<'_>, method: Method) -> Result<Caller, Status> {
    let mut record = sender.record(gateway, method.name());
    let admitted = admission::admit(gateway, sender, method).await;
    let principal = admitted.inspect_err(|refusal| {
        if let Some(record) = &record {
            record.refused(refusal);
        }
    })?;
    if let Some(record) = &mut record {
        record.by(&principal);
    }
    Caller::to_converse(gateway, principal, sender.peer, record)
}

/// A session's place in the table. It counts among the streams of who opened it to its very end, however little of
/// that time is conversation.
struct Place {
    sessions: Arc<Sessions>,
    name: Arc<str>,
    _share: Option<Arc<Share>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.remove(&self.name);
    }
}

/// The task of a session.
async fn run(
    place: Place,
    session: Arc<Session>,
    work: impl Future<Output = Outcome>,
    mut call: count::Call,
) {
    let outcome = guard::guarded(async { Ok(work.await) }).await.unwrap_or_else(|fault| Some(Err(fault)));
    if let Some(outcome) = outcome {
        session.end(&outcome);
        call.ended(outcome.as_ref().err());
    }
    drop(call);
    session.linger().await;
    drop(place);
}

/// The answer that brings array 0.
fn opened(name: &str, wants_session_id: bool, multiplexed: bool) -> Response<Body> {
    let mut response = respond(Body::plain(chunk::of(&format!(r#"[[0,["c","{name}","",{VERSIONS}]]]"#))));
    let headers = response.headers_mut();
    if wants_session_id {
        // For a balancer that keeps requests together by it; to us any value is as good.
        let id = HeaderValue::from_str(name).expect("a name is letters, digits, `-` and `_`");
        headers.insert(SESSION_ID, id);
    }
    if multiplexed {
        // The client then has several POSTs on the way at once.
        headers.insert(WIRE_PROTOCOL, HeaderValue::from_static("h2"));
    }
    response
}

/// The answer that brings arrays as there are some.
fn stream(session: Arc<Session>, has: u64, style: Style, connection: &Arc<Connection>) -> Response<Body> {
    let chunks = back::chunks(session, has, style, connection.undelivered());
    let frames = chunks.map(|chunk| Ok::<_, tonic::Status>(Frame::data(chunk)));
    respond(Body::Foreign(tonic::body::Body::new(StreamBody::new(frames))))
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, NOT_KEPT);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING);
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooEarly => {
                Refusal::new(StatusCode::BAD_REQUEST, "The maps of the request are too far ahead.")
            }
            Refused::Busy => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The session does not take more now.")
            }
            Refused::Gone => Refusal::unknown_session(),
        }
    }
}

impl From<TooManyRefused> for Refusal {
    fn from(_: TooManyRefused) -> Self {
        let text = "Too many sessions of this address were refused. Take their answers, or wait.";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, text)
    }
}

impl From<NoRoom> for Refusal {
    fn from(_: NoRoom) -> Self {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The server has too many sessions.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_the_wire() {
        let table = [
            ("/google.firestore.v1.Firestore/Listen/channel", Some(Address::Channel(Topic::Listen))),
            ("/google.firestore.v1.Firestore/Write/channel", Some(Address::Channel(Topic::Write))),
            ("/google.firestore.v1.Firestore/Listen/channel/test", Some(Address::Probe)),
            ("/google.firestore.v1.Firestore/Commit/channel", None),
            ("/google.firestore.v1.Firestore/Listen/channel/", None),
            ("/google.firestore.v1.Firestore/Listen", None),
            ("/v1/Listen/channel", None),
        ];
        for (path, expected) in table {
            assert_eq!(Address::parse(path), expected, "{path}");
        }
    }
}
