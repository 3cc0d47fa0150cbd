//! What a handler answers.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use model::Status;

use super::frames::Frames;

/// The messages of an answer: all at once, or as the client takes them.
pub(crate) enum Answer {
    Whole(Frames),
    Streaming(AnswerStream),
}

/// Runs of messages; ends after its first error.
pub(crate) type AnswerStream = Pin<Box<dyn Stream<Item = Result<Frames, Status>> + Send>>;

impl Answer {
    /// The first messages, and those to come.
    pub(crate) fn streaming(
        first: Frames,
        rest: impl Stream<Item = Result<Frames, Status>> + Send + 'static,
    ) -> Self {
        let first = futures::stream::iter([Ok(first)]);
        Answer::Streaming(Box::pin(first.chain(rest)))
    }
}
