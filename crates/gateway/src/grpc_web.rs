//! gRPC-Web: calls from browsers, which cannot read trailers nor send a stream.
//!
//! ```text
//!   answer body:  [0 | length | message] …  [0x80 | length | "grpc-status: 0\r\n" …]
//! ```
//! With `application/grpc-web-text` both bodies are base64. Calls of one request and conversations of
//! one request (a Listen with its one target) work; the client cannot add to them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame};
use hyper::body::Incoming;

use crate::Gateway;
use crate::body::Body;
use crate::connection::Connection;
use crate::grpc;
use crate::grpc::dialogue::AtEnd;

const BINARY: &str = "application/grpc-web";
const TEXT: &str = "application/grpc-web-text";
/// Tells the frame with the trailers from messages.
const TRAILERS: u8 = 0x80;
/// Base64 stands for bytes in groups of so many letters.
const LETTERS: usize = 4;

/// How the two bodies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Binary,
    Text,
}

/// True when a request is a gRPC-Web call.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    form(headers).is_some()
}

/// Answers a call.
pub(crate) async fn call(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let form = form(request.headers()).unwrap_or(Form::Binary);
    let request = request.map(|body| RequestBody { body, form, rest: Vec::new() });
    let response = grpc::call(gateway, connection, request, AtEnd::GoOn).await;
    let (mut head, body) = response.into_parts();
    // A refusal has its status among the headers, where not all clients look.
    let names = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    let refusal = names
        .into_iter()
        .filter_map(|name| head.headers.remove(name).map(|value| (HeaderName::from_static(name), value)));
    let refusal = Some(refusal.collect()).filter(|refusal: &HeaderMap| !refusal.is_empty());
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    Response::from_parts(head, Body::Web(Box::new(WebBody { body, form, refusal })))
}

fn form(headers: &HeaderMap) -> Option<Form> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim_end();
    match kind.strip_suffix("+proto").unwrap_or(kind) {
        BINARY => Some(Form::Binary),
        TEXT => Some(Form::Text),
        _ => None,
    }
}

impl Form {
    fn content_type(self) -> &'static str {
        match self {
            Form::Binary => "application/grpc-web+proto",
            Form::Text => "application/grpc-web-text+proto",
        }
    }

    fn write(self, bytes: Bytes) -> Bytes {
        match self {
            Form::Binary => bytes,
            Form::Text => STANDARD.encode(bytes).into(),
        }
    }
}

/// A request's body. Base64 that is broken ends it, so that its message counts as cut short.
struct RequestBody {
    body: Incoming,
    form: Form,
    /// Base64 that waits for the rest of its four letters.
    rest: Vec<u8>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else { return Poll::Ready(None) };
        let frame = match (self.form, frame.into_data()) {
            (Form::Binary, Ok(data)) => Some(Frame::data(data)),
            (Form::Text, Ok(data)) => decode(&mut self.rest, &data).map(|data| Frame::data(data.into())),
            (_, Err(frame)) => Some(frame),
        };
        Poll::Ready(frame.map(Ok))
    }
}

/// Decodes what is there of base64. A stream may be of several parts, each with its own padding.
fn decode(rest: &mut Vec<u8>, data: &[u8]) -> Option<Vec<u8>> {
    rest.extend_from_slice(data);
    let whole = rest.len() / LETTERS * LETTERS;
    let mut out = Vec::with_capacity(whole / LETTERS * 3);
    let mut letters = &rest[..whole];
    while !letters.is_empty() {
        let padded = letters.chunks(LETTERS).position(|four| four.ends_with(b"="));
        let (part, after) = letters.split_at(padded.map_or(letters.len(), |at| (at + 1) * LETTERS));
        STANDARD.decode_vec(part, &mut out).ok()?;
        letters = after;
    }
    rest.drain(..whole);
    Some(out)
}

/// An answer's body: that of a gRPC answer, with the trailers written out at its end.
pub(crate) struct WebBody {
    body: Body,
    form: Form,
    /// The trailers of an answer that is nothing else.
    refusal: Option<HeaderMap>,
}

impl WebBody {
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(refusal) = self.refusal.take() {
            return Poll::Ready(Some(Ok(Frame::data(self.form.write(trailers(&refusal))))));
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else { return Poll::Ready(None) };
        let bytes = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => trailers(&frame.into_trailers().unwrap_or_default()),
        };
        Poll::Ready(Some(Ok(Frame::data(self.form.write(bytes)))))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.refusal.is_none() && self.body.is_end_stream()
    }
}

/// Trailers as a frame of the body.
fn trailers(headers: &HeaderMap) -> Bytes {
    let mut text = Vec::new();
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    let length = u32::try_from(text.len()).expect("a few short lines");
    let mut out = Vec::with_capacity(text.len() + 5);
    out.push(TRAILERS);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&text);
    out.into()
}

/// For fuzzers: decodes any bytes as base64. In pieces, whose size the first byte says, they are the same
/// as in one.
///
/// # Panics
/// When that is not so.
pub fn read_hostile(input: &[u8]) {
    let Some((size, input)) = input.split_first() else { return };
    let Some(whole) = decode(&mut Vec::new(), input) else { return };
    let (mut rest, mut pieces) = (Vec::new(), Vec::new());
    for piece in input.chunks(usize::from(*size).max(1)) {
        pieces.extend(decode(&mut rest, piece).expect("the whole was good"));
    }
    assert_eq!(whole, pieces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_may_be_cut_anywhere_and_padded_in_the_middle() {
        let text = [STANDARD.encode(b"one"), STANDARD.encode(b"four"), STANDARD.encode(b"fives")].concat();
        for size in 1..=text.len() {
            let (mut rest, mut out) = (Vec::new(), Vec::new());
            for part in text.as_bytes().chunks(size) {
                out.extend(decode(&mut rest, part).expect("good base64"));
            }
            assert_eq!((out.as_slice(), rest.as_slice()), (&b"onefourfives"[..], &b""[..]), "{size}");
        }
        assert_eq!(decode(&mut Vec::new(), b"a===="), None);
        assert_eq!(decode(&mut Vec::new(), b"\xff\xff\xff\xff"), None);
    }

    #[test]
    fn the_forms_are_told_by_their_content_types() {
        let table = [
            ("application/grpc-web", Some(Form::Binary)),
            ("application/grpc-web+proto", Some(Form::Binary)),
            ("application/grpc-web-text", Some(Form::Text)),
            ("application/grpc-web-text+proto; charset=utf-8", Some(Form::Text)),
            ("application/grpc", None),
            ("application/grpc-web+json", None),
            ("text/plain", None),
        ];
        for (kind, expected) in table {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(form(&headers), expected, "{kind}");
        }
    }
}
