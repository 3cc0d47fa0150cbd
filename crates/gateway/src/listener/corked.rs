//! One system call for all that one turn of a connection writes.
//!
//! HTTP/2 hands its frames over one by one, and a longer DATA frame apart from the HEADERS before it and
//! the trailers after it: two packets and two system calls for each small answer, which cost both sides
//! more than the answer itself. Here writes collect in a buffer, a flush changes nothing, and whoever
//! drives the connection uncorks it when a turn is over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that wait for the end of a turn. Beyond, the stream takes them at once, as far as it can.
const BUFFER: usize = 64 * 1024;
/// A buffer that has grown beyond this is given back when it is empty: idle connections hold nothing.
const KEPT: usize = 4 * 1024;

/// A stream whose writes wait for [`Corked::poll_uncork`]. Clones share the stream.
pub(super) struct Corked<S>(Arc<Mutex<Shared<S>>>);

struct Shared<S> {
    stream: S,
    out: BytesMut,
    /// The stream has taken bytes and may keep some, as TLS does: a flush is owed.
    unflushed: bool,
}

impl<S> Clone for Corked<S> {
    fn clone(&self) -> Self {
        Corked(self.0.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Corked<S> {
    pub(super) fn new(stream: S) -> Self {
        Corked(Arc::new(Mutex::new(Shared { stream, out: BytesMut::new(), unflushed: false })))
    }

    /// Writes what has collected. Pending while the stream does not take it all.
    pub(super) fn poll_uncork(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_uncork(cx)
    }

    fn lock(&self) -> MutexGuard<'_, Shared<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    fn poll_uncork(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            self.unflushed = true;
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        if self.out.capacity() > KEPT {
            self.out = BytesMut::new();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Makes room for at least one more byte.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.len() < BUFFER { Poll::Ready(Ok(())) } else { self.poll_uncork(cx) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut shared = self.lock();
        ready!(shared.poll_room(cx))?;
        let room = BUFFER - shared.out.len();
        let mut taken = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(room - taken)];
            shared.out.extend_from_slice(part);
            taken += part.len();
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.lock();
        ready!(shared.poll_uncork(cx))?;
        Pin::new(&mut shared.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn writes_wait_for_the_end_of_the_turn_and_keep_their_order() {
        let (ours, mut theirs) = duplex(BUFFER);
        let corked = Corked::new(ours);
        let mut writer = corked.clone();
        writer.write_all(b"head").await.expect("written");
        let slices = [IoSlice::new(b"er, "), IoSlice::new(b"body")];
        assert_eq!(writer.write_vectored(&slices).await.expect("written"), 8);
        writer.flush().await.expect("flushed");
        let mut received = [0; 12];
        assert!(theirs.read(&mut received).now_or_never().is_none(), "nothing before the turn is over");
        poll_fn(|cx| corked.poll_uncork(cx)).await.expect("written");
        theirs.read_exact(&mut received).await.expect("received");
        assert_eq!(&received, b"header, body");
    }

    /// Takes bytes at once and passes them on with a flush alone, which comes to its end at the second try.
    #[derive(Default)]
    struct Keeping {
        kept: Vec<u8>,
        passed: Vec<u8>,
        asked: bool,
    }

    impl AsyncRead for Keeping {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Keeping {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.kept.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if !std::mem::replace(&mut self.asked, true) {
                return Poll::Pending;
            }
            let kept = std::mem::take(&mut self.kept);
            self.passed.extend(kept);
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }
    }

    #[tokio::test]
    async fn what_the_stream_keeps_is_flushed_in_a_later_turn_though_nothing_more_is_written() {
        let corked = Corked::new(Keeping::default());
        corked.clone().write_all(b"an answer").await.expect("written");
        let turn = || poll_fn(|cx| corked.poll_uncork(cx)).now_or_never();
        assert!(turn().is_none(), "the flush is under way");
        turn().expect("the turn is over").expect("flushed");
        assert_eq!(corked.lock().stream.passed, b"an answer");
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_holds_the_writer_back() {
        let (ours, mut theirs) = duplex(1_000);
        let mut writer = Corked::new(ours);
        let all: Vec<u8> = (0..3 * BUFFER).map(|at| at as u8).collect();
        let expected = all.clone();
        let writing = async move {
            writer.write_all(&all).await.expect("written");
            writer.shutdown().await.expect("shut down");
        };
        let mut writing = Box::pin(writing);
        assert!(writing.as_mut().now_or_never().is_none(), "more than the buffer");
        let mut received = Vec::new();
        let reading = theirs.read_to_end(&mut received);
        let ((), read) = tokio::join!(writing, reading);
        read.expect("read");
        assert!(received == expected, "the bytes came in order");
    }
}
