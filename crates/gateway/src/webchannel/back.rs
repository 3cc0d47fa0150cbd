//! The back channel: a GET whose answer brings arrays.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::Instant;

use super::outbox::Batch;
use super::parse::Style;
use super::session::Session;
use super::state::{Read, ReaderId};
use crate::connection::Undelivered;

/// How often an answer gives a sign of life: the client is told thirty seconds, and gives up after half
/// as much again.
const NOOP: Duration = Duration::from_secs(25);
/// How long one answer streams. The browser keeps all of its text until it ends, and some proxies cut
/// what lasts for long.
const STREAMING: Duration = Duration::from_secs(4 * 60);

/// Bytes of one chunk, after which the next one begins; an array is never cut. The one chunk of a poll is
/// larger, since each costs a request.
const CHUNK_BYTES: usize = 128 * 1024;
const POLL_BYTES: usize = 2 * 1024 * 1024;

/// The answer to one GET.
struct Back {
    session: Arc<Session>,
    id: ReaderId,
    /// The last array that was sent, or that the client had before.
    sent: u64,
    style: Style,
    /// When the answer ends by itself.
    ends: Instant,
    /// True until there was something.
    first: bool,
    over: bool,
    undelivered: Undelivered,
}

/// The chunks of an answer for a client that has the arrays up to `has`.
pub(super) fn chunks(
    session: Arc<Session>,
    has: u64,
    style: Style,
    undelivered: Undelivered,
) -> impl Stream<Item = Bytes> + Send {
    let lasts = match style {
        Style::Stream => STREAMING,
        Style::Poll { millis } => millis.map_or(NOOP, |millis| Duration::from_millis(millis).min(NOOP)),
    };
    let id = session.attach(has);
    let ends = Instant::now() + lasts;
    let back = Back { session, id, sent: has, style, ends, first: true, over: false, undelivered };
    futures::stream::unfold(back, |mut back| async move {
        back.undelivered.none();
        let chunk = back.next().await?;
        back.undelivered.set(chunk.len());
        Some((chunk, back))
    })
}

impl Back {
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        // A client that streams measures how soon the first byte comes, to find proxies that hold
        // bytes back.
        let mut must_send = self.first && self.style == Style::Stream;
        self.first = false;
        let wakes = (Instant::now() + NOOP).min(self.ends);
        let enough = match self.style {
            Style::Stream => CHUNK_BYTES,
            Style::Poll { .. } => POLL_BYTES,
        };
        let session = self.session.clone();
        loop {
            let arrays = session.arrays();
            let read = match must_send {
                true => session.read_or_noop(self.id, self.sent, enough),
                false => session.read(self.id, self.sent, enough),
            };
            match read {
                Read::Over => return None,
                Read::Last(batch) => {
                    self.over = true;
                    return Some(self.send(batch));
                }
                Read::Arrays(batch) => return Some(self.send(batch)),
                Read::Nothing => {}
            }
            tokio::select! {
                () = arrays => {}
                () = tokio::time::sleep_until(wakes) => must_send = true,
            }
        }
    }

    fn send(&mut self, batch: Batch) -> Bytes {
        self.sent = batch.last;
        self.over |= match self.style {
            Style::Stream => Instant::now() >= self.ends,
            Style::Poll { .. } => true,
        };
        batch.chunk
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        self.session.detach(self.id);
    }
}
