//! RunAggregationQuery.

use model::{Parent, Status};
use service::{AggregationAnswer, Call, RunAggregation, Service};
use wire::firestore::run_aggregation_query_request::QueryType;
use wire::firestore::{AggregationResult, RunAggregationQueryRequest, RunAggregationQueryResponse};

use super::explain;
use crate::from_proto::{query, transaction};
use crate::grpc::frames::Frames;
use crate::to_proto;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RunAggregationQueryRequest,
) -> Result<Frames, Status> {
    let (database, parent) = Parent::parse(&request.parent)?;
    let Some(QueryType::StructuredAggregationQuery(structured)) = request.query_type else {
        return Err(query::only_structured());
    };
    let query = query::aggregation_query(parent, structured)?;
    let at = transaction::for_aggregation(request.consistency_selector)?;
    let explain = explain::asked(request.explain_options);
    let answer = service.run_aggregation(call, RunAggregation { database, query, at, explain }).await?;
    Ok(frames(answer))
}

/// The token of a new transaction comes alone; then the figures with all else.
fn frames(answer: AggregationAnswer) -> Frames {
    let mut frames = Frames::default();
    if let Some(transaction) = answer.transaction {
        let begun = RunAggregationQueryResponse { transaction, ..Default::default() };
        frames.push(|out| crate::splice::push_message(out, &begun));
    }
    let result = answer.fields.map(|fields| AggregationResult {
        aggregate_fields: fields
            .iter()
            .map(|(alias, value)| (alias.clone(), to_proto::value(value)))
            .collect(),
    });
    let figures = RunAggregationQueryResponse {
        read_time: result.is_some().then(|| to_proto::timestamp(answer.read_time)),
        result,
        explain_metrics: answer.explained.as_ref().map(explain::metrics),
        ..Default::default()
    };
    frames.push(|out| crate::splice::push_message(out, &figures));
    frames
}
