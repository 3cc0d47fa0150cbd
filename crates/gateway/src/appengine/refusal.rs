//! Refusals as apps see them: the envelope's for calls that reached no service, the service's own for others.

use std::fmt;

use model::{Code, Status};

use super::codec::Malformed;
use super::messages::datastore::error_code;
use super::messages::remote_api::{ApplicationError, Response, RpcError};

/// Codes of an [`RpcError`].
const CALL_NOT_FOUND: i32 = 1;
const PARSE_ERROR: i32 = 2;
const CAPABILITY_DISABLED: i32 = 6;
const DEADLINE_EXCEEDED: i32 = 12;
/// What the text of a query begins with that needs an index.
const NEEDS_INDEX: &str = "no matching index found.";

/// Why a call is not answered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No such service or method.
    Unknown(String),
    /// The envelope or the request is no such message.
    Malformed(Malformed),
    /// Its time is over.
    Late,
    /// What an operation says.
    Status(Status),
    /// What a service other than the datastore says, with a code of its own.
    Application(i32, String),
}

impl Refusal {
    /// The method of a service that it does not have.
    pub(super) fn no_method(service: &str, method: &str) -> Self {
        Refusal::Unknown(format!("{service} has no method {method} here."))
    }

    /// The refusal in its envelope.
    pub(super) fn into_response(self) -> Response {
        let rpc = |code, detail: String| Response {
            rpc_error: Some(RpcError { code, detail: Some(detail) }),
            ..Response::default()
        };
        let application = |code, detail| Response {
            application_error: Some(ApplicationError { code, detail }),
            ..Response::default()
        };
        let text = self.to_string();
        match self {
            Refusal::Unknown(_) => rpc(CALL_NOT_FOUND, text),
            Refusal::Malformed(_) => rpc(PARSE_ERROR, text),
            Refusal::Late => rpc(DEADLINE_EXCEEDED, text),
            Refusal::Status(Status { code: Code::Unimplemented, .. }) => rpc(CAPABILITY_DISABLED, text),
            Refusal::Status(status) => application(datastore_code(&status), text),
            Refusal::Application(code, _) => application(code, text),
        }
    }
}

/// The datastore's code for a status.
fn datastore_code(status: &Status) -> i32 {
    match status.code {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => error_code::BAD_REQUEST,
        Code::Aborted => error_code::CONCURRENT_TRANSACTION,
        Code::Internal | Code::DataLoss => error_code::INTERNAL_ERROR,
        Code::FailedPrecondition if status.message.starts_with(NEEDS_INDEX) => error_code::NEED_INDEX,
        Code::FailedPrecondition => error_code::FAILED_PRECONDITION,
        Code::DeadlineExceeded | Code::Cancelled | Code::Unavailable => error_code::TIMEOUT,
        Code::PermissionDenied => error_code::PERMISSION_DENIED,
        Code::ResourceExhausted => error_code::RESOURCE_EXHAUSTED,
        Code::NotFound => error_code::NOT_FOUND,
        Code::AlreadyExists => error_code::ALREADY_EXISTS,
        Code::Unauthenticated => error_code::UNAUTHENTICATED,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unknown(text) | Refusal::Application(_, text) => f.write_str(text),
            Refusal::Malformed(fault) => write!(f, "The request cannot be read. {fault}"),
            Refusal::Late => f.write_str("The call took longer than its deadline."),
            Refusal::Status(status) => f.write_str(&status.message),
        }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Refusal::Status(status)
    }
}

impl From<Malformed> for Refusal {
    fn from(fault: Malformed) -> Self {
        Refusal::Malformed(fault)
    }
}
