//! What browsers ask before a page may call, and want to see after.
//!
//! As production, any page may: a token in a header decides what is answered, never what a browser sends by itself.
//! So the origin is echoed, with leave to send credentials, which the web SDK's channel insists on although there are
//! none. Pages that may not call are refused before (see `pages`).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const METHODS: HeaderValue = HeaderValue::from_static("DELETE,GET,HEAD,PATCH,POST,PUT");
/// What WebChannel and gRPC-Web read of an answer beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-client-wire-protocol, x-http-session-id, x-http-initial-response, \
     grpc-status, grpc-message, grpc-status-details-bin",
);
/// How many seconds a browser may remember the answer to its question.
const REMEMBER: HeaderValue = HeaderValue::from_static("3600");
pub(super) const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const PRIVATE_NETWORK_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// What a page asks of us; the default asks nothing.
#[derive(Default)]
pub(super) struct Page {
    origin: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    private_network: bool,
}

impl Page {
    /// The page that sent `request`.
    pub(super) fn of(request: &HeaderMap) -> Self {
        Page {
            origin: request.get(ORIGIN).cloned(),
            headers: request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
            private_network: request.contains_key(PRIVATE_NETWORK_ASKED),
        }
    }

    /// Lets the page, which may call, see an answer with these headers; nothing when no page asks.
    pub(super) fn allow(self, answer: &mut HeaderMap) {
        let Some(origin) = self.origin else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        answer.append(VARY, BY_ORIGIN);
        if let Some(headers) = self.headers {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
            answer.insert(ACCESS_CONTROL_MAX_AGE, REMEMBER);
        }
        if self.private_network {
            answer.insert(PRIVATE_NETWORK, TRUE);
        }
    }
}
