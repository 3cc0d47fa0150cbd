//! gRPC's framing: each message behind five bytes, a flag for compression and its length.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use model::limits::MAX_REQUEST_BYTES;
use model::{Code, Status};
use tokio::time::Instant;

use super::deadline;
use crate::connection::{Claim, Connection, Memory};

const HEAD_BYTES: usize = 5;
/// Buffer that a message begins with; it grows as bytes arrive, never by what the head claims.
const FIRST_BUFFER_BYTES: usize = 64 * 1024;
/// A shared part of a message is copied up to this length; a longer one is worth a part of its own.
const COPIED_BYTES: usize = 8 * 1024;
/// Room that an answer begins with: most documents and entities are no longer.
const FIRST_BYTES: usize = 512;
/// A message that has begun must have arrived after this time.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(30);

/// Reads the messages of a request, one after the other.
pub(crate) struct Reader<B> {
    body: B,
    /// Received, and not yet looked at.
    received: Bytes,
    partial: Option<Partial>,
}

/// A message of which a part is missing.
struct Partial {
    length: usize,
    buffer: BytesMut,
    claim: Claim,
    /// When the rest must have arrived: what is claimed for it is kept from others.
    due: Instant,
}

/// Reads the one message of a request; the claim on memory is to be kept as long as the message.
/// Errors are the client's: a message that is too large, cut short, compressed or late.
pub(crate) async fn read_message<B>(
    body: B,
    memory: &Memory,
    arrival: Instant,
) -> Result<(Bytes, Claim), Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut reader = Reader::new(body);
    match tokio::time::timeout_at(arrival, reader.next(memory)).await {
        Ok(outcome) => outcome?.ok_or_else(cut_short),
        Err(_) => Err(deadline::exceeded()),
    }
}

impl<B> Reader<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    pub(crate) fn new(body: B) -> Self {
        Reader { body, received: Bytes::new(), partial: None }
    }

    /// The next message and the claim on memory for it; None after the last. Cancel-safe. Errors as
    /// for [`read_message`].
    pub(crate) async fn next(&mut self, memory: &Memory) -> Result<Option<(Bytes, Claim)>, Status> {
        while self.partial.is_none() {
            if let Some(length) = head(&self.received)? {
                let claim = memory.claim(length).await;
                self.received.advance(HEAD_BYTES);
                if self.received.len() >= length {
                    return Ok(Some((self.take(length), claim)));
                }
                let buffer = BytesMut::with_capacity(length.min(FIRST_BUFFER_BYTES));
                let due = Instant::now() + ARRIVAL;
                self.partial = Some(Partial { length, buffer, claim, due });
                break;
            }
            match next_data(&mut self.body).await? {
                Some(data) => self.received = joined(std::mem::take(&mut self.received), data),
                None if self.received.is_empty() => return Ok(None),
                None => return Err(cut_short()),
            }
        }
        self.rest().await.map(Some)
    }

    /// The rest of a message that has begun.
    async fn rest(&mut self) -> Result<(Bytes, Claim), Status> {
        loop {
            let partial = self.partial.as_mut().expect("a message has begun");
            let missing = partial.length - partial.buffer.len();
            let part = self.received.len().min(missing);
            partial.buffer.extend_from_slice(&self.received[..part]);
            self.received.advance(part);
            if part == missing {
                let Partial { buffer, claim, .. } = self.partial.take().expect("it was there above");
                self.received = rested(std::mem::take(&mut self.received));
                return Ok((buffer.freeze(), claim));
            }
            let next = tokio::time::timeout_at(partial.due, next_data(&mut self.body));
            let data = next.await.map_err(|_| deadline::exceeded())??;
            self.received = data.ok_or_else(cut_short)?;
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        let message = self.received.split_to(length);
        self.received = rested(std::mem::take(&mut self.received));
        message
    }
}

/// What is left, without holding on to the memory of what was before it.
fn rested(left: Bytes) -> Bytes {
    if left.is_empty() { Bytes::new() } else { left }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() { second } else { [first, second].concat().into() }
}

fn cut_short() -> Status {
    Status::invalid_argument("The request's message is missing or cut short.")
}

