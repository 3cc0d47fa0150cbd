//! Why there is no answer.

use bytes::Bytes;
use model::{Code, Status};
use prost::Message;

use crate::json::{self, Invalid, Style};
use crate::to_proto;

/// A refusal: of the JSON, which is told mistake by mistake, or of what it says.
pub(super) enum Refusal {
    Json(Invalid),
    Status(Status),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Refusal::Status(status)
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Refusal::Json(invalid)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Json(invalid) => invalid.into(),
            Refusal::Status(status) => status,
        }
    }
}

impl Refusal {
    pub(super) fn code(&self) -> Code {
        match self {
            Refusal::Json(_) => Code::InvalidArgument,
            Refusal::Status(status) => status.code,
        }
    }

    pub(super) fn json(&self, style: Style) -> String {
        match self {
            Refusal::Json(invalid) => json::refused(invalid, style),
            Refusal::Status(status) => json::refusal(status, style),
        }
    }

    pub(super) fn protobuf(&self) -> Bytes {
        let status = match self {
            Refusal::Json(invalid) => to_proto::status(&Status::invalid_argument(invalid.message())),
            Refusal::Status(status) => to_proto::status(status),
        };
        status.encode_to_vec().into()
    }
}
