//! The methods of `google.datastore.v1.Datastore`.

use bytes::Bytes;
use model::Status;
use service::{Call, Service};
use wire::methods::Method;

use crate::calls::unimplemented;
use crate::grpc::frames::Frames;

/// Answers a call of `method` with the message `bytes`.
pub(crate) async fn handle(
    _service: &Service,
    _call: &Call,
    method: Method,
    _bytes: Bytes,
) -> Result<Frames, Status> {
    Err(unimplemented(method))
}
