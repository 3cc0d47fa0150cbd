//! `RunQuery`, `Next` and `Count`: the results of a query, batch by batch.

use std::time::{Duration, Instant};

use bytes::Bytes;
use model::entity::query::EntityQuery;
use model::entity::{Partition, Properties};
use model::{Code, Status};
use service::{
    Asked, EntityAnswer, EntityBatch, EntityMoment, EntityRow, Explain, MoreResults, QueryEntities, ReadAt,
    ResultType, RowContent,
};

use super::Context;
use super::query::{cursor, ends_at_the_beginning, entity_query};
use crate::appengine::codec::{self, Fixed64};
use crate::appengine::from_model;
use crate::appengine::home::Home;
use crate::appengine::messages::datastore::{Cursor, Integer64Proto, NextRequest, Query, QueryResult};
use crate::appengine::messages::entity::EntityProto;

/// Results of one answer when the client does not say how many it wants, and the most when it does.
const USUAL_RESULTS: usize = 300;
const MAX_RESULTS: usize = 1_000;
/// Bytes of one answer after which it takes no further batch.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// One answer takes no longer: what an offset skips may be long.
const SLICE: Duration = Duration::from_secs(20);
/// An offset as large as this wire has them: who skips so many only counts.
const ALL: i32 = i32::MAX;

/// The first results of a query.
pub(super) async fn run(context: &Context<'_>, query: Query) -> Result<QueryResult, Status> {
    let bytes = codec::write(&query).len();
    answer(context, query, None, bytes).await
}

/// Further results. What is left stays as it was if they cannot be had, so that the call can be made again.
pub(super) async fn next(context: &Context<'_>, request: NextRequest) -> Result<QueryResult, Status> {
    let handle = request.cursor.cursor.0;
    let (mut query, bytes) = context.held.queries.rest(handle)?;
    query.count = request.count.or(query.count);
    query.compile = request.compile;
    query.offset = Some(query.offset.unwrap_or_default().saturating_add(request.offset.unwrap_or_default()));
    answer(context, query, Some(handle), bytes).await
}

/// How many results there are, as very old SDKs ask.
pub(super) async fn count(context: &Context<'_>, mut query: Query) -> Result<Integer64Proto, Status> {
    let most = i64::from(query.limit.unwrap_or(ALL));
    let mut value = 0;
    (query.limit, query.offset, query.keys_only) = (Some(0), Some(ALL), Some(true));
    loop {
        let result = run(context, query.clone()).await?;
        value += i64::from(result.skipped_results.unwrap_or_default());
        let Some(rest) = result.cursor else { break };
        query = context.held.queries.rest(rest.cursor.0)?.0;
        context.held.queries.forget(rest.cursor.0);
        if value >= most {
            break;
        }
    }
    Ok(Integer64Proto { value: value.min(most) })
}

async fn answer(
    context: &Context<'_>,
    query: Query,
    handle: Option<u64>,
    bytes: usize,
) -> Result<QueryResult, Status> {
    let home = Home::of(&query.app, query.database_id.as_deref())?;
    let mut gathering = Gathering::of(&home, &query)?;
    if ends_at_the_beginning(&query) {
        return Ok(gathering.result(&query));
    }
    let mut at = match context.moment(&home, query.transaction.as_ref(), query.read_time_epoch_micros)? {
        ReadAt::Now if query.strong == Some(false) => EntityMoment::Eventual,
        at => EntityMoment::At(at),
    };
    let until = Instant::now() + SLICE;
    let is_more = loop {
        let batch = gathering.ask(context, &home, at.clone()).await?;
        if query.transaction.is_none() {
            // What follows in this answer is of the same moment.
            at = EntityMoment::At(ReadAt::Time(batch.read_time));
        }
        if let Some(is_more) = gathering.take(&home, batch)? {
            break is_more;
        }
        if Instant::now() >= until {
            break true;
        }
    };
    let rest = is_more.then(|| gathering.rest(&query));
    let mut result = gathering.result(&query);
    if let Some(rest) = rest {
        let handle = handle.unwrap_or_else(|| u64::from_le_bytes(context.service.secret()));
        context.held.queries.keep(handle, rest, bytes);
        result.more_results = true;
        result.cursor =
            Some(Cursor { cursor: Fixed64(handle), app: Some(query.app), database_id: home.database_id() });
    } else if let Some(handle) = handle {
        context.held.queries.forget(handle);
    }
    Ok(result)
}

