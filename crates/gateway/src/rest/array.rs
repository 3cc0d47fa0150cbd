//! Answers of many messages: one JSON array, written as they are made.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use model::Status;
use tokio::time::Sleep;

use super::refusal::Refusal;
use crate::connection::Undelivered;
use crate::grpc::answer::AnswerStream;
use crate::grpc::count::Call;
use crate::grpc::frames::Frames;
use crate::grpc::{deadline, guard};
use crate::json::{self, Style};

/// Bytes that are handed to the HTTP layer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Writes elements one after the other, with what stands between them.
pub(super) struct Elements {
    /// The full name of each element's message.
    message: &'static str,
    style: Style,
    is_first: bool,
}

impl Elements {
    pub(super) fn new(message: &'static str, style: Style) -> Self {
        Elements { message, style, is_first: true }
    }

    /// A run of messages.
    pub(super) fn text(&mut self, frames: &Frames) -> Result<String, Status> {
        let mut out = String::new();
        for message in frames.messages() {
            let element = json::answer(self.message, message, self.style)?;
            self.push_one(&mut out, &element);
        }
        Ok(out)
    }

    /// Appends the refusal that ends the array.
    pub(super) fn push_refusal(&mut self, out: &mut String, refusal: &Refusal) {
        self.push_one(out, &refusal.json(self.style));
    }

    /// Appends the end.
    pub(super) fn end(&mut self, out: &mut String) {
        out.push_str(if self.is_first { "[]" } else { "]" });
    }

    fn push_one(&mut self, out: &mut String, element: &str) {
        out.push_str(match (std::mem::take(&mut self.is_first), self.style.pretty) {
            (true, _) => "[",
            (false, true) => ",\r\n",
            (false, false) => ",",
        });
        out.push_str(element);
        if self.style.pretty {
            out.push('\n');
        }
    }
}

/// The body of such an answer.
pub(super) struct Array {
    /// None once the array is closed.
    messages: Option<AnswerStream>,
    elements: Elements,
    /// What has been written and not yet asked for.
    written: Bytes,
    deadline: Pin<Box<Sleep>>,
    call: Call,
    undelivered: Undelivered,
}

impl Array {
    /// Messages to come, until `deadline`; `call` learns how it ended.
    pub(super) fn new(
        messages: AnswerStream,
        elements: Elements,
        deadline: tokio::time::Instant,
        call: Call,
        undelivered: Undelivered,
    ) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(deadline));
        let written = Bytes::new();
        Array { messages: Some(messages), elements, written, deadline, call, undelivered }
    }

    /// Writes what comes next; false when the array is closed.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(messages) = self.messages.as_mut() else { return Poll::Ready(false) };
        self.undelivered.none();
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.end(Err(deadline::exceeded()));
            return Poll::Ready(true);
        }
        let elements = &mut self.elements;
        let next = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let next = ready!(messages.as_mut().poll_next(cx));
            Poll::Ready(next.map(|frames| elements.text(&frames?)))
        }));
        match next {
            Ok(next) => match ready!(next) {
                Some(Ok(text)) => self.written = text.into(),
                Some(Err(refusal)) => self.end(Err(refusal)),
                None => self.end(Ok(())),
            },
            Err(panic) => self.end(Err(guard::report(&*panic))),
        }
        Poll::Ready(true)
    }

    fn end(&mut self, outcome: Result<(), Status>) {
        self.messages = None;
        self.call.ended(outcome.as_ref().err());
        let mut text = String::new();
        if let Err(refusal) = outcome {
            self.elements.push_refusal(&mut text, &Refusal::Status(refusal));
        }
        self.elements.end(&mut text);
        self.written = text.into();
    }

    /// The next part of what is written: the HTTP layer holds what it was given until it is sent, and
    /// only when it asks again we know.
    fn piece(&mut self) -> Bytes {
        // One run of messages is bounded, so the limit for a connection is not asked here.
        self.undelivered.set(self.written.len());
        let piece = self.written.split_to(self.written.len().min(PIECE_BYTES));
        if self.written.is_empty() {
            // An empty rest would keep the memory of the whole.
            self.written = Bytes::new();
        }
        piece
    }
}

impl http_body::Body for Array {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        while this.written.is_empty() {
            if !ready!(this.poll_write(cx)) {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.messages.is_none() && self.written.is_empty()
    }
}
