//! Outcomes as callers see them: a canonical code, a text that says what to do, optional details.

use std::collections::BTreeMap;
use std::fmt;

/// The canonical gRPC codes that Irori answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Cancelled,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

/// A machine-readable reason, as `google.rpc.ErrorInfo` carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    pub reason: String,
    pub metadata: BTreeMap<String, String>,
}

/// A refusal. The message goes to the client as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Status {
    pub code: Code,
    pub message: String,
    pub info: Option<Box<ErrorInfo>>,
}

impl Status {
    /// A refusal with `code` and the text the client sees.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status { code, message: message.into(), info: None }
    }

    /// The request is wrong in itself; sending it again cannot help.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// The request is legal, but not in the present state.
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    /// Lost to a competitor; the whole transaction may be tried again.
    pub fn aborted(message: impl Into<String>) -> Self {
        Self::new(Code::Aborted, message)
    }

    /// What was named is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Whoever calls has not proved who they are; the same credentials cannot help.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// Who calls is known, or nobody, and may not do this.
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, message)
    }

    /// A broken promise of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// The same refusal with a machine-readable reason.
    pub fn with_info(
        mut self,
        reason: &str,
        metadata: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let metadata = metadata.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        self.info = Some(Box::new(ErrorInfo { reason: reason.to_owned(), metadata }));
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}
