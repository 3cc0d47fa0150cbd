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

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{DatabaseName, Principal, Status};
use prost::Message;
use service::Service;
use tokio::time::Instant;
use wire::firestore::listen_request::TargetChange;
use wire::firestore::{ListenRequest, WriteRequest};
use wire::methods::Method;

use crate::admission::Caller;
use crate::audit::Record;
use crate::firestore::listen::Listening;
use crate::firestore::write::Writing;
use crate::from_proto::{target, write};
use crate::grpc::frames::Shared;
use crate::quotas::Share;

/// How long a conversation goes on after its caller's token stopped being good (FIRESTORE.md 6.1). The official
/// clients then begin another, with a new token.
const LEEWAY: Duration = Duration::from_secs(30);
/// Longer than any conversation; it only keeps sums of times in range.
const NEVER: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The conversation of one call. Dropped, it is over, and what it held is free.
pub(crate) struct Conversation {
    kind: Kind,
    /// What it takes of its caller's quotas.
    share: Option<Arc<Share>>,
    record: Option<Record>,
    /// Done when its caller must prove again who he is; None when he need not.
    unproved: Option<Unproved>,
}

type Unproved = Pin<Box<dyn Future<Output = ()> + Send>>;

enum Kind {
    Listen(Listening),
    Write(Writing),
    /// It is over before it began.
    Refused(Status),
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
    pub(crate) fn open(service: &Arc<Service>, topic: Topic, caller: Caller) -> Self {
        let Caller { principal, share, record } = caller;
        let unproved = unproved(service, &principal);
        let kind = match topic {
            Topic::Listen => Kind::Listen(Listening::new(service.clone(), principal)),
            Topic::Write => Kind::Write(Writing::new(service.clone(), principal)),
        };
        Conversation { kind, share, record, unproved }
    }

    /// A conversation that tells a refusal, for wires that have no other way to.
    pub(crate) fn refused(refusal: Status) -> Self {
        Conversation { kind: Kind::Refused(refusal), share: None, record: None, unproved: None }
    }

    /// Takes the next request: the bytes of a `ListenRequest` or `WriteRequest`. Quick: what takes time
    /// happens in `answer`. An error ends the conversation with that status.
    pub(crate) fn receive(&mut self, message: Bytes) -> Result<(), Status> {
        if let Some(record) = self.record.as_mut().filter(|record| !record.is_placed()) {
            record.about(&message);
        }
        if let Some(share) = &self.share {
            share.request()?;
        }
        let received = match &mut self.kind {
            Kind::Listen(listening) => listening.receive(&message),
            Kind::Write(writing) => {
                writing.receive(message);
                Ok(())
            }
            Kind::Refused(_) => Ok(()),
        };
        received.inspect_err(|refusal| self.note(refusal))
    }

    /// No request will follow: Listen ends, Write ends after what is queued.
    pub(crate) fn half_close(&mut self) {
        match &mut self.kind {
            Kind::Listen(listening) => listening.half_close(),
            Kind::Write(writing) => writing.half_close(),
            Kind::Refused(_) => {}
        }
    }

    /// The next message, a `ListenResponse` or `WriteResponse`; None when the conversation ended well.
    /// After None or an error there is nothing more to ask. Cancel-safe.
    pub(crate) async fn answer(&mut self) -> Result<Option<Bytes>, Status> {
        Ok(self.shared_answer().await?.map(Shared::into_bytes))
    }

    /// As [`Conversation::answer`], without copies of what other conversations say as well.
    pub(crate) async fn shared_answer(&mut self) -> Result<Option<Shared>, Status> {
        let (kind, record) = (&mut self.kind, self.record.as_ref());
        let next = async {
            match kind {
                Kind::Listen(listening) => listening.answer(record).await,
                Kind::Write(writing) => writing.answer().await,
                Kind::Refused(refusal) => Err(refusal.clone()),
            }
        };
        let answer = match &mut self.unproved {
            None => next.await,
            Some(unproved) => tokio::select! {
                biased;
                () = unproved => Err(Status::unauthenticated("Missing or invalid authentication.")),
                answer = next => answer,
            },
        };
        answer.inspect_err(|refusal| self.note(refusal))
    }

    /// False while so much is queued that no further request should be read.
    pub(crate) fn wants_requests(&self) -> bool {
        match &self.kind {
            Kind::Listen(_) | Kind::Refused(_) => true,
            Kind::Write(writing) => writing.wants_requests(),
        }
    }

    fn note(&self, refusal: &Status) {
        if let Some(record) = &self.record {
            record.refused(refusal);
        }
    }
}

/// Done when `principal` is no longer who he was: a while after his token's end, or at once when its key is withdrawn.
fn unproved(service: &Service, principal: &Principal) -> Option<Unproved> {
    let left = service.expires_in(principal)?.saturating_add(LEEWAY).min(NEVER);
    let expired = tokio::time::sleep_until(Instant::now() + left);
    Some(match service.withdrawn(principal) {
        None => Box::pin(expired),
        Some(withdrawn) => Box::pin(async move {
            tokio::select! {
                () = expired => {}
                () = withdrawn => {}
            }
        }),
    })
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
