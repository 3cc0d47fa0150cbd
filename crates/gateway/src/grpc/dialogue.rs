//! A conversation over gRPC: one future reads the requests and makes the answers, driven by the HTTP
//! layer as it can send. No task of its own, so it ends with the call, however that ends.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, stream};
use http_body::Body;
use model::{Code, Status};

use super::answer::AnswerStream;
use super::frames::{Frames, Reader, Shared};
use crate::connection::{Claim, Connection};
use crate::conversation::Conversation;
use crate::stopping::Stopped;

/// Answers that are ready are sent together, up to about so many bytes.
const RUN_BYTES: usize = 32 * 1024;

/// See the module.
pub(crate) struct Dialogue<B> {
    conversation: Conversation,
    requests: Reader<B>,
    /// What the end of the requests means.
    at_end: AtEnd,
    /// False after the last request.
    reading: bool,
    connection: Arc<Connection>,
    /// True once the server stops: what is under way is finished, and nothing else begins.
    stopping: bool,
    /// How it ended, when the last answers were yet to be handed out.
    ended: Option<Result<(), Status>>,
}

/// What the end of the requests means to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// The client is done.
    HalfClose,
    /// The client cannot send more, but listens on.
    GoOn,
}

enum Event {
    Request(Result<Option<(Bytes, Claim)>, Status>),
    Answer(Result<Option<Shared>, Status>),
    Stopping,
}

impl<B> Dialogue<B>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    /// A conversation whose requests come from `body`.
    pub(crate) fn new(
        conversation: Conversation,
        body: B,
        at_end: AtEnd,
        connection: Arc<Connection>,
    ) -> Self {
        Dialogue {
            conversation,
            requests: Reader::new(body),
            at_end,
            reading: true,
            connection,
            stopping: false,
            ended: None,
        }
    }

    /// Its answers, until the server is `stopped`.
    pub(crate) fn answers(self, stopped: Stopped) -> AnswerStream {
        let state = Box::new((self, stopped));
        Box::pin(stream::try_unfold(state, |mut state| async move {
            let (dialogue, stopped) = &mut *state;
            let frames = dialogue.next(stopped).await?;
            Ok(frames.map(|frames| (frames, state)))
        }))
    }

    /// The next run of answers.
    async fn next(&mut self, stopped: &mut Stopped) -> Result<Option<Frames>, Status> {
        if let Some(ended) = self.ended.take() {
            return ended.map(|()| None);
        }
        self.connection.room().await;
        loop {
            match self.event(stopped).await {
                Event::Request(request) => self.take(request?)?,
                Event::Answer(Ok(Some(message))) => return Ok(Some(self.gather(&message))),
                Event::Answer(Ok(None)) => return self.end().map(|()| None),
                Event::Answer(Err(refusal)) => return Err(refusal),
                Event::Stopping => {
                    self.stopping = true;
                    self.reading = false;
                    self.conversation.half_close();
                }
            }
        }
    }

    async fn event(&mut self, stopped: &mut Stopped) -> Event {
        let wanted = self.reading && self.conversation.wants_requests();
        tokio::select! {
            request = self.requests.next(self.connection.memory()), if wanted => Event::Request(request),
            answer = self.conversation.shared_answer() => Event::Answer(answer),
            () = stopped.wait(), if !self.stopping => Event::Stopping,
        }
    }

    fn take(&mut self, request: Option<(Bytes, Claim)>) -> Result<(), Status> {
        match request {
            Some((message, claim)) => self.conversation.receive(claimed(message, claim)),
            None => {
                self.reading = false;
                match self.at_end {
                    AtEnd::HalfClose => self.conversation.half_close(),
                    AtEnd::GoOn => {}
                }
                Ok(())
            }
        }
    }

    /// The first answer, and those that need not be waited for.
    fn gather(&mut self, first: &Shared) -> Frames {
        let mut frames = Frames::default();
        frames.push_shared(first);
        while frames.len() < RUN_BYTES && self.ended.is_none() {
            match self.conversation.shared_answer().now_or_never() {
                Some(Ok(Some(message))) => frames.push_shared(&message),
                Some(Ok(None)) => self.ended = Some(self.end()),
                Some(Err(refusal)) => self.ended = Some(Err(refusal)),
                None => break,
            }
        }
        frames
    }

    /// How a conversation ends that has nothing more to say.
    fn end(&self) -> Result<(), Status> {
        if self.stopping {
            return Err(Status::new(Code::Unavailable, "The server is stopping."));
        }
        Ok(())
    }
}

/// A message that gives its claim on memory back when nothing of it is left.
fn claimed(message: Bytes, claim: Claim) -> Bytes {
    struct Claimed(Bytes, #[expect(dead_code, reason = "it is there to be dropped")] Claim);
    impl AsRef<[u8]> for Claimed {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Claimed(message, claim))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use database::Store;
    use futures::StreamExt;
    use host::{Host, ManualClock};
    use http_body_util::StreamBody;
    use model::principal::User;
    use model::{Fields, Principal, Timestamp};
    use service::{MissingIndex, Options, Service};
    use storage::memory::MemoryEngine;

    use super::*;
    use crate::conversation::Topic;
    use crate::stopping::Stopping;

    fn service() -> Arc<Service> {
        let host = Host::simulated(Arc::new(ManualClock::at(1_000_000)), 1);
        let engine = Arc::new(MemoryEngine::new());
        let store = Store::open(engine, host.clone(), Default::default()).expect("an empty store");
        Arc::new(Service::new(store, host, Options { missing_index: MissingIndex::Suggest }))
    }

    /// A Write stream of `principal` that sends its handshake and then nothing.
    fn handshake(stopping: &Stopping, principal: Principal) -> AnswerStream {
        let request = wire::firestore::WriteRequest {
            database: "projects/p/databases/d".to_owned(),
            ..Default::default()
        };
        let frame = http_body::Frame::data(Frames::message(&request).into_bytes());
        let sent = stream::iter([Ok::<_, Infallible>(frame)]).chain(stream::pending());
        let conversation = Conversation::open(&service(), Topic::Write, principal.into());
        let connection = Connection::local();
        let dialogue = Dialogue::new(conversation, StreamBody::new(sent), AtEnd::HalfClose, connection);
        dialogue.answers(stopping.follow())
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_that_is_silent_ends_when_the_server_does() {
        let stopping = Stopping::new();
        let mut answers = handshake(&stopping, Principal::Administrator);
        assert!(matches!(answers.next().await, Some(Ok(_))));
        let mut next = answers.next();
        tokio::time::advance(Duration::from_secs(24 * 3_600)).await;
        assert!((&mut next).now_or_never().is_none(), "there is nothing to say");
        stopping.begin();
        let end = next.await.expect("an end").err().expect("a refusal");
        assert_eq!((end.code, end.message.as_str()), (Code::Unavailable, "The server is stopping."));
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_ends_half_a_minute_after_its_callers_token() {
        // The service's clock stands at one second.
        let expires = Timestamp::from_micros(61_000_000);
        let user = User { uid: "u".to_owned(), claims: Fields::new(), project: None, expires };
        let stopping = Stopping::new();
        let mut answers = handshake(&stopping, Principal::User(Arc::new(user)));
        assert!(matches!(answers.next().await, Some(Ok(_))));
        let mut next = answers.next();
        tokio::time::advance(Duration::from_secs(89)).await;
        assert!((&mut next).now_or_never().is_none(), "it is within its time");
        tokio::time::advance(Duration::from_millis(1_001)).await;
        let end = next.await.expect("an end").err().expect("a refusal");
        assert_eq!(end.code, Code::Unauthenticated);
    }
}
