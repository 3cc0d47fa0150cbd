//! The App Engine services: what apps on the first-generation SDKs call through the API bridge.
//!
//! An app sends every call of every service as one `POST /rpc_http`, without credentials: in production the
//! bridge is a neighbour of the app that nobody else can reach. The journey of a call:
//!
//! 1. `answer` reads the envelope: a service, a method, the bytes of its request.
//! 2. `datastore` and `memcache` have the methods; `codec` and `messages` read requests and write answers, in
//!    the encoding of proto2, whose groups the other wires' libraries do not have.
//! 3. `to_model` makes entities and queries of the model, which the operations of `service` take, and
//!    `from_model` makes messages of what these answer.
//! 4. Whatever comes of it stands in an envelope again, with HTTP status 200: see [`Refusal`].

mod codec;
mod datastore;
mod from_model;
mod home;
mod hostile;
mod meaning;
mod memcache;
mod messages;
mod refusal;
mod to_model;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod vectors;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::Principal;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument;

use crate::Gateway;
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc::guard;
use crate::rest::payload;
use crate::rest::whole::Whole;
pub use hostile::read_hostile;
use messages::remote_api;
use refusal::Refusal;

/// Where every call goes.
pub(crate) const PATH: &str = "/rpc_http";

const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Seconds that the client waits.
const DEADLINE: &str = "x-google-rpc-service-deadline";
/// What a call may take when the client does not say, or says more: production's longest.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Bytes that the requests of all apps may take at once; further ones wait.
const MEMORY: usize = 256 * 1024 * 1024;

/// What apps hold of the server.
pub(crate) struct Bridge {
    /// Bytes that requests may take once they are read.
    memory: Semaphore,
    held: datastore::Held,
}

impl Default for Bridge {
    fn default() -> Self {
        Bridge { memory: Semaphore::new(MEMORY), held: datastore::Held::default() }
    }
}

/// Answers a call of any service.
pub(crate) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    if !gateway.options.app_engine {
        let text = "The API bridge is not served; start the server with --app-engine-bridge.\n";
        return respond(StatusCode::FORBIDDEN, Body::plain(text));
    }
    // Nothing here proves who calls, and a page in a browser can send such a request to this machine.
    if request.headers().contains_key(ORIGIN) {
        return respond(StatusCode::FORBIDDEN, Body::plain("The API bridge is for apps, not for pages.\n"));
    }
    let deadline = Instant::now() + time_limit(request.headers());
    let arrived = payload::read(request.into_body(), connection.memory(), deadline).await;
    let (envelope, _claim) = match arrived {
        Ok(arrived) => arrived,
        Err(refusal) => return respond(StatusCode::BAD_REQUEST, Body::plain(refusal.message + "\n")),
    };
    let work = guard::guarded(Box::pin(run(gateway, &envelope, deadline)));
    let response = match tokio::time::timeout_at(deadline, work).await.unwrap_or(Err(Refusal::Late)) {
        Ok(response) => remote_api::Response { response: Some(response), ..remote_api::Response::default() },
        Err(refusal) => {
            tracing::debug!(%refusal, "refused");
            refusal.into_response()
        }
    };
    match connection.deliver(codec::write(&response).into()) {
        Ok((data, unread)) => {
            let body = Whole::new(data, unread);
            respond(StatusCode::OK, Body::Foreign(tonic::body::Body::new(body)))
        }
        Err(refusal) => respond(StatusCode::SERVICE_UNAVAILABLE, Body::plain(refusal.message + "\n")),
    }
}

async fn run(gateway: &Gateway, envelope: &[u8], deadline: Instant) -> Result<Bytes, Refusal> {
    let most = u32::try_from(codec::memory_for(envelope.len())).unwrap_or(u32::MAX);
    let _memory = gateway.bridge.memory.acquire_many(most).await.expect("this semaphore is never closed");
    let call: remote_api::Request = codec::read(envelope)?;
    let span = tracing::debug_span!("app_engine", service = call.service_name, method = call.method);
    dispatch(gateway, call, deadline).instrument(span).await
}

async fn dispatch(gateway: &Gateway, call: remote_api::Request, deadline: Instant) -> Result<Bytes, Refusal> {
    let remote_api::Request { service_name, method, request, .. } = call;
    match service_name.as_str() {
        "datastore_v3" => {
            let caller = service::Call { deadline: deadline.into_std(), principal: Principal::Administrator };
            datastore::call(gateway, &caller, &method, &request).await
        }
        "memcache" => memcache::call(gateway.service.memcache(), &method, &request),
        _ => Err(Refusal::Unknown(format!("There is no service {service_name} here."))),
    }
}

fn time_limit(headers: &HeaderMap) -> Duration {
    let asked = headers.get(DEADLINE).and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
    let asked = asked.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    asked.unwrap_or(TIME_LIMIT).min(TIME_LIMIT)
}

fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, BINARY);
    response
}
