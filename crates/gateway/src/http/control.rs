//! The few plain HTTP requests: is it there, clear a database, reset everything.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::{DatabaseName, Status};
use percent_encoding::percent_decode_str;

use super::status::http_status;
use super::{not_found, text, typed};
use crate::Gateway;
use crate::body::Body;
use crate::grpc::guard;

const JSON: &str = "application/json; charset=utf-8";

/// What is asked.
#[derive(Debug, PartialEq)]
enum Control {
    Alive,
    Clear(DatabaseName),
    Reset,
}

/// Answers a request that is no gRPC call.
pub(super) async fn answer(gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
    match parse(request.method(), request.uri().path()) {
        Some(Control::Alive) => text(StatusCode::OK, "Ok\n"),
        Some(Control::Clear(database)) => {
            match guard::guarded(async { gateway.service.clear(&database) }).await {
                Ok(()) => typed(StatusCode::OK, JSON, "{}\n"),
                Err(refusal) => refuse(&refusal),
            }
        }
        Some(Control::Reset) => match guard::guarded(async { gateway.service.reset() }).await {
            Ok(()) => text(StatusCode::OK, "Resetting...\n"),
            Err(refusal) => refuse(&refusal),
        },
        None => not_found(),
    }
}

fn parse(method: &Method, path: &str) -> Option<Control> {
    match (method, path) {
        (&Method::GET | &Method::HEAD, "/") => Some(Control::Alive),
        (&Method::POST, "/reset") => Some(Control::Reset),
        (&Method::DELETE, path) => cleared(path).map(Control::Clear),
        _ => None,
    }
}

/// The database of `/emulator/v1/projects/{p}/databases/{d}/documents`.
fn cleared(path: &str) -> Option<DatabaseName> {
    let name = path.strip_prefix("/emulator/v1/")?.strip_suffix("/documents")?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    DatabaseName::parse(&name).ok()
}

/// A refusal on this wire: the HTTP status that the code maps to, and the text.
fn refuse(refusal: &Status) -> Response<Body> {
    let mut body = refusal.message.clone();
    body.push('\n');
    typed(http_status(refusal.code), "text/plain; charset=utf-8", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_requests_are_known() {
        let database = || Some(Control::Clear(DatabaseName::new("p", "(default)")));
        let table = [
            (Method::GET, "/", Some(Control::Alive)),
            (Method::POST, "/", None),
            (Method::POST, "/reset", Some(Control::Reset)),
            (Method::GET, "/reset", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents", database()),
            (Method::DELETE, "/emulator/v1/projects/p/databases/%28default%29/documents", database()),
            (Method::GET, "/emulator/v1/projects/p/databases/(default)/documents", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases//documents", None),
            (Method::DELETE, "/emulator/v1/projects/%ff/databases/d/documents", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/d/documents/c/d", None),
        ];
        for (method, path, expected) in table {
            assert_eq!(parse(&method, path), expected, "{method} {path}");
        }
    }
}
