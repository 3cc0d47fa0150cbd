//! Refusals as gRPC carries them.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use model::{Code, Status};
use prost::Message;

/// The domain that production's reasons stand in.
const DOMAIN: &str = "firestore.googleapis.com";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
/// Longest text in a header, in bytes. A text may quote a name of megabytes; clients drop answers
/// whose headers pass 8 KiB, and each byte may take three.
const MAX_MESSAGE_BYTES: usize = 2_048;

/// The number that a code has on the wire.
pub(crate) fn code(code: Code) -> tonic::Code {
    match code {
        Code::Cancelled => tonic::Code::Cancelled,
        Code::InvalidArgument => tonic::Code::InvalidArgument,
        Code::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        Code::NotFound => tonic::Code::NotFound,
        Code::AlreadyExists => tonic::Code::AlreadyExists,
        Code::PermissionDenied => tonic::Code::PermissionDenied,
        Code::ResourceExhausted => tonic::Code::ResourceExhausted,
        Code::FailedPrecondition => tonic::Code::FailedPrecondition,
        Code::Aborted => tonic::Code::Aborted,
        Code::OutOfRange => tonic::Code::OutOfRange,
        Code::Unimplemented => tonic::Code::Unimplemented,
        Code::Internal => tonic::Code::Internal,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::DataLoss => tonic::Code::DataLoss,
        Code::Unauthenticated => tonic::Code::Unauthenticated,
    }
}

/// The machine-readable reason of a refusal, if it has one.
pub(crate) fn details(status: &Status) -> Vec<wire::Any> {
    let info = status.info.iter().map(|info| wire::rpc::ErrorInfo {
        reason: info.reason.clone(),
        domain: DOMAIN.to_owned(),
        metadata: info.metadata.clone(),
    });
    info.map(|info| wire::Any { type_url: ERROR_INFO.to_owned(), value: info.encode_to_vec() }).collect()
}

/// The trailers of a call that succeeded.
pub(crate) fn ok() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))])
}

/// The trailers of a call that was refused.
pub(crate) fn trailers(status: &Status) -> HeaderMap {
    let message = shortened(&status.message);
    let details = details(status);
    let rich = if details.is_empty() {
        Bytes::new()
    } else {
        let code = code(status.code) as i32;
        wire::rpc::Status { code, message: message.to_owned(), details }.encode_to_vec().into()
    };
    let mut headers = HeaderMap::with_capacity(3);
    let fits = tonic::Status::with_details(code(status.code), message, rich).add_header(&mut headers);
    fits.expect("a text is percent-encoded and details are base64: both are legal in headers");
    headers
}

fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_travels_in_the_details() {
        let status = Status::invalid_argument("té\n").with_info("WHY", [("k", "v".to_owned())]);
        let headers = trailers(&status);
        assert_eq!(headers["grpc-status"], "3");
        assert_eq!(headers["grpc-message"], "t%C3%A9%0A");
        let read = tonic::Status::from_header_map(&headers).expect("a status");
        let rich = wire::rpc::Status::decode(read.details()).expect("a rich status");
        assert_eq!((rich.code, rich.message.as_str()), (3, "té\n"));
        assert_eq!(rich.details[0].type_url, ERROR_INFO);
        let info = wire::rpc::ErrorInfo::decode(&*rich.details[0].value).expect("an info");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("WHY", DOMAIN));
        assert_eq!(info.metadata["k"], "v");
    }

    #[test]
    fn a_text_of_megabytes_is_cut_to_what_a_header_holds() {
        let headers = trailers(&Status::invalid_argument("é".repeat(1 << 20)));
        assert_eq!(headers["grpc-message"].len(), MAX_MESSAGE_BYTES * 3);
    }
}
