//! One port: a request is a gRPC call, a page's call by WebChannel, REST or gRPC-Web, one of the few control
//! requests, or not found.

mod control;
mod cors;
pub(crate) mod encoded;
mod pages;
mod recursive_delete;
pub(crate) mod status;
mod token;

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use model::Status;
use tower::ServiceExt;

use crate::Gateway;
use crate::admission::Sender;
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc::{self, deadline, dialogue::AtEnd, frames};
use crate::neighbours::Counted;
use crate::quotas::{Identity, Share};
use crate::{appengine, grpc_web, rest, webchannel};

const CHECK: &str = "/grpc.health.v1.Health/Check";
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
    if let Some(refusal) = pages::refusal(&gateway.options, connection.peer(), &request) {
        return refusal;
    }
    let response = match Kind::of(&request) {
        Kind::Call => grpc::call(gateway, connection, request, AtEnd::HalfClose).await,
        Kind::AppEngine => Box::pin(appengine::answer(gateway, connection, request)).await,
        Kind::Neighbour(neighbour) => Box::pin(neighbour.answer(gateway, connection, request)).await,
        Kind::Plain(plain) => Box::pin(plain.answer(gateway, connection, request)).await,
    };
    drop(open);
    response
}

/// What a request is.
enum Kind {
    Call,
    /// An app calls one of its services.
    AppEngine,
    Neighbour(Neighbour),
    Plain(Plain),
}

/// A request that a page may send.
enum Plain {
    Channel(webchannel::Address),
    WebCall,
    Rest,
    /// A browser asks what a page may do.
    Question,
    /// An account asks for a token.
    Token,
    Control,
}

impl Kind {
    fn of(request: &Request<Incoming>) -> Self {
        let (path, headers) = (request.uri().path(), request.headers());
        let is_post = request.method() == Method::POST;
        if is_post
            && request.version() == Version::HTTP_2
            && grpc::is_call(headers)
            && !grpc_web::is_call(headers)
        {
            return Neighbour::at(path).map_or(Kind::Call, Kind::Neighbour);
        }
        if is_post && path == appengine::PATH {
            return Kind::AppEngine;
        }
        Kind::Plain(if request.method() == Method::OPTIONS {
            Plain::Question
        } else if is_post && grpc_web::is_call(headers) {
            Plain::WebCall
        } else if let Some(address) = webchannel::Address::parse(path) {
            Plain::Channel(address)
        } else if rest::is_below(path) {
            Plain::Rest
        } else if is_post && path == token::PATH {
            Plain::Token
        } else {
            Plain::Control
        })
    }
}

impl Plain {
    async fn answer(
        self,
        gateway: &Gateway,
        connection: &Arc<Connection>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let page = cors::Page::of(request.headers());
        let mut response = match self {
            Plain::Channel(address) => webchannel::answer(gateway, connection, address, request).await,
            Plain::WebCall => grpc_web::call(gateway, connection, request).await,
            Plain::Rest => rest::answer(gateway, connection, request).await.unwrap_or_else(not_found),
            Plain::Question => Response::new(Body::Plain(None)),
            Plain::Token => token::answer(gateway, connection, request).await,
            Plain::Control => control::answer(gateway, connection, request).await,
        };
        page.allow(response.headers_mut());
        response
    }
}

/// The standard gRPC services beside Firestore.
enum Neighbour {
    /// Whether the server is well, asked once.
    Check,
    /// The same, told for as long as who asks listens.
    Health,
    Reflection,
    OldReflection,
}

impl Neighbour {
    fn at(path: &str) -> Option<Self> {
        let table = [
            (CHECK, Self::Check),
            (HEALTH, Self::Health),
            (REFLECTION, Self::Reflection),
            (OLD_REFLECTION, Self::OldReflection),
        ];
        table.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, neighbour)| neighbour)
    }

    async fn answer(
        self,
        gateway: &Gateway,
        connection: &Connection,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let share = match self.share(gateway, connection, &request) {
            Ok(share) => share,
            Err(refusal) => return grpc::refuse(&refusal),
        };
        let request = request.map(tonic::body::Body::new);
        let response = match self {
            Neighbour::Check | Neighbour::Health => {
                let answer = gateway.neighbours.health.clone().oneshot(request);
                match tokio::time::timeout(frames::ARRIVAL, answer).await {
                    Ok(answer) => answer,
                    Err(_) => return grpc::refuse(&deadline::exceeded()),
                }
            }
            Neighbour::Reflection => gateway.neighbours.reflection.clone().oneshot(request).await,
            Neighbour::OldReflection => gateway.neighbours.old_reflection.clone().oneshot(request).await,
        };
        let Ok(response) = response;
        response.map(|body| {
            Body::Foreign(match share {
                Some(share) => tonic::body::Body::new(Counted::new(body, share)),
                None => body,
            })
        })
    }

    /// What a call takes of its address's part, for nobody is asked who he is. A check takes nothing: a refusal would
    /// cost as much as the answer, and a balancer would take the server for ill because others ask much beside it.
    fn share(
        &self,
        gateway: &Gateway,
        connection: &Connection,
        request: &Request<Incoming>,
    ) -> Result<Option<Share>, Status> {
        match self {
            Neighbour::Check => Ok(None),
            Neighbour::Health | Neighbour::Reflection | Neighbour::OldReflection => {
                let identity = Identity::address(Sender::of(gateway, connection, request.headers()).peer);
                gateway.quotas.request(&identity)?;
                gateway.quotas.conversation(identity).map(Some)
            }
        }
    }
}

fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "Not Found\n")
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
