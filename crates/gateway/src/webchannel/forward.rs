//! The forward channel: POSTs whose forms bring maps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use model::Status;
use model::limits::MAX_REQUEST_BYTES;

use super::Refusal;
use super::inbox::Map;
use super::parse::Form;
use crate::connection::{Claim, Memory};
use crate::conversation::Topic;
use crate::json;

/// Bytes of one form: a request of ten MiB as percent-encoded JSON. It is also what one connection may
/// have under way.
const FORM_BYTES: usize = 32 * 1024 * 1024;
/// A form must have arrived this long after its headers.
const ARRIVAL: Duration = Duration::from_secs(60);
/// Memory that a form claims at a time when it does not say how long it is.
const CLAIM_BYTES: usize = 1024 * 1024;

/// Reads the form of a POST, and claims memory for it.
pub(super) async fn read<B>(body: B, memory: &Memory) -> Result<(Form, Arc<[Claim]>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let read = tokio::time::timeout(ARRIVAL, collect(body, memory)).await;
    let late = Refusal::new(StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time.");
    let (body, claims) = read.unwrap_or(Err(late))?;
    Ok((Form::parse(&body)?, claims.into()))
}

async fn collect<B>(mut body: B, memory: &Memory) -> Result<(Bytes, Vec<Claim>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let too_long = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "The request is longer than 32 MiB.");
    let hint = body.size_hint();
    if hint.lower() > FORM_BYTES as u64 {
        return Err(too_long());
    }
    let mut claimed = usize::try_from(hint.lower()).unwrap_or(FORM_BYTES);
    let mut claims = vec![memory.claim(claimed).await];
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let cut = |_| Refusal::new(StatusCode::BAD_REQUEST, "The request ended before its form did.");
        let Ok(data) = frame.map_err(cut)?.into_data() else { break };
        if buffer.len() + data.len() > FORM_BYTES {
            return Err(too_long());
        }
        while buffer.len() + data.len() > claimed {
            claims.push(memory.claim(CLAIM_BYTES).await);
            claimed += CLAIM_BYTES;
        }
        buffer.extend_from_slice(&data);
    }
    Ok((buffer.freeze(), claims))
}

/// The messages of a form's maps, with their numbers.
pub(super) fn maps(topic: Topic, maps: BTreeMap<u64, Bytes>, claims: &Arc<[Claim]>) -> Vec<(u64, Map)> {
    let name = topic.method().definition().request;
    let map = |json: Bytes| Map { message: message(name, &json), _claims: claims.clone() };
    maps.into_iter().map(|(number, json)| (number, map(json))).collect()
}

fn message(name: &'static str, json: &[u8]) -> Result<Bytes, Status> {
    let message = json::request(name, json)?;
    if message.len() > MAX_REQUEST_BYTES {
        let text = format!("Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.");
        return Err(Status::invalid_argument(text));
    }
    Ok(message)
}
