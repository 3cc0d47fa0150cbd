//! A consistent picture of one database at one time.
//!
//! A view at the newest time reads only `Documents` and `Indexes`, which hold what is live. A view of
//! the past merges them with `History`:
//!
//! ```text
//!   time ──────────────●────────────●───────────●──────────► now
//!            History: [v1          )[v2         )
//!          Documents:                            [v3 …
//! ```
//! Each history row stands for the time from its own update time to the time in its key; the live row
//! for all time since its update. So the version at `t` is the live row if it is that old, and
//! otherwise the first history row whose key's time is after `t`, if that one had been written by then.

mod document_scan;
mod entities;
mod index_scan;
mod names;
mod read_set;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use model::query::Direction;
use model::{Code, DatabaseName, Document, DocumentPath, Status, Timestamp};
use parking_lot::Mutex;
use storage::{KeyRange, Snapshot, Space};

use crate::cursor::RowCursor;
use crate::error;
use crate::index::{IndexSet, IndexSource};
use crate::keys::{DatabaseNumber, documents, history};

pub use document_scan::{DocumentScan, NameSource};
pub use index_scan::{IndexEntry, IndexScan};
pub use names::NameScan;
pub(crate) use read_set::ReadSet;

/// A range of bytes after a source's own prefix: start inclusive, end exclusive, None unbounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteRange {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

/// A range of name bytes.
pub type NameRange = ByteRange;

/// How much a view and its clones have read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    pub index_entries: u64,
    pub documents: u64,
}

/// See the module. Cheap to clone; clones share the counts.
#[derive(Clone)]
pub struct View {
    database: DatabaseName,
    number: DatabaseNumber,
    snapshot: Arc<dyn Snapshot>,
    indexes: Arc<IndexSet>,
    time: ViewTime,
    counters: Arc<Counters>,
    recorder: Option<Arc<Mutex<ReadSet>>>,
    cancelled: Option<Arc<AtomicBool>>,
}

/// The moment a view shows, and whether later commits are in its snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ViewTime {
    pub(crate) read_time: Timestamp,
    /// The snapshot holds commits after `read_time`, so history must be merged.
    pub(crate) past: bool,
}

struct Counters {
    index_entries: AtomicU64,
    documents: AtomicU64,
    /// Rows, and a row more for every [`WEIGHT_BYTES`] of a document.
    weight: AtomicU64,
    /// How much that may become.
    most: u64,
}

/// Bytes of a document that weigh as much as a row.
const WEIGHT_BYTES: u64 = 8 * 1024;

impl View {
    pub(crate) fn new(
        database: DatabaseName,
        snapshot: Arc<dyn Snapshot>,
        indexes: Arc<IndexSet>,
        time: ViewTime,
    ) -> Self {
        let number = indexes.number();
        View {
            database,
            number,
            snapshot,
            indexes,
            time,
            counters: Counters::up_to(u64::MAX),
            recorder: None,
            cancelled: None,
        }
    }

    /// The same view, noting everything that is read through it.
    pub(crate) fn recording(&self) -> (View, Arc<Mutex<ReadSet>>) {
        let reads = Arc::new(Mutex::new(ReadSet::default()));
        (View { recorder: Some(reads.clone()), ..self.clone() }, reads)
    }

    /// The same view, whose reads end with CANCELLED once `flag` is true: nobody waits for them any more.
    #[must_use]
    pub fn cancelled_by(&self, flag: Arc<AtomicBool>) -> View {
        View { cancelled: Some(flag), ..self.clone() }
    }

    /// The same view with counts of its own, whose reads end with CANCELLED beyond `most` rows, where long documents
    /// count for several: see [`View::is_exhausted`].
    #[must_use]
    pub fn bounded(&self, most: u64) -> View {
        View { counters: Counters::up_to(most), ..self.clone() }
    }

    /// True when more was to be read through this view and its clones than they were made for.
    pub fn is_exhausted(&self) -> bool {
        self.counters.weight.load(Ordering::Relaxed) > self.counters.most
    }

    /// True when commits after the view's time are in the way of its reads.
    pub fn is_past(&self) -> bool {
        self.time.past
    }

    /// The database's name.
    pub fn database(&self) -> &DatabaseName {
        &self.database
    }

    /// The time whose state the view shows.
    pub fn read_time(&self) -> Timestamp {
        self.time.read_time
    }

    /// The indexes at the time the view was made.
    pub fn indexes(&self) -> &Arc<IndexSet> {
        &self.indexes
    }

    /// What has been read so far through this view and its clones.
    pub fn reads(&self) -> ReadCounts {
        ReadCounts {
            index_entries: self.counters.index_entries.load(Ordering::Relaxed),
            documents: self.counters.documents.load(Ordering::Relaxed),
        }
    }

    /// One document; None when it does not exist.
    pub fn get(&self, path: &DocumentPath) -> Result<Option<Document>, Status> {
        self.count_document()?;
        let key = documents::key(self.number, path);
        let row = self.snapshot.get(Space::Documents, &key).map_err(error::storage)?;
        let document = self.version(&key, path, row)?;
        if let Some(recorder) = &self.recorder {
            let version = document.as_ref().map(|document| document.update_time);
            recorder.lock().add_point(path.clone(), version);
        }
        Ok(document)
    }

