//! Control requests: is it there, clear a database or a part of it, reset everything, security rules and what they
//! came to, stop.
//!
//! The addresses are those of Google's emulator (FIRESTORE.md 8.1). In development whoever reaches the port may use
//! them, as there; else they take an owner of what they are about.

mod coverage;
mod page;
mod rules;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::principal::Role;
use model::{DatabaseName, Principal, Status};
use percent_encoding::percent_decode_str;
use service::Call;

use super::recursive_delete::{self, Tree};
use super::status::http_status;
use super::{not_found, text, typed};
use crate::Gateway;
use crate::admission::{self, Sender};
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc::guard;

const JSON: &str = "application/json; charset=utf-8";
/// The longest time that deleting a part of a database may take.
const DELETING: Duration = Duration::from_secs(300);
/// What is below this is about projects and their databases.
const PROJECTS: &str = "/emulator/v1/";

/// What is asked.
#[derive(Debug, PartialEq)]
enum Control {
    Alive,
    Clear(DatabaseName),
    Delete(DatabaseName, Tree),
    Reset,
    Shutdown,
    SetRules(Subject),
    /// For programs.
    Coverage(String),
    /// For people.
    CoveragePage(String),
}

/// Whose rules.
#[derive(Debug, PartialEq)]
enum Subject {
    Project(String),
    Database(DatabaseName),
}

/// What a request must be allowed to do.
#[derive(Debug, PartialEq)]
enum Needs {
    Nothing,
    Owner(DatabaseName),
    OwnerOfProject(String),
    Administrator,
}

/// Answers a request that is no call.
pub(super) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (method, path) = (request.method(), request.uri().path());
    let Some(asked) = parse(method, path) else { return not_found() };
    let sender = Sender::of(gateway, connection, request.headers());
    let needs = asked.needs();
    if needs == Needs::Nothing {
        return text(StatusCode::OK, "Ok\n");
    }
    let mut record = sender.record(gateway, format!("{method} {path}"));
    let admitted = admission::admit_to(gateway, sender, None).await;
    if let (Some(record), Ok(principal)) = (&mut record, &admitted) {
        record.by(principal);
        record.about_database(&needs.to_string());
    }
    let outcome = guard::guarded(async {
        let call = Call { deadline: Instant::now() + DELETING, principal: admitted? };
        require(gateway, &call, &needs)?;
        run(gateway, connection, call.deadline, asked, request).await
    });
    let outcome = outcome.await;
    if let Some(record) = &record {
        record.ended(outcome.as_ref().err().map(|refusal| refusal.code));
    }
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Does what the caller may do.
async fn run(
    gateway: &Gateway,
    connection: &Connection,
    deadline: Instant,
    asked: Control,
    request: Request<Incoming>,
) -> Result<Response<Body>, Status> {
    let service = &gateway.service;
    match asked {
        Control::Alive => Ok(text(StatusCode::OK, "Ok\n")),
        Control::Clear(database) => service.clear(&database).map(|()| empty()),
        Control::Delete(database, tree) => {
            recursive_delete::run(service, &database, tree, deadline).await.map(|()| empty())
        }
        Control::Reset => service.reset().map(|()| text(StatusCode::OK, "Resetting...\n")),
        Control::Shutdown => {
            gateway.shutdown.notify_one();
            Ok(text(StatusCode::OK, "Shutting down...\n"))
        }
        Control::SetRules(subject) => rules::set(gateway, connection, &subject, request.into_body()).await,
        Control::Coverage(project) => coverage::json(service, &project),
        Control::CoveragePage(project) => page::html(service, &project),
    }
}

/// Refuses who may not. In development everybody may.
fn require(gateway: &Gateway, call: &Call, needs: &Needs) -> Result<(), Status> {
    let service = &gateway.service;
    let is_allowed = match needs {
        Needs::Nothing => true,
        Needs::Owner(database) => return service.require(call, Role::Owner, database),
        Needs::OwnerOfProject(project) => {
            service.is_development() || call.principal.holds_in_project(Role::Owner, project)
        }
        Needs::Administrator => service.is_development() || call.principal == Principal::Administrator,
    };
    if is_allowed { Ok(()) } else { Err(Status::permission_denied("Missing or insufficient permissions.")) }
}

impl Control {
    fn needs(&self) -> Needs {
        match self {
            Control::Alive => Needs::Nothing,
            Control::Clear(database)
            | Control::Delete(database, _)
            | Control::SetRules(Subject::Database(database)) => Needs::Owner(database.clone()),
            Control::SetRules(Subject::Project(project))
            | Control::Coverage(project)
            | Control::CoveragePage(project) => Needs::OwnerOfProject(project.clone()),
            Control::Reset | Control::Shutdown => Needs::Administrator,
        }
    }
}

