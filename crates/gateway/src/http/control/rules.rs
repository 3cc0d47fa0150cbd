//! Security rules brought by a request, as the Firebase tools and `@firebase/rules-unit-testing` do.

use http::{Response, StatusCode};
use hyper::body::Incoming;
use model::Status;
use serde::{Deserialize, Serialize};
use service::{Issue, RulesOf, Severity};
use tokio::time::Instant;

use super::{JSON, Subject, typed};
use crate::Gateway;
use crate::body::Body;
use crate::connection::Connection;
use crate::json;
use crate::rest::payload;

/// What the emulator calls a file that has no name.
const UNNAMED: &str = "security.rules";
/// A request's body must have arrived this long after its headers.
const ARRIVAL: std::time::Duration = std::time::Duration::from_secs(30);

#[derive(Deserialize)]
struct Request {
    rules: Rules,
    /// Answer complaints as a list, with status 200.
    #[serde(default)]
    ignore_errors: bool,
}

#[derive(Deserialize)]
struct Rules {
    files: Vec<File>,
}

/// A source.
#[derive(Serialize, Deserialize)]
pub(super) struct File {
    name: Option<String>,
    content: String,
}

#[derive(Serialize)]
struct Issues {
    issues: Vec<Listed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    source_position: SourcePosition,
    description: String,
    severity: &'static str,
}

/// A place in a source.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourcePosition {
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    line: u32,
    column: u32,
    current_offset: u32,
    end_offset: u32,
}

impl File {
    /// A source without a name.
    pub(super) fn unnamed(content: String) -> Self {
        File { name: Some(UNNAMED.to_owned()), content }
    }
}

impl SourcePosition {
    pub(super) fn of(position: service::Position, file_name: Option<String>) -> Self {
        SourcePosition {
            file_name,
            line: position.line,
            column: position.column,
            current_offset: position.offset,
            end_offset: position.end,
        }
    }
}

/// Puts the rules of a body in force. A source that does not compile leaves those before.
pub(super) async fn set(
    gateway: &Gateway,
    connection: &Connection,
    subject: &Subject,
    body: Incoming,
) -> Result<Response<Body>, Status> {
    let (body, _claim) = payload::read(body, connection.memory(), Instant::now() + ARRIVAL).await?;
    let read: Result<Request, _> = serde_json::from_slice(&body);
    let (file, ignore_errors) = match read {
        Ok(Request { rules: Rules { files }, ignore_errors }) => match <[File; 1]>::try_from(files) {
            Ok([file]) => (file, ignore_errors),
            Err(files) => {
                let text = format!("`rules.files` has {} files; send one.", files.len());
                return Ok(refuse(&Status::invalid_argument(text)));
            }
        },
        Err(error) => {
            let text = format!("The body is not {{\"rules\":{{\"files\":[{{\"content\":…}}]}}}}: {error}");
            return Ok(refuse(&Status::invalid_argument(text)));
        }
    };
    let of = match subject {
        Subject::Project(project) => RulesOf::Project(project),
        Subject::Database(database) => RulesOf::Database(database),
    };
    let set = gateway.service.set_rules(of, Some(&file.content));
    Ok(match (set, ignore_errors) {
        (Ok(_), false) => typed(StatusCode::OK, JSON, "{}"),
        (Ok(issues) | Err(issues), true) => listed(issues, file.name),
        (Err(issues), false) => {
            let lines: Vec<_> = issues.iter().map(ToString::to_string).collect();
            let text = format!("Error compiling rules:\n{}", lines.join("\n"));
            refuse(&Status::invalid_argument(text))
        }
    })
}

fn listed(issues: Vec<Issue>, file_name: Option<String>) -> Response<Body> {
    let file_name = file_name.unwrap_or_else(|| UNNAMED.to_owned());
    let issues = issues.into_iter().map(|issue| Listed {
        source_position: SourcePosition::of(issue.position, Some(file_name.clone())),
        description: issue.message,
        severity: match issue.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        },
    });
    let issues = Issues { issues: issues.collect() };
    typed(StatusCode::OK, JSON, serde_json::to_string(&issues).expect("texts and numbers"))
}

fn refuse(refusal: &Status) -> Response<Body> {
    typed(StatusCode::BAD_REQUEST, JSON, json::refusal(refusal, json::Style::PRETTY))
}
