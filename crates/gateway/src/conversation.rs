//! Calls whose both sides are streams of messages, whatever wire carries them: gRPC, gRPC-Web or
//! WebChannel.
//!
//! ```text
//!   driver (a wire) ── receive(request) ──►  Conversation ──►  service
//!                   ◄── answer() ──────────      (nothing runs here by itself:
//!                                                 the driver polls, or nothing moves)
//! ```
//! A driver waits for the next request and for `answer` at once, and drops the loser: `answer` keeps
//! work under way inside, so nothing is lost. Who does not poll `answer` holds nothing back but itself.

use std::sync::Arc;

use bytes::Bytes;
use model::{DatabaseName, Principal, Status};
use prost::Message;
use service::Service;
use wire::firestore::listen_request::TargetChange;
use wire::firestore::{ListenRequest, WriteRequest};
use wire::methods::Method;

use crate::firestore::listen::Listening;
use crate::firestore::write::Writing;
use crate::from_proto::{target, write};
use crate::grpc::frames::Shared;

/// The conversation of one call. Dropped, it is over, and what it held is free.
pub(crate) enum Conversation {
    Listen(Listening),
    Write(Writing),
}

/// The methods that are conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Listen,
    Write,
}

impl Topic {
    /// The topic of `method`; None for calls of one request.
    pub(crate) fn of(method: Method) -> Option<Topic> {
        [Topic::Listen, Topic::Write].into_iter().find(|topic| topic.method() == method)
    }

    /// The method that this is.
    pub(crate) fn method(self) -> Method {
        match self {
            Topic::Listen => Method::Listen,
            Topic::Write => Method::Write,
        }
    }
}

impl Conversation {
    /// A conversation that waits for its first request, which names the database.
    pub(crate) fn open(service: &Arc<Service>, topic: Topic, principal: Principal) -> Self {
        match topic {
            Topic::Listen => Conversation::Listen(Listening::new(service.clone(), principal)),
            Topic::Write => Conversation::Write(Writing::new(service.clone(), principal)),
        }
    }

    /// Takes the next request: the bytes of a `ListenRequest` or `WriteRequest`. Quick: what takes time
    /// happens in `answer`. An error ends the conversation with that status.
    pub(crate) fn receive(&mut self, message: Bytes) -> Result<(), Status> {
        match self {
            Conversation::Listen(listening) => listening.receive(&message),
            Conversation::Write(writing) => {
                writing.receive(message);
                Ok(())
            }
        }
    }

    /// No request will follow: Listen ends, Write ends after what is queued.
    pub(crate) fn half_close(&mut self) {
        match self {
            Conversation::Listen(listening) => listening.half_close(),
            Conversation::Write(writing) => writing.half_close(),
        }
    }

    /// The next message, a `ListenResponse` or `WriteResponse`; None when the conversation ended well.
    /// After None or an error there is nothing more to ask. Cancel-safe.
    pub(crate) async fn answer(&mut self) -> Result<Option<Bytes>, Status> {
        Ok(self.shared_answer().await?.map(Shared::into_bytes))
    }

    /// As [`Conversation::answer`], without copies of what other conversations say as well.
    pub(crate) async fn shared_answer(&mut self) -> Result<Option<Shared>, Status> {
        match self {
            Conversation::Listen(listening) => listening.answer().await,
            Conversation::Write(writing) => writing.answer().await,
        }
    }

    /// False while so much is queued that no further request should be read.
    pub(crate) fn wants_requests(&self) -> bool {
        match self {
            Conversation::Listen(_) => true,
            Conversation::Write(writing) => writing.wants_requests(),
        }
    }
}

/// A later request may name the database again, but no other.
pub(crate) fn check_same_database(expected: &DatabaseName, named: &str) -> Result<(), Status> {
    if named.is_empty() || DatabaseName::parse(named)? == *expected {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "Request specified a database ({named}) that did not match the expected database ({expected})"
    )))
}

/// For fuzzers: reads any bytes as the requests of conversations.
pub fn read_hostile(input: &[u8]) {
    let database = DatabaseName::new("p", "d");
    if let Ok(ListenRequest { target_change: Some(TargetChange::AddTarget(added)), .. }) =
        ListenRequest::decode(input)
    {
        drop(target::target(&database, added));
    }
    if let Ok(request) = WriteRequest::decode(input) {
        // Refusals are as good as writes: only a panic would be wrong.
        drop(check_same_database(&database, &request.database));
        request.writes.into_iter().for_each(|one| drop(write::write(&database, one)));
    }
}
