//! The bodies of all answers, on whatever wire.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use model::{Code, Status};
use tokio::time::{Instant, Sleep};

use crate::connection::Undelivered;
use crate::grpc::answer::AnswerStream;
use crate::grpc::count::Call;
use crate::grpc::{deadline, guard, status};
use crate::grpc_web::WebBody;

/// Bytes that are handed to the HTTP layer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A conversation whose client has taken nothing for so long, though there was something, ends.
const STALLED: Duration = Duration::from_secs(60);

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
    /// In a conversation, when the last piece was handed out. The HTTP layer asks for the next one as
    /// soon as it could send a part of that.
    handed: Option<Instant>,
    is_conversation: bool,
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
        deadline: Instant,
        call: Call,
        undelivered: Undelivered,
    ) -> Self {
        Body::Streaming(Box::new(Streaming {
            messages: Some(messages),
            made: VecDeque::new(),
            handed: None,
            is_conversation: false,
            deadline: Box::pin(tokio::time::sleep_until(deadline)),
            call,
            undelivered,
        }))
    }

    /// As [`Body::streaming`], for a client that may be gone for good when it takes nothing.
    pub(crate) fn conversation(
        messages: AnswerStream,
        deadline: Instant,
        call: Call,
        undelivered: Undelivered,
    ) -> Self {
        let mut body = Self::streaming(messages, deadline, call, undelivered);
        if let Body::Streaming(streaming) = &mut body {
            streaming.is_conversation = true;
        }
        body
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
        if self.handed.take().is_some_and(|handed| handed.elapsed() >= STALLED) {
            return Poll::Ready(Some(self.end(Err(stalled()))));
        }
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
        self.handed = self.is_conversation.then(Instant::now);
        Some(Frame::data(piece))
    }

    fn end(&mut self, outcome: Result<(), Status>) -> Frame<Bytes> {
        self.messages = None;
        self.made = VecDeque::new();
        self.call.ended(outcome.as_ref().err());
        Frame::trailers(match &outcome {
            Ok(()) => status::ok(),
            Err(refusal) => status::trailers(refusal),
        })
    }
}

fn stalled() -> Status {
    let seconds = STALLED.as_secs();
    let text = format!("The client took nothing for {seconds} seconds. Begin again from the last answer.");
    Status::new(Code::Unavailable, text)
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

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use http_body_util::BodyExt;
    use wire::methods::Method;

    use super::*;
    use crate::Counts;
    use crate::connection::Connection;
    use crate::grpc::frames::Frames;

    type Make = fn(AnswerStream, Instant, Call, Undelivered) -> Body;

    /// A body with one long message, and then nothing more to say.
    fn body(make: Make) -> Body {
        let frames = Frames::one(|out| out.resize(3 * PIECE_BYTES, 0));
        let messages = stream::iter([Ok(frames)]).chain(stream::pending());
        let connection = Connection::local();
        let call = Call::of(Method::Listen, &Counts::new());
        make(Box::pin(messages), Instant::now() + STALLED * 10, call, connection.undelivered())
    }

    /// Takes pieces, each so long after the one before; answers how many there were, and the end.
    async fn taken(make: Make, pause: Duration) -> (usize, HeaderMap) {
        let mut body = body(make);
        for pieces in 0.. {
            let frame = body.frame().await.expect("a frame").expect("no fault");
            match frame.into_trailers() {
                Ok(trailers) => return (pieces, trailers),
                Err(_data) => tokio::time::advance(pause).await,
            }
        }
        unreachable!("the body ends")
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_ends_when_nothing_is_taken() {
        let unavailable = (tonic::Code::Unavailable as i32).to_string();
        let exceeded = (tonic::Code::DeadlineExceeded as i32).to_string();
        let second = Duration::from_secs(1);
        let table: [(Make, Duration, usize, &str); 3] = [
            (Body::conversation, STALLED, 1, &unavailable),
            (Body::conversation, STALLED - second, 3, &exceeded),
            (Body::streaming, STALLED, 3, &exceeded),
        ];
        for (make, pause, pieces, code) in table {
            let (taken, trailers) = taken(make, pause).await;
            assert_eq!((taken, trailers["grpc-status"].to_str().expect("text")), (pieces, code), "{pause:?}");
        }
    }
}
