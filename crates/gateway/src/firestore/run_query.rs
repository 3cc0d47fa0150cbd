//! RunQuery.

use futures::stream;
use model::{Parent, Status};
use prost::encoding;
use service::{Call, QueryStep, RunQuery, Service};
use wire::firestore::RunQueryRequest;
use wire::firestore::run_query_request::QueryType;

use super::explain;
use crate::from_proto::{query, transaction};
use crate::grpc::answer::Answer;
use crate::grpc::frames::Frames;
use crate::splice::{self, Splicer};

const DOCUMENT: u32 = 1;
const TRANSACTION: u32 = 2;
const READ_TIME: u32 = 3;
const SKIPPED_RESULTS: u32 = 4;
const EXPLAIN_METRICS: u32 = 11;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RunQueryRequest,
) -> Result<Answer, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    let Some(QueryType::StructuredQuery(structured)) = request.query_type else {
        return Err(query::only_structured());
    };
    let splicer = Splicer::new(&database);
    let query = query::structured_query(parent, structured)?;
    let at = transaction::for_query(request.consistency_selector)?;
    let explain = explain::asked(request.explain_options);
    let mut answer = service.run_query(call, RunQuery { database, query, at, explain }).await?;
    let mut frames = Frames::default();
    if let Some(token) = answer.transaction.take() {
        frames.push(|out| encoding::bytes::encode(TRANSACTION, &token, out));
    }
    let Some(first) = answer.next().await? else { return Ok(Answer::Whole(frames)) };
    push_first(&mut frames, &splicer, &first);
    if first.last {
        return Ok(Answer::Whole(frames));
    }
    let rest = stream::try_unfold((answer, splicer), |(mut answer, splicer)| async move {
        let Some(step) = answer.next().await? else { return Ok(None) };
        let mut frames = Frames::default();
        push(&mut frames, &splicer, &step);
        Ok(Some((frames, (answer, splicer))))
    });
    Ok(Answer::streaming(frames, rest))
}

/// The first step also tells what the offset skipped; and there is always a message with the read
/// time, unless only the plan was asked for.
fn push_first(frames: &mut Frames, splicer: &Splicer, step: &QueryStep) {
    let planned_only = step.explained.as_ref().is_some_and(|explained| explained.ran.is_none());
    if step.skipped > 0 || (step.documents.is_empty() && !planned_only) {
        frames.push(|out| {
            splice::push_time(out, READ_TIME, step.read_time);
            if let Ok(skipped @ 1..) = i32::try_from(step.skipped) {
                encoding::int32::encode(SKIPPED_RESULTS, &skipped, out);
            }
        });
    }
    push(frames, splicer, step);
}

fn push(frames: &mut Frames, splicer: &Splicer, step: &QueryStep) {
    for document in &step.documents {
        frames.push(|out| {
            splicer.push_document_field(out, DOCUMENT, document);
            splice::push_time(out, READ_TIME, step.read_time);
        });
    }
    if let Some(explained) = &step.explained {
        let metrics = explain::metrics(explained);
        frames.push(|out| encoding::message::encode(EXPLAIN_METRICS, &metrics, out));
    }
}