/// The length of the message that follows, once its head is there.
fn head(mut bytes: &[u8]) -> Result<Option<usize>, Status> {
    if bytes.len() < HEAD_BYTES {
        return Ok(None);
    }
    match bytes.get_u8() {
        0 => {}
        1 => return Err(Status::new(Code::Unimplemented, "Compressed messages are not supported.")),
        flag => {
            return Err(Status::invalid_argument(format!(
                "The message has the unknown compression flag {flag}."
            )));
        }
    }
    let length = bytes.get_u32() as usize;
    if length > MAX_REQUEST_BYTES {
        let text = format!("Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.");
        return Err(Status::invalid_argument(text));
    }
    Ok(Some(length))
}

/// The next bytes of the body; None when it has no more.
async fn next_data<B>(body: &mut B) -> Result<Option<Bytes>, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Status::new(Code::Cancelled, "The request ended before its message did."))?;
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => return Ok(Some(data)),
            Err(_trailers) => break,
        }
    }
    Ok(None)
}

/// Messages of an answer, each in its frame.
#[derive(Default)]
pub(crate) struct Frames {
    /// What comes before `last`: bytes of our own, and bytes that other answers share.
    parts: Vec<Bytes>,
    last: Vec<u8>,
}

impl Frames {
    /// One message, which `write` appends to the bytes it is given.
    pub(crate) fn one(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut frames = Frames { last: Vec::with_capacity(FIRST_BYTES), ..Frames::default() };
        frames.push(write);
        frames
    }

    /// One generated message.
    pub(crate) fn message(message: &impl prost::Message) -> Self {
        Self::one(|out| crate::splice::push_message(out, message))
    }

    /// One more message.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.last.len();
        self.last.extend_from_slice(&[0; HEAD_BYTES]);
        write(&mut self.last);
        let length = self.last.len() - start - HEAD_BYTES;
        self.last[start + 1..start + HEAD_BYTES].copy_from_slice(&length_bytes(length));
    }

    /// One more message, whose middle is not copied when it is long.
    pub(crate) fn push_shared(&mut self, message: &Shared) {
        self.last.push(0);
        self.last.extend_from_slice(&length_bytes(message.len()));
        self.last.extend_from_slice(&message.head);
        if message.middle.len() < COPIED_BYTES {
            self.last.extend_from_slice(&message.middle);
        } else {
            self.parts.push(std::mem::take(&mut self.last).into());
            self.parts.push(message.middle.clone());
        }
        self.last.extend_from_slice(&message.tail);
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum::<usize>() + self.last.len()
    }

    /// The messages, without their frames, of an answer to a call of one request: it shares nothing.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        assert!(self.parts.is_empty(), "only conversations share bytes");
        let mut rest = &self.last[..];
        std::iter::from_fn(move || {
            let (head, behind) = rest.split_first_chunk::<HEAD_BYTES>()?;
            let [_, length @ ..] = *head;
            let (message, behind) = behind.split_at(u32::from_be_bytes(length) as usize);
            rest = behind;
            Some(message)
        })
    }

    /// The bytes for the wire.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.parts.is_empty() {
            return self.last.into();
        }
        let parts: Vec<Bytes> = self.into_parts().collect();
        parts.concat().into()
    }

    /// The bytes for the wire, in parts.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Bytes> {
        let last = Some(Bytes::from(self.last)).filter(|last| !last.is_empty());
        self.parts.into_iter().chain(last)
    }
}

fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("answers are cut into messages far below 4 GiB").to_be_bytes()
}

/// A message whose middle is the same in the answers to many clients: a document that has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shared {
    pub(crate) head: Vec<u8>,
    pub(crate) middle: Bytes,
    pub(crate) tail: Vec<u8>,
}

impl Shared {
    /// A message of which nothing is shared.
    pub(crate) fn whole(message: Vec<u8>) -> Self {
        Shared { head: message, middle: Bytes::new(), tail: Vec::new() }
    }

    fn len(&self) -> usize {
        self.head.len() + self.middle.len() + self.tail.len()
    }

    /// The message in one piece.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.middle.is_empty() && self.tail.is_empty() {
            return self.head.into();
        }
        [&self.head[..], &self.middle, &self.tail].concat().into()
    }
}

/// For fuzzers: reads any bytes as the messages of a request. In pieces, whose size the first byte
/// says, they are the same as in one.
///
/// # Panics
/// When that is not so.
pub fn read_hostile(input: &[u8]) {
    let Some((size, input)) = input.split_first() else { return };
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let whole = clock.block_on(read_all(input, input.len().max(1)));
    let pieces = clock.block_on(read_all(input, usize::from(*size).max(1)));
    assert_eq!(whole, pieces);
}

