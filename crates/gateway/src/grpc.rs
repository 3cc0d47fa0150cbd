//! Calls: one wrapper around every method for what they share — reading the message, the deadline,
//! the guard against panics, the count, the form of answers and refusals.

pub(crate) mod answer;
pub(crate) mod count;
pub(crate) mod deadline;
pub(crate) mod dialogue;
pub(crate) mod frames;
pub(crate) mod guard;
pub(crate) mod status;

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body as HttpBody;
use model::{Code, Status};
use tokio::time::Instant;
use tracing::Instrument;
use wire::methods::Method;

use crate::Gateway;
use crate::admission::{self, Caller, Sender};
use crate::body::Body;
use crate::calls;
use crate::connection::Connection;
use crate::conversation::{Conversation, Topic};
use answer::Answer;
use dialogue::{AtEnd, Dialogue};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: &str = "grpc-encoding";

/// True when a request is a gRPC call.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    matches!(kind.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';' | b' ', ..]))
}

/// Answers a call of one of the services.
pub(crate) async fn call<B>(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<B>,
    at_end: AtEnd,
) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let path = request.uri().path();
    let Some(method) = path.strip_prefix('/').and_then(Method::at) else {
        let text = format!("Method not found: {}", path.trim_start_matches('/'));
        return refuse(&Status::new(Code::Unimplemented, text));
    };
    let span = tracing::debug_span!("call", method = method.name());
    let incoming = Incoming { method, request, at_end };
    run(gateway, connection, incoming).instrument(span).await
}

/// A call as it comes in.
struct Incoming<B> {
    method: Method,
    request: Request<B>,
    at_end: AtEnd,
}

async fn run<B>(gateway: &Gateway, connection: &Arc<Connection>, incoming: Incoming<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let Incoming { method, request, at_end } = incoming;
    let sender = Sender::of(gateway, connection, request.headers());
    let record = sender.record(gateway, method.name());
    let mut count = count::Call::of(method, &gateway.counts).recorded(record);
    let deadline = match deadline::of(request.headers(), calls::time_limit(method)) {
        Ok(deadline) => deadline,
        Err(refusal) => return ended(count, &refusal),
    };
    let principal = match admission::admit(gateway, sender, method).await {
        Ok(principal) => principal,
        Err(refusal) => return ended(count, &refusal),
    };
    count.by(&principal);
    if let Err(refusal) = refuse_compression(request.headers()) {
        return ended(count, &refusal);
    }
    if let Some(topic) = Topic::of(method) {
        let caller = match Caller::to_converse(gateway, principal, sender.peer, count.take_record()) {
            Ok(caller) => caller,
            Err(refusal) => return ended(count, &refusal),
        };
        let conversation = Conversation::open(&gateway.service, topic, caller);
        let dialogue = Dialogue::new(conversation, request.into_body(), at_end, connection.clone());
        // Answered at once; what is wrong with the requests is told when they come.
        let answers = dialogue.answers(gateway.stopping.follow());
        return respond(Body::conversation(answers, deadline, count, connection.undelivered()));
    }
    // Boxed here: each wrapper further out would double the room that the future takes, and all of
    // it is moved when the call begins.
    let call = service::Call { deadline: deadline.into_std(), principal };
    let work = Box::pin(answer(gateway, connection, call, request, &mut count));
    match guard::guarded(work).await {
        Ok(Answer::Whole(frames)) => match connection.deliver(frames.into_bytes()) {
            Ok((data, undelivered)) => {
                count.ended(None);
                respond(Body::whole(data, undelivered))
            }
            Err(refusal) => ended(count, &refusal),
        },
        Ok(Answer::Streaming(messages)) => {
            respond(Body::streaming(messages, deadline, count, connection.undelivered()))
        }
        Err(refusal) => ended(count, &refusal),
    }
}

async fn answer<B>(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    call: service::Call,
    request: Request<B>,
    count: &mut count::Call,
) -> Result<Answer, Status>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let deadline = Instant::from_std(call.deadline);
    let arrival = deadline.min(Instant::now() + frames::ARRIVAL);
    let (message, _claim) = frames::read_message(request.into_body(), connection.memory(), arrival).await?;
    count.about(&message);
    let handled = calls::handle(&gateway.service, &call, count.method(), message);
    match tokio::time::timeout_at(deadline, handled).await {
        Ok(outcome) => outcome,
        Err(_) => Err(deadline::exceeded()),
    }
}

fn refuse_compression(headers: &HeaderMap) -> Result<(), Status> {
    match headers.get(ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let encoding = encoding.to_str().unwrap_or("?");
            let text = format!("Decompressor is not installed for grpc-encoding \"{encoding}\"");
            Err(Status::new(Code::Unimplemented, text))
        }
        Some(_) | None => Ok(()),
    }
}

fn ended(mut count: count::Call, refusal: &Status) -> Response<Body> {
    count.ended(Some(refusal));
    refuse(refusal)
}

/// A refusal before any message: one block of headers.
pub(crate) fn refuse(refusal: &Status) -> Response<Body> {
    let mut response = respond(Body::Plain(None));
    response.headers_mut().extend(status::trailers(refusal));
    response
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}
