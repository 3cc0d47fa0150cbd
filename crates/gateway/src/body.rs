//! The bodies of all answers, on whatever wire.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use model::Status;
use tokio::time::Sleep;

use crate::connection::Undelivered;
use crate::grpc::answer::AnswerStream;
use crate::grpc::count::Call;
use crate::grpc::{deadline, guard, status};
use crate::grpc_web::WebBody;

/// Bytes that are handed to the HTTP layer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A body that the HTTP layer polls when the client can take more.
pub(crate) enum Body {
    /// Bytes, and that is all.
    Plain(Option<Bytes>),
    /// The messages of a gRPC answer and its trailers.
    Whole(Whole),
    /// The messages of a gRPC answer as they are made.
    Streaming(Box<Streaming>),
    /// A gRPC answer as browsers can read it.
    Web(Box<WebBody>),
    /// What another gRPC service answers: health and reflection.
    Foreign(tonic::body::Body),
}

/// See [`Body::Whole`].
pub(crate) struct Whole {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    undelivered: Undelivered,
}

/// See [`Body::Streaming`].
pub(crate) struct Streaming {
    /// None once the stream ended and the trailers are sent.
    messages: Option<AnswerStream>,
    /// What has been made and not yet asked for.
    made: VecDeque<Bytes>,
    deadline: Pin<Box<Sleep>>,
    call: Call,
    undelivered: Undelivered,
}

impl Body {
    /// Bytes.
    pub(crate) fn plain(bytes: impl Into<Bytes>) -> Self {
        Body::Plain(Some(bytes.into()))
    }

    /// Messages that are all there.
    pub(crate) fn whole(data: Bytes, undelivered: Undelivered) -> Self {
        Body::Whole(Whole { data: Some(data), trailers: Some(status::ok()), undelivered })
    }

    /// Messages to come, until `deadline`; `call` learns how it ended.
    pub(crate) fn streaming(
        messages: AnswerStream,
        deadline: tokio::time::Instant,
        call: Call,
        undelivered: Undelivered,
    ) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(deadline));
        let made = VecDeque::new();
        Body::Streaming(Box::new(Streaming { messages: Some(messages), made, deadline, call, undelivered }))
    }
}

impl Whole {
    fn next(&mut self) -> Option<Frame<Bytes>> {
        if let Some(data) = self.data.take() {
            return Some(Frame::data(data));
        }
        self.undelivered.none();
        self.trailers.take().map(Frame::trailers)
    }
}

impl Streaming {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if let Some(piece) = self.piece() {
            return Poll::Ready(Some(piece));
        }
        let Some(messages) = self.messages.as_mut() else { return Poll::Ready(None) };
        self.undelivered.none();
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(self.end(Err(deadline::exceeded()))));
        }
        let next = std::panic::catch_unwind(AssertUnwindSafe(|| messages.as_mut().poll_next(cx)));
        let outcome = match next {
            Ok(next) => ready!(next),
            Err(panic) => Some(Err(guard::report(&*panic))),
        };
        Poll::Ready(Some(match outcome {
            Some(Ok(frames)) => {
                // One run of messages is bounded, so the limit for a connection is not asked here.
                self.made.extend(frames.into_parts());
                self.piece().unwrap_or_else(|| Frame::data(Bytes::new()))
            }
            Some(Err(status)) => self.end(Err(status)),
            None => self.end(Ok(())),
        }))
    }

    /// The next piece of what has been made: the HTTP layer holds what it was given until it is sent,
    /// and only when it asks again we know.
    fn piece(&mut self) -> Option<Frame<Bytes>> {
        let part = self.made.front_mut()?;
        let piece = part.split_to(part.len().min(PIECE_BYTES));
        if part.is_empty() {
            self.made.pop_front();
        }
        self.undelivered.set(piece.len() + self.made.iter().map(Bytes::len).sum::<usize>());
        Some(Frame::data(piece))
    }

    fn end(&mut self, outcome: Result<(), Status>) -> Frame<Bytes> {
        self.messages = None;
        self.call.ended(outcome.as_ref().err());
        Frame::trailers(match &outcome {
            Ok(()) => status::ok(),
            Err(refusal) => status::trailers(refusal),
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        match self.get_mut() {
            Body::Plain(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Whole(whole) => Poll::Ready(whole.next().map(Ok)),
            Body::Streaming(streaming) => streaming.poll_next(cx).map(|frame| frame.map(Ok)),
            Body::Web(body) => body.poll_next(cx),
            Body::Foreign(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Plain(bytes) => bytes.is_none(),
            Body::Whole(whole) => whole.trailers.is_none(),
            Body::Streaming(streaming) => streaming.messages.is_none(),
            Body::Web(body) => body.is_over(),
            Body::Foreign(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Plain(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Whole(_) | Body::Streaming(_) | Body::Web(_) => SizeHint::default(),
            Body::Foreign(body) => body.size_hint(),
        }
    }
}
