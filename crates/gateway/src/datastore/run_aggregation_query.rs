//! RunAggregationQuery.

use model::Status;
use service::{AggregateEntities, Asked, Call, EntityFigures, Service};
use wire::datastore::query_result_batch::MoreResultsType;
use wire::datastore::run_aggregation_query_request::QueryType;
use wire::datastore::{
    AggregationResult, AggregationResultBatch, RunAggregationQueryRequest, RunAggregationQueryResponse,
};
use wire::firestore::ExplainOptions;

use super::from_proto::{self, gql, key, query, read};
use super::{splice, to_proto};
use crate::firestore::explain;
use crate::grpc::frames::Frames;

const EXPLAIN_METRICS: u32 = 9;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RunAggregationQueryRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let partition = key::partition(&database, request.partition_id)?;
    let asked = match request.query_type {
        Some(QueryType::AggregationQuery(asked)) => {
            Asked::Query(query::aggregation_query(&database, &partition.namespace, asked)?)
        }
        Some(QueryType::GqlQuery(text)) => Asked::Gql(gql::gql(&database, text)?),
        None => {
            let text = "one of fields aggregation_query and gql_query must be set";
            return Err(Status::invalid_argument(text));
        }
    };
    let at = read::moment(request.read_options)?;
    let explain =
        explain::asked(request.explain_options.map(|asked| ExplainOptions { analyze: asked.analyze }));
    let asked = AggregateEntities { partition, asked, at, explain };
    let answer = service.aggregate_entities(call, asked).await?;
    Ok(Frames::one(|out| push(out, answer)))
}

fn push(out: &mut Vec<u8>, answer: EntityFigures) {
    let read_time = crate::to_proto::timestamp(answer.read_time);
    let batch = answer.figures.map(|figures| AggregationResultBatch {
        aggregation_results: vec![AggregationResult {
            aggregate_properties: figures
                .iter()
                .map(|(alias, value)| (alias.clone(), to_proto::value(value)))
                .collect(),
        }],
        more_results: MoreResultsType::NoMoreResults as i32,
        read_time: Some(read_time),
    });
    let response = RunAggregationQueryResponse {
        batch,
        query: answer.parsed.as_ref().map(to_proto::query::aggregation_query),
        transaction: answer.transaction.unwrap_or_default(),
        explain_metrics: None,
    };
    crate::splice::push_message(out, &response);
    if let Some(explained) = &answer.explained {
        // Both services tell it in the same fields.
        splice::push_message(out, EXPLAIN_METRICS, &explain::metrics(explained));
    }
}
