//! Access tokens for accounts: `POST /token` (OAuth 2.0 with RFC 7523), the `token_uri` of keys that this server issued.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::{Code, Status};
use serde_json::json;
use service::Credentials;
use tokio::time::Instant;

use super::encoded::decode;
use super::status::http_status;
use super::typed;
use crate::Gateway;
use crate::admission::Sender;
use crate::audit::Record;
use crate::body::Body;
use crate::connection::Connection;
use crate::quotas::Identity;
use crate::rest::payload;

/// Where tokens are given.
pub(super) const PATH: &str = "/token";
const JSON: &str = "application/json; charset=utf-8";
/// A request's body must have arrived this long after its headers.
const ARRIVAL: Duration = Duration::from_secs(30);
/// Tokens must not be kept by anything in between (RFC 6749, 5.1).
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// Answers a request for a token.
pub(super) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let sender = Sender::of(gateway, connection, &head.headers);
    let mut record = sender.record(gateway, "POST /token");
    let answered = match gateway.quotas.request(&Identity::address(sender.peer)) {
        Ok(()) => exchange(gateway, connection, &head.headers, body, record.as_mut()).await,
        Err(refusal) => Err(refusal),
    };
    if let Some(record) = &record {
        let refused = answered.as_ref().map_or_else(|refusal| Some(refusal.code), |answer| answer.refused);
        record.ended(refused);
    }
    let mut response = match answered {
        Ok(Answer { refused, body }) => {
            let status = if refused.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            typed(status, JSON, body)
        }
        Err(refusal) => {
            let body = json!({ "error": "temporarily_unavailable", "error_description": refusal.message });
            typed(http_status(refusal.code), JSON, body.to_string())
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, NOT_KEPT);
    response
}

/// What is answered, and under which code a refusal is logged.
struct Answer {
    refused: Option<Code>,
    body: String,
}

async fn exchange(
    gateway: &Gateway,
    connection: &Connection,
    headers: &HeaderMap,
    body: Incoming,
    record: Option<&mut Record>,
) -> Result<Answer, Status> {
    let (body, _claim) = payload::read(body, connection.memory(), Instant::now() + ARRIVAL).await?;
    let refused = |error: &str, description: &str| {
        let body = json!({ "error": error, "error_description": description });
        Ok(Answer { refused: Some(Code::Unauthenticated), body: body.to_string() })
    };
    if headers.contains_key(AUTHORIZATION) {
        return refused("invalid_request", "The assertion says who asks; send no authorization header.");
    }
    let (Some(grant_type), Some(assertion)) = (field(&body, "grant_type"), field(&body, "assertion")) else {
        return refused("invalid_request", "Send grant_type and assertion once each, as a form.");
    };
    match gateway.service.exchange(&grant_type, &assertion).await {
        Ok(token) => {
            if let Some(record) = record {
                let bearer = format!("Bearer {}", token.access_token);
                let credentials = Credentials::of(Some(&bearer));
                if let Ok(principal) = gateway.service.admit(&credentials).await {
                    record.by(&principal);
                }
            }
            let body = json!({
                "access_token": token.access_token,
                "token_type": token.token_type,
                "expires_in": token.expires_in,
            });
            Ok(Answer { refused: None, body: body.to_string() })
        }
        Err(refusal) => refused(refusal.error, &refusal.error_description),
    }
}

/// The one value of a field of a form; None when it is missing, there twice, or no text.
fn field<'a>(form: &'a Bytes, name: &str) -> Option<Cow<'a, str>> {
    let pairs = form.split(|byte| *byte == b'&').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (*decode(&pair[..at]) == *name.as_bytes()).then(|| decode(&pair[at + 1..]))
    });
    let mut pairs = pairs;
    let value = pairs.next().filter(|_| pairs.next().is_none())?;
    match value {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_form_is_there_once() {
        let table = [
            ("grant_type=urn%3Aietf&assertion=a.b.c", "grant_type", Some("urn:ietf")),
            ("grant_type=a&grant_type=b", "grant_type", None),
            ("grant_type", "grant_type", None),
            ("a=%ff", "a", None),
            ("a=b+c", "a", Some("b c")),
            ("", "a", None),
        ];
        for (form, name, expected) in table {
            assert_eq!(field(&Bytes::from(form), name).as_deref(), expected, "{form}");
        }
    }
}
