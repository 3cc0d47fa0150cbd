//! Answers in batches: each is bounded, and tells exactly what comes after it.

use bytes::Bytes;
use model::entity::encoding::push_value;
use model::entity::indexed::indexed_values;
use model::entity::{EntityValue, Properties, Property, StoredKey, body};
use model::query::Direction;
use model::{Document, DocumentPath, Status, Timestamp};

use super::cursor::{Position, split};
use super::execute::{EntityExecution, Next};
use super::normal::{Normal, Output};
use crate::damage;
use crate::execute::{Found, Row};
use crate::explain::ExecutionStats;
use crate::span::inverted;

/// Results of one batch, as production's.
const MAX_RESULTS: usize = 300;
/// The same where results are sorted in memory: each batch sorts anew, so it had better be worth it.
const MAX_SORTED_RESULTS: usize = 3_000;
/// Bytes of keys and bodies after which a batch takes no further result.
const MAX_BYTES: usize = 1024 * 1024;
/// Results that one batch leaves out for the offset.
const MAX_SKIPPED: u64 = 1_000;
/// Rows that one batch looks at: a filter that rejects all but a few must not hold a call for ever.
const MAX_ROWS: u64 = 100_000;

/// Results for which room is made at once.
const FEW: usize = 32;

/// The meaning of every value that a projection answers.
const INDEX_VALUE: i32 = 18;

/// A part of a query's results.
#[derive(Clone, Debug)]
pub struct EntityBatch {
    pub result_type: ResultType,
    pub rows: Vec<EntityRow>,
    /// How many results the offset left out in this batch.
    pub skipped: u64,
    /// Behind the last of those.
    pub skipped_cursor: Option<Bytes>,
    /// Behind the last result; where the query began, if there was none.
    pub end_cursor: Bytes,
    pub more_results: MoreResults,
    pub read_time: Timestamp,
    /// What it took, for "explain".
    pub stats: ExecutionStats,
}

/// One result.
#[derive(Clone, Debug)]
pub struct EntityRow {
    pub key: StoredKey,
    pub content: RowContent,
    /// None where only an index was read. The version is the update time in microseconds.
    pub create_time: Option<Timestamp>,
    pub update_time: Option<Timestamp>,
    /// Directly behind this result.
    pub cursor: Bytes,
}

/// What a result holds besides its key.
#[derive(Clone, Debug, PartialEq)]
pub enum RowContent {
    /// The stored bytes of all properties: see [`model::entity::body`].
    Entity(Bytes),
    Key,
    Properties(Properties),
}

/// What the results of a query hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    Full,
    Projection,
    KeyOnly,
}

/// What comes after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoreResults {
    /// More of what was asked for: ask again from the end cursor, with the rest of offset and limit.
    NotFinished,
    AfterLimit,
    AfterCursor,
    None,
}

impl ResultType {
    pub(super) fn of(output: &Output) -> Self {
        match output {
            Output::Entities => ResultType::Full,
            Output::Keys => ResultType::KeyOnly,
            Output::Properties(_) => ResultType::Projection,
        }
    }
}

/// A batch while it grows.
pub(super) struct Growing {
    rows: Vec<EntityRow>,
    /// How many it may become.
    most: usize,
    bytes: usize,
    skipped: u64,
    /// The place of the last result that was left out.
    skipped_at: Option<Vec<u8>>,
    reached: Reached,
    looked_at: u64,
}

/// How far a batch has come.
enum Reached {
    Start(Position),
    /// The place of the last result.
    Result(Vec<u8>),
    /// The place of a row that is none.
    Rejected(Vec<u8>),
}

impl EntityExecution {
    /// Answers one batch of the query.
    ///
    /// # Errors
    /// What the view answers; RESOURCE_EXHAUSTED when a sort in memory grows too large.
    pub fn batch(mut self) -> Result<EntityBatch, Status> {
        if self.query.nearest.is_some() {
            return self.nearest();
        }
        let window = self.query.window.clone();
        let most = if self.is_sorted() { MAX_SORTED_RESULTS } else { MAX_RESULTS };
        let wanted = window.limit.map_or(most, |limit| most.min(usize::try_from(limit).unwrap_or(most)));
        let skips = usize::try_from(window.offset.min(MAX_SKIPPED)).expect("at most a thousand");
        self.keep(skips + wanted + 1);
        let start = window.start.unwrap_or_else(Position::begin);
        let end = window.end.as_ref().and_then(|end| end.edge(&self.query.order));
        let mut batch = Growing::new(start, most);
        batch.rows.reserve(wanted.min(FEW));
        let more_results = loop {
            let skipping = batch.skipped < window.offset;
            let limit_reached =
                !skipping && window.limit.is_some_and(|limit| batch.rows.len() as u64 >= limit);
            if limit_reached {
                self.note(&batch.rows);
                break self.look_ahead(end.as_deref())?;
            }
            if batch.is_full() {
                break MoreResults::NotFinished;
            }
            match self.next()? {
                Next::End => break MoreResults::None,
                Next::Rejected(place) => batch.reject(place),
                Next::Result(row) if end.as_ref().is_some_and(|end| row.key >= *end) => {
                    break MoreResults::AfterCursor;
                }
                Next::Result(row) if skipping => batch.skip(row.key),
                Next::Result(Row { key: place, found }) => {
                    let row = self.row(&place, found)?;
                    batch.take(place, row);
                }
            }
        };
        batch.finished(&mut self, more_results)
    }

