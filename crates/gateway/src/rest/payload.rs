//! The body of a request.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use model::{Code, Status};
use tokio::time::Instant;

use crate::connection::{Claim, Memory};
use crate::grpc::deadline;

/// Production's limit on bodies; JSON is larger than the message in it.
const MAX_BYTES: usize = 11 * 1024 * 1024;

/// Reads a body; the claim on memory is for it and for the message read from it, and is to be kept as
/// long as either. Errors are the client's: a body that is too large, cut short or late.
pub(crate) async fn read<B>(body: B, memory: &Memory, arrival: Instant) -> Result<(Bytes, Claim), Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let length = match body.size_hint().exact() {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        None => MAX_BYTES,
    };
    if length > MAX_BYTES {
        return Err(too_large());
    }
    let reading = async {
        let claim = memory.claim(2 * length).await;
        collect(body).await.map(|bytes| (bytes, claim))
    };
    match tokio::time::timeout_at(arrival, reading).await {
        Ok(outcome) => outcome,
        Err(_) => Err(deadline::exceeded()),
    }
}

async fn collect<B>(mut body: B) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    // It grows as bytes arrive, never by what the headers claim.
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Status::new(Code::Cancelled, "The request ended before its body did."))?;
        let Ok(data) = frame.into_data() else { continue };
        if buffer.len() + data.len() > MAX_BYTES {
            return Err(too_large());
        }
        buffer.extend_from_slice(&data);
    }
    Ok(buffer.freeze())
}

fn too_large() -> Status {
    Status::invalid_argument(format!("Request payload size exceeds the limit: {MAX_BYTES} bytes."))
}