/// An answer while it grows.
struct Gathering {
    /// What is still to be asked; its limit is that of the whole query.
    asked: EntityQuery,
    /// Results that the answer may still take.
    room: usize,
    compile: bool,
    bytes: usize,
    skipped: u64,
    result: QueryResult,
}

impl Gathering {
    fn of(home: &Home, query: &Query) -> Result<Self, Status> {
        let wanted = query.count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
        Ok(Gathering {
            asked: entity_query(home, query)?,
            room: wanted.unwrap_or(USUAL_RESULTS).min(MAX_RESULTS),
            compile: query.compile == Some(true),
            bytes: 0,
            skipped: 0,
            result: QueryResult::default(),
        })
    }

    async fn ask(&self, context: &Context<'_>, home: &Home, at: EntityMoment) -> Result<EntityBatch, Status> {
        let room = i32::try_from(self.room).unwrap_or(i32::MAX);
        let limit = Some(self.asked.limit.map_or(room, |limit| limit.min(room)));
        let request = QueryEntities {
            partition: Partition::new(&home.database, &self.asked.namespace),
            asked: Asked::Query(EntityQuery { limit, ..self.asked.clone() }),
            mask: None,
            at,
            explain: Explain::No,
        };
        let EntityAnswer { batch, .. } = context.service.query_entities(context.call, request).await?;
        batch.ok_or_else(|| Status::internal("A query was only explained."))
    }

    /// Takes a batch; answers whether there is more of the query when the answer is complete, and None when it
    /// needs another batch.
    fn take(&mut self, home: &Home, batch: EntityBatch) -> Result<Option<bool>, Status> {
        let count = batch.rows.len();
        self.room = self.room.saturating_sub(count);
        self.asked.limit = self.asked.limit.map(|limit| limit.saturating_sub_unsigned(count as u32));
        self.asked.offset = self.asked.offset.saturating_sub_unsigned(batch.skipped as u32);
        self.skipped += batch.skipped;
        if self.compile && batch.skipped > 0 {
            self.result.skipped_results_compiled_cursor = batch.skipped_cursor.map(cursor);
        }
        self.asked.start = Some(batch.end_cursor);
        for row in batch.rows {
            self.push(home, row)?;
        }
        self.result.keys_only = (batch.result_type == ResultType::KeyOnly).then_some(true);
        self.result.index_only = (batch.result_type == ResultType::Projection).then_some(true);
        Ok(match batch.more_results {
            MoreResults::NotFinished if self.room > 0 && self.bytes < MAX_BYTES => None,
            MoreResults::NotFinished => Some(true),
            // The limit of the batch, or that of the query.
            MoreResults::AfterLimit => Some(self.asked.limit.is_none_or(|limit| limit > 0)),
            MoreResults::AfterCursor | MoreResults::None => Some(false),
        })
    }

    fn push(&mut self, home: &Home, row: EntityRow) -> Result<(), Status> {
        let proto = proto(home, &row, &mut self.bytes)?;
        self.result.result.push(proto);
        self.result.version.extend(row.update_time.map(|time| time.micros()));
        if self.compile {
            self.bytes += row.cursor.len();
            self.result.result_compiled_cursor.push(cursor(row.cursor));
        }
        Ok(())
    }

    /// The request for what is left.
    fn rest(&self, query: &Query) -> Query {
        Query {
            compiled_cursor: self.asked.start.clone().map(cursor),
            offset: Some(self.asked.offset),
            limit: self.asked.limit,
            ..query.clone()
        }
    }

    fn result(mut self, query: &Query) -> QueryResult {
        if query.offset.is_some_and(|offset| offset > 0) {
            self.result.skipped_results = Some(i32::try_from(self.skipped).unwrap_or(i32::MAX));
        }
        if self.compile {
            self.result.compiled_cursor =
                self.asked.start.map(cursor).or_else(|| query.compiled_cursor.clone());
        }
        self.result
    }
}

/// A result as clients read it; adds to what the answer takes.
fn proto(home: &Home, row: &EntityRow, bytes: &mut usize) -> Result<EntityProto, Status> {
    let key = row.key.key(&home.database);
    Ok(match &row.content {
        RowContent::Entity(body) => {
            *bytes += body.len();
            from_model::entity(home, &key, &decode(body)?)
        }
        RowContent::Key => from_model::entity(home, &key, &Properties::new()),
        RowContent::Properties(properties) => from_model::projected(home, &key, properties),
    })
}

fn decode(body: &Bytes) -> Result<Properties, Status> {
    model::entity::body::decode(body).map_err(|error| {
        tracing::error!(%error, "damaged data");
        Status::new(Code::DataLoss, "Stored data is damaged: an entity's properties.")
    })
}
