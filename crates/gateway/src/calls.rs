//! What the methods of both services share: how long they may take, how their requests are read, and who
//! answers them.

use std::time::Duration;

use bytes::{Buf, Bytes};
use model::{Code, Status};
use service::{Call, Service};
use wire::methods::{Api, Method};

use crate::grpc::answer::Answer;
use crate::grpc::frames::Frames;
use crate::{datastore, firestore};

/// What a call may take when the client sets no deadline, or a later one.
const USUAL: Duration = Duration::from_secs(300);
/// Production's limit on aggregations.
const AGGREGATION: Duration = Duration::from_secs(60);
/// Conversations last as long as the client likes; this only keeps sums of times in range.
const CONVERSATION: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The longest time a call of `method` may take.
pub(crate) fn time_limit(method: Method) -> Duration {
    if matches!(method, Method::RunAggregationQuery | Method::AggregateEntities) {
        AGGREGATION
    } else if method.definition().client_streaming {
        CONVERSATION
    } else {
        USUAL
    }
}

/// Answers a call of `method` with the message `bytes`.
pub(crate) async fn handle(
    service: &Service,
    call: &Call,
    method: Method,
    bytes: Bytes,
) -> Result<Answer, Status> {
    match method.definition().api {
        Api::Firestore => firestore::handle(service, call, method, bytes).await,
        Api::Datastore => datastore::handle(service, call, method, bytes).await.map(Answer::Whole),
    }
}

/// What is answered to a method that the server knows and does not have.
pub(crate) fn unimplemented(method: Method) -> Status {
    let definition = method.definition();
    let text = format!("Method {}/{} is unimplemented", definition.api.service(), definition.name);
    Status::new(Code::Unimplemented, text)
}

/// Reads a request. Bytes that are no such message are the client's fault, as are values nested
/// deeper than the reader goes: legal ones stay far above that.
pub(crate) fn read<M: prost::Message + Default>(bytes: impl Buf) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| {
        tracing::debug!(%error, "a request could not be read");
        Status::invalid_argument("Payload isn't valid for request.")
    })
}

/// An empty answer.
pub(crate) fn empty() -> Frames {
    Frames::one(|_| {})
}
