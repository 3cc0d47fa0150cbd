//! RunQuery.

use model::entity::body;
use model::{DatabaseName, Status};
use service::{
    Asked, Call, EntityAnswer, EntityBatch, EntityRow, MoreResults, QueryEntities, ResultType, RowContent,
    Service,
};
use wire::datastore::RunQueryRequest;
use wire::datastore::entity_result::ResultType as WireType;
use wire::datastore::query_result_batch::MoreResultsType;
use wire::datastore::run_query_request::QueryType;
use wire::firestore::ExplainOptions;

use super::from_proto::{self, gql, key, query, read};
use super::{splice, to_proto};
use crate::firestore::explain;
use crate::grpc::frames::Frames;

const BATCH: u32 = 1;
const QUERY: u32 = 2;
const TRANSACTION: u32 = 5;
const EXPLAIN_METRICS: u32 = 9;

const RESULT_TYPE: u32 = 1;
const RESULTS: u32 = 2;
const SKIPPED_CURSOR: u32 = 3;
const END_CURSOR: u32 = 4;
const MORE_RESULTS: u32 = 5;
const SKIPPED: u32 = 6;
const READ_TIME: u32 = 8;

/// What a batch takes, about, beside its results.
const BATCH_BYTES: usize = 512;
/// What a result takes, about, beside its key, its properties and its cursor.
const AROUND_BYTES: usize = 96;

pub(super) async fn handle(
    service: &Service,
    call: &Call,
    request: RunQueryRequest,
) -> Result<Frames, Status> {
    let database = from_proto::database(&request.project_id, &request.database_id)?;
    let partition = key::partition(&database, request.partition_id)?;
    let asked = match request.query_type {
        Some(QueryType::Query(asked)) => Asked::Query(query::query(&database, &partition.namespace, asked)?),
        Some(QueryType::GqlQuery(text)) => Asked::Gql(gql::gql(&database, text)?),
        None => {
            let text = "one of fields Query.query and Query.gql_query must be set";
            return Err(Status::invalid_argument(text));
        }
    };
    let mask = from_proto::mask(request.property_mask)?;
    let at = read::moment(request.read_options)?;
    let explain =
        explain::asked(request.explain_options.map(|asked| ExplainOptions { analyze: asked.analyze }));
    let asked = QueryEntities { partition, asked, mask, at, explain };
    let answer = service.query_entities(call, asked).await?;
    Ok(Frames::one(|out| push(out, &database, &answer)))
}

fn push(out: &mut Vec<u8>, database: &DatabaseName, answer: &EntityAnswer) {
    if let Some(batch) = &answer.batch {
        out.reserve(batch.rows.iter().map(about_bytes).sum::<usize>() + BATCH_BYTES);
        splice::push_nested(out, BATCH, |out| {
            push_batch(out, database, batch);
            crate::splice::push_time(out, READ_TIME, answer.read_time);
        });
    }
    if let Some(parsed) = &answer.parsed {
        splice::push_message(out, QUERY, &to_proto::query::query(parsed));
    }
    if let Some(token) = &answer.transaction {
        splice::push_bytes(out, TRANSACTION, token);
    }
    if let Some(explained) = &answer.explained {
        // Both services tell it in the same fields.
        splice::push_message(out, EXPLAIN_METRICS, &explain::metrics(explained));
    }
}

fn push_batch(out: &mut Vec<u8>, database: &DatabaseName, batch: &EntityBatch) {
    let mut splicer = splice::Splicer::of(database);
    splice::push_number(out, SKIPPED, i64::try_from(batch.skipped).unwrap_or(i64::MAX));
    if let Some(cursor) = &batch.skipped_cursor {
        splice::push_bytes(out, SKIPPED_CURSOR, cursor);
    }
    splice::push_number(out, RESULT_TYPE, result_type(batch.result_type) as i64);
    for row in &batch.rows {
        let projected;
        let properties: &[u8] = match &row.content {
            RowContent::Entity(body) => body,
            RowContent::Properties(properties) => {
                projected = body::encode(properties);
                &projected
            }
            RowContent::Key => &[],
        };
        let times = splice::Times { created: row.create_time, updated: row.update_time };
        let key = splice::AnyKey::Stored(&row.key);
        splicer.push_result(out, RESULTS, &splice::Result { key, properties, times, cursor: &row.cursor });
    }
    splice::push_bytes(out, END_CURSOR, &batch.end_cursor);
    splice::push_number(out, MORE_RESULTS, more_results(batch.more_results) as i64);
}

/// About what a result takes in the answer: its stored bytes, and what stands around them.
fn about_bytes(row: &EntityRow) -> usize {
    let content = match &row.content {
        RowContent::Entity(body) => body.len(),
        RowContent::Key | RowContent::Properties(_) => 0,
    };
    content + 2 * row.key.path().as_str().len() + row.cursor.len() + AROUND_BYTES
}

fn result_type(result_type: ResultType) -> WireType {
    match result_type {
        ResultType::Full => WireType::Full,
        ResultType::Projection => WireType::Projection,
        ResultType::KeyOnly => WireType::KeyOnly,
    }
}

fn more_results(more: MoreResults) -> MoreResultsType {
    match more {
        MoreResults::NotFinished => MoreResultsType::NotFinished,
        MoreResults::AfterLimit => MoreResultsType::MoreResultsAfterLimit,
        MoreResults::AfterCursor => MoreResultsType::MoreResultsAfterCursor,
        MoreResults::None => MoreResultsType::NoMoreResults,
    }
}
