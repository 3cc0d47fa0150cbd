//! Calls: one wrapper around every method for what they share — reading the message, the deadline,
//! the guard against panics, the count, the form of answers and refusals.

pub(crate) mod answer;
pub(crate) mod count;
pub(crate) mod deadline;
pub(crate) mod frames;
pub(crate) mod guard;
pub(crate) mod status;

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use model::{Code, Status};
use tokio::time::Instant;
use tracing::Instrument;
use wire::methods::{FIRESTORE, Method};

use crate::Gateway;
use crate::body::Body;
use crate::connection::Connection;
use crate::firestore;
use answer::Answer;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: &str = "grpc-encoding";
/// A request's message must have arrived this long after its headers.
const ARRIVAL: Duration = Duration::from_secs(30);

/// True when a request is a gRPC call.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Answers a call of the Firestore service.
pub(crate) async fn call(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = request.uri().path();
    let name = path.strip_prefix('/').and_then(|path| path.strip_prefix(FIRESTORE)?.strip_prefix('/'));
    let Some(method) = name.and_then(Method::named) else {
        let text = format!("Method not found: {}", path.trim_start_matches('/'));
        return refuse(&Status::new(Code::Unimplemented, text));
    };
    let span = tracing::debug_span!("call", method = method.name());
    run(gateway, connection, method, request).instrument(span).await
}

async fn run(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    method: Method,
    request: Request<Incoming>,
) -> Response<Body> {
    let mut count = count::Call::of(method, &gateway.counts);
    let deadline = match deadline::of(request.headers(), firestore::time_limit(method)) {
        Ok(deadline) => deadline,
        Err(refusal) => return ended(count, &refusal),
    };
    // Boxed here: each wrapper further out would double the room that the future takes, and all of
    // it is moved when the call begins.
    let work = Box::pin(answer(gateway, connection, method, request, deadline));
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

async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    method: Method,
    request: Request<Incoming>,
    deadline: Instant,
) -> Result<Answer, Status> {
    refuse_compression(request.headers())?;
    let arrival = deadline.min(Instant::now() + ARRIVAL);
    let (message, _claim) = frames::read_message(request.into_body(), connection.memory(), arrival).await?;
    let call = service::Call { deadline: deadline.into_std() };
    let handled = firestore::handle(&gateway.service, &call, method, message);
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
fn refuse(refusal: &Status) -> Response<Body> {
    let mut response = respond(Body::Plain(None));
    response.headers_mut().extend(status::trailers(refusal));
    response
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}
