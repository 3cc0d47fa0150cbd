//! The body of an answer that is all there.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::connection::Undelivered;

/// See the module; counts as unread until the client took it.
pub(crate) struct Whole {
    data: Option<Bytes>,
    undelivered: Undelivered,
}

impl Whole {
    pub(crate) fn new(data: Bytes, undelivered: Undelivered) -> Self {
        Whole { data: Some(data), undelivered }
    }
}

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let data = this.data.take();
        if data.is_none() {
            this.undelivered.none();
        }
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
