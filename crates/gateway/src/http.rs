//! One port: a request is a gRPC call, one of the few plain HTTP requests, or not found.

mod control;

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::Gateway;
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc;

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/";
const OLD_REFLECTION: &str = "/grpc.reflection.v1alpha.ServerReflection/";

/// Answers one request.
pub(crate) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let open = connection.open();
    let is_call = request.version() == Version::HTTP_2
        && request.method() == Method::POST
        && grpc::is_call(request.headers());
    let response = if !is_call {
        Box::pin(control::answer(gateway, request)).await
    } else if let Some(neighbour) = Neighbour::at(request.uri().path()) {
        Box::pin(neighbour.answer(gateway, request)).await
    } else {
        grpc::call(gateway, connection, request).await
    };
    drop(open);
    response
}

/// The standard gRPC services beside Firestore.
enum Neighbour {
    Health,
    Reflection,
    OldReflection,
}

impl Neighbour {
    fn at(path: &str) -> Option<Self> {
        let table =
            [(HEALTH, Self::Health), (REFLECTION, Self::Reflection), (OLD_REFLECTION, Self::OldReflection)];
        table.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, neighbour)| neighbour)
    }

    async fn answer(self, gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
        let request = request.map(tonic::body::Body::new);
        let response = match self {
            Neighbour::Health => gateway.neighbours.health.clone().oneshot(request).await,
            Neighbour::Reflection => gateway.neighbours.reflection.clone().oneshot(request).await,
            Neighbour::OldReflection => gateway.neighbours.old_reflection.clone().oneshot(request).await,
        };
        let Ok(response) = response;
        response.map(Body::Foreign)
    }
}

/// An answer of plain text.
fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::plain(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
