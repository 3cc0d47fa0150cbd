//! The few control requests: is it there, clear a database or a part of it, reset everything.

use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::{DatabaseName, Status};
use percent_encoding::percent_decode_str;

use super::recursive_delete::{self, Tree};
use super::status::http_status;
use super::{not_found, text, typed};
use crate::Gateway;
use crate::body::Body;
use crate::grpc::guard;

const JSON: &str = "application/json; charset=utf-8";
/// The longest time that deleting a part of a database may take.
const DELETING: Duration = Duration::from_secs(300);

/// What is asked.
#[derive(Debug, PartialEq)]
enum Control {
    Alive,
    Clear(DatabaseName),
    Delete(DatabaseName, Tree),
    Reset,
}

/// Answers a request that is no call.
pub(super) async fn answer(gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
    let service = &gateway.service;
    let Some(asked) = parse(request.method(), request.uri().path()) else { return not_found() };
    let outcome = guard::guarded(async {
        match &asked {
            Control::Alive => Ok(()),
            Control::Clear(database) => service.clear(database),
            Control::Delete(database, tree) => {
                let deadline = Instant::now() + DELETING;
                recursive_delete::run(service, database, tree.clone(), deadline).await
            }
            Control::Reset => service.reset(),
        }
    });
    match (outcome.await, asked) {
        (Ok(()), Control::Alive) => text(StatusCode::OK, "Ok\n"),
        (Ok(()), Control::Clear(_) | Control::Delete(..)) => typed(StatusCode::OK, JSON, "{}\n"),
        (Ok(()), Control::Reset) => text(StatusCode::OK, "Resetting...\n"),
        (Err(refusal), _) => refuse(&refusal),
    }
}

fn parse(method: &Method, path: &str) -> Option<Control> {
    match (method, path) {
        (&Method::GET | &Method::HEAD, "/") => Some(Control::Alive),
        (&Method::POST, "/reset") => Some(Control::Reset),
        (&Method::DELETE, path) => deleted(path),
        _ => None,
    }
}

/// `/emulator/v1/projects/{p}/databases/{d}/documents`, or what is below that.
fn deleted(path: &str) -> Option<Control> {
    let segments = path.strip_prefix("/emulator/v1/")?.split('/');
    let segments = segments.map(|segment| percent_decode_str(segment).decode_utf8());
    let segments: Vec<_> = segments.collect::<Result<_, _>>().ok()?;
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let (database, below) = segments.split_at_checked(4)?;
    let database = DatabaseName::parse(&database.join("/")).ok()?;
    match below {
        ["documents"] => Some(Control::Clear(database)),
        ["documents", below @ ..] => Tree::parse(below).map(|tree| Control::Delete(database, tree)),
        _ => None,
    }
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
        let name = || DatabaseName::new("p", "(default)");
        let database = || Some(Control::Clear(name()));
        let part = |ids: &[&str]| Tree::parse(ids).map(|tree| Control::Delete(name(), tree));
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
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a//b", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a%20b", part(&["a b"])),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a/b", part(&["a", "b"])),
        ];
        for (method, path, expected) in table {
            assert_eq!(parse(&method, path), expected, "{method} {path}");
        }
    }
}