    /// Documents in the order of their names. `range` is over name bytes: the encoded document id for
    /// one collection, the encoded full path for all other sources.
    pub fn scan_documents(
        &self,
        source: &NameSource,
        range: NameRange,
        direction: Direction,
    ) -> DocumentScan {
        DocumentScan::new(self.clone(), source.clone(), range, direction)
    }

    /// Entries of one index, `range` being over the bytes after the source's prefix.
    pub fn scan_index(&self, source: &IndexSource, range: ByteRange, direction: Direction) -> IndexScan {
        IndexScan::new(self.clone(), source.clone(), range, direction)
    }

    /// The version of a document at the view's time, given its live row.
    fn version(
        &self,
        key: &[u8],
        path: &DocumentPath,
        live: Option<Bytes>,
    ) -> Result<Option<Document>, Status> {
        let time = self.time;
        let bytes = live.as_ref().map_or(0, |row| row.len() as u64);
        self.counters.weight.fetch_add(bytes / WEIGHT_BYTES, Ordering::Relaxed);
        if let Some(row) = &live
            && (!time.past || documents::row_update_time(row)? <= time.read_time)
        {
            return Ok(Some(documents::read_row(path.clone(), row)?));
        }
        if !time.past {
            return Ok(None);
        }
        let replaced_after = history::key(history::Kind::Document, key, time.read_time.next());
        let mut end = history::prefix(history::Kind::Document, key);
        end.extend_from_slice(&[0xff; crate::keys::TIME_BYTES]);
        let mut rows = self.cursor(Space::History, KeyRange::new(replaced_after, end), Direction::Ascending);
        while let Some((history_key, row)) = rows.next()? {
            if history::row_key(&history_key) != key {
                continue;
            }
            let existed = documents::row_update_time(&row)? <= time.read_time;
            return Ok(if existed { Some(documents::read_row(path.clone(), &row)?) } else { None });
        }
        Ok(None)
    }

    fn cursor(&self, space: Space, range: KeyRange, direction: Direction) -> RowCursor {
        RowCursor::new(self.snapshot.clone(), space, range, direction)
    }

    fn count_document(&self) -> Result<(), Status> {
        self.counters.documents.fetch_add(1, Ordering::Relaxed);
        self.check_more()
    }

    fn count_index_entry(&self) -> Result<(), Status> {
        self.counters.index_entries.fetch_add(1, Ordering::Relaxed);
        self.check_more()
    }

    /// Whether a row more may be read.
    fn check_more(&self) -> Result<(), Status> {
        if self.counters.weight.fetch_add(1, Ordering::Relaxed) >= self.counters.most {
            return Err(Status::new(Code::Cancelled, "The read takes more than it may."));
        }
        match &self.cancelled {
            Some(flag) if flag.load(Ordering::Relaxed) => {
                Err(Status::new(Code::Cancelled, "The call was cancelled."))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn record_range(&self, space: Space, range: Option<KeyRange>) {
        if let (Some(recorder), Some(range)) = (&self.recorder, range) {
            recorder.lock().add_range(space, range);
        }
    }
}

impl Counters {
    fn up_to(most: u64) -> Arc<Self> {
        let none = || AtomicU64::new(0);
        Arc::new(Counters { index_entries: none(), documents: none(), weight: none(), most })
    }
}

impl ByteRange {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Everything that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        ByteRange { start: prefix.to_vec(), end: model::encoding::after_prefix(prefix) }
    }

    /// What lies in both ranges.
    pub fn intersect(&self, other: &ByteRange) -> ByteRange {
        let end = match (&self.end, &other.end) {
            (Some(a), Some(b)) => Some(a.min(b).clone()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        ByteRange { start: self.start.clone().max(other.start.clone()), end }
    }

    /// The same range after `prefix`.
    fn below(&self, prefix: &[u8]) -> KeyRange {
        let join = |rest: &[u8]| [prefix, rest].concat();
        let end = match &self.end {
            Some(end) => Some(join(end)),
            None => model::encoding::after_prefix(prefix),
        };
        KeyRange { start: join(&self.start), end }
    }
}

/// Moves a cursor over history to the rows that stood at `key`, or to the next beyond it in `direction`.
fn seek_history(
    past: &mut RowCursor,
    kind: history::Kind,
    key: &[u8],
    direction: Direction,
) -> Result<(), Status> {
    /// Greater than the first byte of every time, less than that of every piece of a longer key.
    const AFTER_TIMES: u8 = 0x04;
    let mut at = history::prefix(kind, key);
    if direction == Direction::Ascending {
        return past.seek(&at);
    }
    at.push(AFTER_TIMES);
    past.seek(&at)?;
    // Of keys that end inside a piece, longer ones may lie in between.
    while past.peek()?.is_some_and(|(old, _)| history::row_key(old).as_slice() > key) {
        past.next()?;
    }
    Ok(())
}

/// The history rows of a range of row keys.
fn history_range(kind: history::Kind, range: &KeyRange) -> KeyRange {
    KeyRange {
        start: history::prefix(kind, &range.start),
        end: range.end.as_ref().map(|end| history::prefix(kind, end)),
    }
}