impl std::fmt::Display for Needs {
    /// What the request is about, as a resource name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Needs::Nothing | Needs::Administrator => Ok(()),
            Needs::Owner(database) => write!(f, "{database}"),
            Needs::OwnerOfProject(project) => write!(f, "projects/{project}"),
        }
    }
}

fn parse(method: &Method, path: &str) -> Option<Control> {
    match (method, path) {
        (&Method::GET | &Method::HEAD, "/") => Some(Control::Alive),
        (&Method::POST, "/reset") => Some(Control::Reset),
        (&Method::POST, "/shutdown") => Some(Control::Shutdown),
        (method, path) => {
            let segments = path.strip_prefix(PROJECTS)?.split('/');
            let segments = segments.map(|segment| percent_decode_str(segment).decode_utf8());
            let segments: Vec<_> = segments.collect::<Result<_, _>>().ok()?;
            let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
            match method {
                &Method::DELETE => deleted(&segments),
                &Method::PUT | &Method::GET => custom(method, &segments),
                _ => None,
            }
        }
    }
}

/// `projects/{p}/databases/{d}/documents`, or what is below that.
fn deleted(segments: &[&str]) -> Option<Control> {
    let (database, below) = segments.split_at_checked(4)?;
    let database = DatabaseName::parse(&database.join("/")).ok()?;
    match below {
        ["documents"] => Some(Control::Clear(database)),
        ["documents", below @ ..] => Tree::parse(below).map(|tree| Control::Delete(database, tree)),
        _ => None,
    }
}

/// `projects/{p}:verb`, or `projects/{p}/databases/{d}:verb`. A project may have colons of its own.
fn custom(method: &Method, segments: &[&str]) -> Option<Control> {
    let (last, above) = segments.split_last()?;
    let (last, verb) = last.rsplit_once(':')?;
    if last.is_empty() {
        return None;
    }
    let project = matches!(above, ["projects"]).then(|| last.to_owned());
    match (method, verb) {
        (&Method::PUT, "securityRules") => Some(Control::SetRules(match project {
            Some(project) => Subject::Project(project),
            None => Subject::Database(DatabaseName::parse(&format!("{}/{last}", above.join("/"))).ok()?),
        })),
        (&Method::GET, "ruleCoverage") => project.map(Control::Coverage),
        (&Method::GET, "ruleCoverage.html") => project.map(Control::CoveragePage),
        _ => None,
    }
}

fn empty() -> Response<Body> {
    typed(StatusCode::OK, JSON, "{}\n")
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
        let of_project = |project: &str| Some(Control::SetRules(Subject::Project(project.to_owned())));
        let table = [
            (Method::GET, "/", Some(Control::Alive)),
            (Method::POST, "/", None),
            (Method::POST, "/reset", Some(Control::Reset)),
            (Method::GET, "/reset", None),
            (Method::POST, "/shutdown", Some(Control::Shutdown)),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents", database()),
            (Method::DELETE, "/emulator/v1/projects/p/databases/%28default%29/documents", database()),
            (Method::GET, "/emulator/v1/projects/p/databases/(default)/documents", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases//documents", None),
            (Method::DELETE, "/emulator/v1/projects/%ff/databases/d/documents", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a//b", None),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a%20b", part(&["a b"])),
            (Method::DELETE, "/emulator/v1/projects/p/databases/(default)/documents/a/b", part(&["a", "b"])),
            (Method::PUT, "/emulator/v1/projects/p:securityRules", of_project("p")),
            (Method::PUT, "/emulator/v1/projects/example.com:p:securityRules", of_project("example.com:p")),
            (Method::PUT, "/emulator/v1/projects/:securityRules", None),
            (Method::POST, "/emulator/v1/projects/p:securityRules", None),
            (
                Method::PUT,
                "/emulator/v1/projects/p/databases/(default):securityRules",
                Some(Control::SetRules(Subject::Database(name()))),
            ),
            (Method::PUT, "/emulator/v1/projects/p/databases/d/documents:securityRules", None),
            (Method::GET, "/emulator/v1/projects/p:ruleCoverage", Some(Control::Coverage("p".to_owned()))),
            (
                Method::GET,
                "/emulator/v1/projects/p:ruleCoverage.html",
                Some(Control::CoveragePage("p".to_owned())),
            ),
            (Method::GET, "/emulator/v1/projects/p/databases/d:ruleCoverage", None),
        ];
        for (method, path, expected) in table {
            assert_eq!(parse(&method, path), expected, "{method} {path}");
        }
    }
}