    /// What comes after the limit. Beyond so many rows that are none it is said that there may be more.
    fn look_ahead(&mut self, end: Option<&[u8]>) -> Result<MoreResults, Status> {
        for _ in 0..MAX_ROWS {
            match self.next()? {
                Next::End => return Ok(MoreResults::None),
                Next::Rejected(_) => {}
                Next::Result(row) if end.is_some_and(|end| row.key.as_slice() >= end) => {
                    return Ok(MoreResults::AfterCursor);
                }
                Next::Result(_) => break,
            }
        }
        Ok(MoreResults::AfterLimit)
    }

    /// The result at a place.
    pub(super) fn row(&mut self, place: &[u8], found: Found) -> Result<EntityRow, Status> {
        let query = self.query.clone();
        let cursor = self.cursors.behind(place, &query.order, query.distinct, query.shape)?;
        match &query.output {
            Output::Entities => {
                let Document { path, create_time, update_time, body } = self.entity(found)?;
                result(path, Some((create_time, update_time)), RowContent::Entity(body), cursor)
            }
            Output::Keys => match found {
                Found::Entry(entry, source) => result(entry.path(&source)?, None, RowContent::Key, cursor),
                Found::Document(Document { path, create_time, update_time, .. }) => {
                    result(path, Some((create_time, update_time)), RowContent::Key, cursor)
                }
            },
            Output::Properties(names) => {
                let document = self.entity(found)?;
                let projected = projected(place, names, &document, &query)?;
                let times = (document.create_time, document.update_time);
                result(document.path, Some(times), RowContent::Properties(projected), cursor)
            }
        }
    }
}

/// A result by its path, with the times when it was created and updated if they are known.
fn result(
    path: DocumentPath,
    times: Option<(Timestamp, Timestamp)>,
    content: RowContent,
    cursor: Bytes,
) -> Result<EntityRow, Status> {
    // What is computed was never written.
    let times = times.filter(|(_, updated)| *updated != Timestamp::ZERO);
    let foreign = || Status::internal(format!("The path {path} is none of an entity."));
    Ok(EntityRow {
        key: StoredKey::new(path.clone()).ok_or_else(foreign)?,
        content,
        create_time: times.map(|(created, _)| created),
        update_time: times.map(|(_, updated)| updated),
        cursor,
    })
}

impl EntityRow {
    fn size(&self) -> usize {
        let content = match &self.content {
            RowContent::Entity(body) => body.len(),
            RowContent::Key => 0,
            RowContent::Properties(properties) => model::entity::size::properties_size(properties),
        };
        content + self.key.path().as_str().len() + self.cursor.len()
    }
}

impl Growing {
    pub fn new(start: Position, most: usize) -> Self {
        let reached = Reached::Start(start);
        Growing { rows: Vec::new(), most, bytes: 0, skipped: 0, skipped_at: None, reached, looked_at: 0 }
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.most
            || self.bytes >= MAX_BYTES
            || self.skipped >= MAX_SKIPPED
            || self.looked_at >= MAX_ROWS
    }

    pub fn take(&mut self, place: Vec<u8>, row: EntityRow) {
        self.looked_at += 1;
        self.bytes += row.size();
        self.rows.push(row);
        self.reached = Reached::Result(place);
    }

    fn skip(&mut self, place: Vec<u8>) {
        self.looked_at += 1;
        self.skipped += 1;
        self.skipped_at = Some(place.clone());
        self.reached = Reached::Result(place);
    }

    fn reject(&mut self, place: Vec<u8>) {
        self.looked_at += 1;
        if self.is_full() {
            self.reached = Reached::Rejected(place);
        }
    }

    pub fn finished(
        self,
        execution: &mut EntityExecution,
        more_results: MoreResults,
    ) -> Result<EntityBatch, Status> {
        let query = execution.query.clone();
        let mut behind =
            |place: &[u8], distinct| execution.cursors.behind(place, &query.order, distinct, query.shape);
        let end_cursor = match &self.reached {
            Reached::Start(start) => start.write(query.shape),
            Reached::Result(place) => behind(place, query.distinct)?,
            // Not behind the whole group of a distinct query: the group's first result may come next.
            Reached::Rejected(place) => behind(place, 0)?,
        };
        let skipped_cursor =
            self.skipped_at.as_ref().map(|place| behind(place, query.distinct)).transpose()?;
        Ok(EntityBatch {
            result_type: ResultType::of(&query.output),
            stats: super::explain::stats(&execution.run.meter, self.rows.len() as u64, self.skipped),
            rows: self.rows,
            skipped: self.skipped,
            skipped_cursor,
            end_cursor,
            more_results,
            read_time: execution.read_time(),
        })
    }
}

/// The values that a result has of the projected properties, as indexes give them: instants are integers.
fn projected(
    place: &[u8],
    names: &[String],
    document: &Document,
    query: &Normal,
) -> Result<Properties, Status> {
    let properties = body::decode(&document.body).map_err(damage)?;
    let indexed = indexed_values(&properties);
    let pieces = split(place, &query.order)?;
    let mut projected = Properties::new();
    for (column, piece) in query.order.iter().zip(&pieces) {
        let Some(name) = column.name.as_ref().filter(|name| names.contains(name)) else { continue };
        let is_it = |value: &&std::borrow::Cow<'_, EntityValue>| {
            let mut bytes = Vec::new();
            push_value(&mut bytes, value);
            if column.direction == Direction::Descending {
                bytes = inverted(&bytes);
            }
            bytes == **piece
        };
        let value = indexed.get(name.as_str()).and_then(|values| values.iter().find(is_it));
        let value = match value.map(|value| value.as_ref().clone()) {
            Some(EntityValue::Timestamp(time)) => EntityValue::Integer(time.micros()),
            Some(value) => value,
            None => return Err(Status::internal("A result has a value that its entity has not.")),
        };
        projected.insert(name.clone(), Property { value, excluded: false, meaning: INDEX_VALUE });
    }
    Ok(projected)
}