/// The messages of a body that arrives in pieces of `size`, and how it ended.
async fn read_all(input: &[u8], size: usize) -> (Vec<Bytes>, Result<(), Status>) {
    let pieces =
        input.chunks(size).map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
    let mut reader = Reader::new(StreamBody::new(futures::stream::iter(pieces.collect::<Vec<_>>())));
    let connection = Connection::new(&Memory::whole(), std::net::Ipv4Addr::LOCALHOST.into());
    let mut messages = Vec::new();
    loop {
        match reader.next(connection.memory()).await {
            Ok(Some((message, _claim))) => messages.push(message),
            Ok(None) => return (messages, Ok(())),
            Err(refusal) => return (messages, Err(refusal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn read_all(bytes: &[u8]) -> Result<Bytes, Status> {
        let body = Full::new(Bytes::copy_from_slice(bytes));
        read_message(body, &Memory::new(), Instant::now() + Duration::from_secs(5)).await.map(|read| read.0)
    }

    #[tokio::test]
    async fn broken_frames_are_the_clients_fault() {
        let too_long = [&[0][..], &(MAX_REQUEST_BYTES as u32 + 1).to_be_bytes()].concat();
        let table: [(&[u8], Code, &str); 7] = [
            (b"", Code::InvalidArgument, "The request's message is missing or cut short."),
            (&[0, 0, 0], Code::InvalidArgument, "The request's message is missing or cut short."),
            (&[0, 0, 0, 0, 2, 7], Code::InvalidArgument, "The request's message is missing or cut short."),
            (&[1, 0, 0, 0, 0], Code::Unimplemented, "Compressed messages are not supported."),
            (&[9, 0, 0, 0, 0], Code::InvalidArgument, "The message has the unknown compression flag 9."),
            (&too_long, Code::InvalidArgument, "Request payload size exceeds the limit: 10485760 bytes."),
            (
                &[0, 0xff, 0xff, 0xff, 0xff],
                Code::InvalidArgument,
                "Request payload size exceeds the limit: 10485760 bytes.",
            ),
        ];
        for (bytes, code, message) in table {
            assert_eq!(read_all(bytes).await, Err(Status::new(code, message)), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_message_may_arrive_byte_by_byte() {
        let frames = Frames::one(|out| out.extend_from_slice(b"hello")).into_bytes();
        let pieces: Vec<_> = frames
            .iter()
            .map(|byte| Ok::<_, Infallible>(http_body::Frame::data(Bytes::copy_from_slice(&[*byte]))))
            .collect();
        let body = StreamBody::new(futures::stream::iter(pieces));
        let message = read_message(body, &Memory::new(), Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(message.expect("read").0, "hello");
    }

    #[test]
    fn a_long_middle_is_shared_and_a_short_one_copied() {
        let shared = |length| Shared {
            head: b"head".to_vec(),
            middle: vec![b'm'; length].into(),
            tail: b"tail".to_vec(),
        };
        let mut frames = Frames::one(|out| out.extend_from_slice(b"first"));
        let (short, long) = (shared(COPIED_BYTES - 1), shared(COPIED_BYTES));
        frames.push_shared(&short);
        frames.push_shared(&long);
        frames.push(|out| out.extend_from_slice(b"last"));
        let mut expected = Frames::one(|out| out.extend_from_slice(b"first"));
        for message in [short.into_bytes(), long.clone().into_bytes(), Bytes::from_static(b"last")] {
            expected.push(|out| out.extend_from_slice(&message));
        }
        let length = frames.len();
        let parts: Vec<_> = frames.into_parts().collect();
        assert_eq!(parts[1].as_ptr(), long.middle.as_ptr());
        assert_eq!((parts.concat().len(), Bytes::from(parts.concat())), (length, expected.into_bytes()));
    }

    #[tokio::test]
    async fn a_message_that_never_arrives_is_given_up() {
        let body = StreamBody::new(futures::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
        let message = read_message(body, &Memory::new(), Instant::now() + Duration::from_millis(1)).await;
        assert_eq!(message.err().map(|late| late.code), Some(Code::DeadlineExceeded));
    }
}
