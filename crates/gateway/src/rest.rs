//! REST: the methods of both services by JSON, or protobuf, over plain HTTP.
//!
//! 1. `route` says which method a path means; `parameters` reads what stands behind it.
//! 2. `payload` reads the body, and `json` makes the very message of it that gRPC would bring.
//! 3. From there on both are one: `calls::handle`, within the same deadline, guard and count.
//! 4. `form` writes an answer of one message as an object; many become an array, which `array` writes
//!    as they are made.

mod array;
mod form;
mod parameters;
pub(crate) mod payload;
mod refusal;
mod route;
pub(crate) mod whole;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method as Verb, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::{Code, Status};
use tokio::time::Instant;
use tracing::Instrument;
use wire::methods::Api;

use crate::Gateway;
use crate::admission::{self, Sender};
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc::answer::Answer;
use crate::grpc::{count, deadline, guard};
use crate::http::status::http_status;
use crate::{calls, json};
use array::Array;
use form::{Form, PROTOBUF};
use parameters::{Alt, Parameters};
use refusal::Refusal;
use route::{Payload, Route};
use whole::Whole;

pub(crate) use route::is_below;

/// Lets clients behind narrow proxies name the verb they mean; their own is then POST.
const OVERRIDE: &str = "x-http-method-override";
/// A request's body must have arrived this long after its headers.
const ARRIVAL: Duration = Duration::from_secs(30);
/// The field that the body of a create or update is.
const DOCUMENT: &str = "document";

/// Answers a request below one of the versions; None when its path means nothing.
pub(crate) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    let route = route::find(&verb(&request), request.uri().path())?;
    let parameters = Parameters::of(request.uri().query().unwrap_or_default());
    let span = tracing::debug_span!("rest", method = route.method.name());
    let running = run(gateway, connection, request, route, parameters);
    Some(running.instrument(span).await)
}

/// The verb that the client means.
fn verb(request: &Request<Incoming>) -> Verb {
    let named = request.headers().get(OVERRIDE).filter(|_| request.method() == Verb::POST);
    let named = named.and_then(|name| Verb::from_bytes(name.as_bytes()).ok());
    named.unwrap_or_else(|| request.method().clone())
}

async fn run(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    route: Route,
    mut parameters: Parameters,
) -> Response<Body> {
    // The Datastore answers in the form in which it was asked.
    if route.method.definition().api == Api::Datastore && is_protobuf(request.headers()) {
        parameters.alt = Alt::Proto;
    }
    let form = Form::of(route.method, &parameters);
    let sender = Sender::of(gateway, connection, request.headers());
    let record = sender.record(gateway, route.method.name());
    let mut count = count::Call::of(route.method, &gateway.counts).recorded(record);
    let deadline = match deadline::of(request.headers(), calls::time_limit(route.method)) {
        Ok(deadline) => deadline,
        Err(refusal) => return refuse(count, form, refusal.into()),
    };
    let principal = match admission::admit(gateway, sender, route.method).await {
        Ok(principal) => principal,
        Err(refusal) => return refuse(count, form, refusal.into()),
    };
    count.by(&principal);
    let call = service::Call { deadline: deadline.into_std(), principal };
    let asked = Asked { request, route, parameters };
    let work = Box::pin(handle(gateway, connection, call, asked, &mut count));
    match guard::guarded(work).await {
        Ok(Answer::Streaming(messages)) => {
            let unread = connection.undelivered();
            let array = Array::new(messages, form.elements(), deadline, count, unread);
            respond(StatusCode::OK, form, Body::Foreign(tonic::body::Body::new(array)))
        }
        Ok(Answer::Whole(frames)) => {
            let delivered = form.whole(&frames).and_then(|text| connection.deliver(text));
            match delivered {
                Ok((data, unread)) => {
                    count.ended(None);
                    let body = Whole::new(data, unread);
                    respond(StatusCode::OK, form, Body::Foreign(tonic::body::Body::new(body)))
                }
                Err(refusal) => refuse(count, form, refusal.into()),
            }
        }
        Err(refusal) => refuse(count, form, refusal),
    }
}

/// What a request asks for.
struct Asked {
    request: Request<Incoming>,
    route: Route,
    parameters: Parameters,
}

async fn handle(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    call: service::Call,
    asked: Asked,
    count: &mut count::Call,
) -> Result<Answer, Refusal> {
    let Asked { request, route, parameters } = asked;
    let deadline = Instant::from_std(call.deadline);
    let (head, body) = request.into_parts();
    let arrival = deadline.min(Instant::now() + ARRIVAL);
    let (body, _claim) = payload::read(body, connection.memory(), arrival).await?;
    let method = route.method;
    let message = message(route, parameters, &head.headers, body)?;
    count.about(&message);
    let handled = calls::handle(&gateway.service, &call, method, message);
    match tokio::time::timeout_at(deadline, handled).await {
        Ok(outcome) => outcome.map_err(Refusal::Status),
        Err(_) => Err(deadline::exceeded().into()),
    }
}

/// The message that gRPC would bring: what the body says, then the parameters, then the path, which wins.
fn message(route: Route, parameters: Parameters, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    let definition = route.method.definition();
    if definition.client_streaming {
        let name = definition.name;
        let text = format!("{name} is a stream both ways, which REST cannot carry; use gRPC or WebChannel.");
        return Err(Status::new(Code::Unimplemented, text).into());
    }
    if parameters.alt == Alt::Proto && definition.server_streaming {
        let text = "alt=proto is for methods with one answer; this one has many.";
        return Err(Status::invalid_argument(text).into());
    }
    let is_protobuf = is_protobuf(headers);
    let mut message = match (route.payload, is_protobuf) {
        (Payload::None, _) => Vec::new(),
        (Payload::Request, true) => Vec::from(body),
        (Payload::Request, false) => json::request_message(definition.request, &body)?,
        (Payload::Document, true) => json::field(definition.request, DOCUMENT, &body),
        (Payload::Document, false) => json::request_field(definition.request, DOCUMENT, &body)?,
    };
    let given = parameters.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    message.extend(json::bind(definition.request, given)?);
    let bound = route.bound.iter().map(|(name, value)| (*name, value.as_str()));
    message.extend(json::bind(definition.request, bound)?);
    Ok(message.into())
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE) == Some(&PROTOBUF)
}

fn refuse(mut count: count::Call, form: Form, refusal: Refusal) -> Response<Body> {
    let status = http_status(refusal.code());
    let body = Body::plain(form.refusal(&refusal));
    count.ended(Some(&refusal.into()));
    respond(status, form, body)
}

fn respond(status: StatusCode, form: Form, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, form.content_type());
    response
}
