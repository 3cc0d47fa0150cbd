//! Refusals as JSON: `{"error":{"code":404,"message":"…","status":"NOT_FOUND","details":[…]}}`.

use model::{Code, Status};

use super::invalid::Invalid;
use super::text::Text;
use super::{Style, write};
use crate::grpc::status::details;
use crate::http::status::http_status;

const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// The JSON form of a refusal.
pub(crate) fn refusal(status: &Status, style: Style) -> String {
    let mut text = begin(status.code, &status.message, style);
    let details = details(status);
    if !details.is_empty() {
        text.key("details");
        text.open('[');
        for detail in details {
            text.element();
            write::any(&mut text, &detail, style).expect("details are our own messages");
        }
        text.close(']');
    }
    end(text)
}

/// The JSON form of a refusal of JSON: each mistake stands in the details too.
pub(crate) fn refused(invalid: &Invalid, style: Style) -> String {
    let mut text = begin(Code::InvalidArgument, &invalid.message(), style);
    text.key("details");
    text.open('[');
    text.element();
    text.open('{');
    text.key("@type");
    text.string(BAD_REQUEST);
    text.key("fieldViolations");
    text.open('[');
    for violation in &invalid.violations {
        text.element();
        text.open('{');
        if !violation.field.is_empty() {
            text.key("field");
            text.string(&violation.field);
        }
        text.key("description");
        text.string(&violation.description);
        text.close('}');
    }
    text.close(']');
    text.close('}');
    text.close(']');
    end(text)
}

fn begin(code: Code, message: &str, style: Style) -> Text {
    let mut text = Text::new(style.pretty);
    text.open('{');
    text.key("error");
    text.open('{');
    text.key("code");
    text.bare(http_status(code).as_str());
    text.key("message");
    text.string(message);
    text.key("status");
    text.string(code_name(code));
    text
}

fn end(mut text: Text) -> String {
    text.close('}');
    text.close('}');
    text.finish()
}

/// A code's name, as in `google.rpc.Code`.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "CANCELLED",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_code_twice_and_its_reason() {
        let missing = Status::not_found("No \"x\".");
        let expected = r#"{"error":{"code":404,"message":"No \"x\".","status":"NOT_FOUND"}}"#;
        assert_eq!(refusal(&missing, Style::COMPACT), expected);

        let reasoned = Status::invalid_argument("no").with_info("WHY", [("k", "v".to_owned())]);
        let expected = concat!(
            r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT","details":[{"#,
            r#""@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"WHY","#,
            r#""domain":"firestore.googleapis.com","metadata":{"k":"v"}}]}}"#
        );
        assert_eq!(refusal(&reasoned, Style::COMPACT), expected);
    }

    #[test]
    fn mistakes_in_json_stand_in_the_details_one_by_one() {
        let invalid = crate::json::request_message("google.firestore.v1.Document", br#"{"x": 1, "name": 2}"#);
        let told = refused(&invalid.expect_err("two mistakes"), Style::PRETTY);
        let expected = r#"{
  "error": {
    "code": 400,
    "message": "Invalid JSON payload received. Unknown name \"x\": Cannot find field.\nInvalid value at 'name' (TYPE_STRING), 2",
    "status": "INVALID_ARGUMENT",
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
          {
            "description": "Invalid JSON payload received. Unknown name \"x\": Cannot find field."
          },
          {
            "field": "name",
            "description": "Invalid value at 'name' (TYPE_STRING), 2"
          }
        ]
      }
    ]
  }
}"#;
        assert_eq!(told, expected);
    }
}
