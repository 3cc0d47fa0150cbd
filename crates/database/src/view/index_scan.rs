//! Entries of one index, in the order of their bytes.

use bytes::Bytes;
use model::encoding::{END, read_id, read_ids};
use model::query::Direction;
use model::{DocumentPath, Status, Timestamp};
use storage::{KeyRange, Space};

use super::{ByteRange, View, history_range, seek_history};
use crate::cursor::RowCursor;
use crate::error::Damage;
use crate::index::{IndexSource, Scope};
use crate::keys::{history, read_time, trailing_time};

/// A stream of entries; stops at the first error.
pub struct IndexScan {
    view: View,
    source: IndexSource,
    whole: KeyRange,
    direction: Direction,
    live: RowCursor,
    past: Option<RowCursor>,
}

/// One entry: the columns' values, then the document's name.
#[derive(Clone, Debug)]
pub struct IndexEntry {
    key: Bytes,
    prefix: usize,
}

impl IndexScan {
    pub(super) fn new(view: View, source: IndexSource, range: ByteRange, direction: Direction) -> Self {
        let whole = range.below(source.prefix());
        let past = view
            .time
            .past
            .then(|| view.cursor(Space::History, history_range(history::Kind::Index, &whole), direction));
        let live = view.cursor(Space::Indexes, whole.clone(), direction);
        IndexScan { view, source, whole, direction, live, past }
    }

    /// The index that is scanned.
    pub fn source(&self) -> &IndexSource {
        &self.source
    }

    /// The next entry.
    pub fn next(&mut self) -> Result<Option<IndexEntry>, Status> {
        let prefix = self.source.prefix().len();
        if self.past.is_none() {
            let Some((key, _)) = self.live.next()? else { return Ok(None) };
            self.view.count_index_entry()?;
            return Ok(Some(IndexEntry { key, prefix }));
        }
        while let Some((key, inserted, removed)) = self.next_candidate()? {
            self.view.count_index_entry()?;
            let entry = IndexEntry { key, prefix };
            let read_time = self.view.time.read_time;
            let stands = inserted.is_some_and(|inserted| inserted <= read_time);
            let stood = removed.is_some_and(|removed| removed > read_time);
            if stands || (stood && self.document_had(&entry)?) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Continues at the first entry at or beyond `after_prefix`, in the scan's direction. Never goes
    /// back.
    pub fn seek(&mut self, after_prefix: &[u8]) -> Result<(), Status> {
        let key = [self.source.prefix(), after_prefix].concat();
        self.live.seek(&key)?;
        if let Some(past) = &mut self.past {
            seek_history(past, history::Kind::Index, &key, self.direction)?;
        }
        Ok(())
    }

    /// The next key that is live or has history: when it was inserted, and when last removed.
    #[allow(clippy::type_complexity, reason = "one caller, which names the parts at once")]
    fn next_candidate(&mut self) -> Result<Option<(Bytes, Option<Timestamp>, Option<Timestamp>)>, Status> {
        let Some(past) = &mut self.past else { return Ok(None) };
        let old = past.peek()?.map(|(key, _)| Bytes::from(history::row_key(key)));
        let live = self.live.peek()?.map(|(key, _)| key.clone());
        let ascending = self.direction == Direction::Ascending;
        let key = match (live, old) {
            (None, None) => return Ok(None),
            (Some(key), None) | (None, Some(key)) => key,
            (Some(live), Some(old)) if (live <= old) == ascending => live,
            (Some(_), Some(old)) => old,
        };
        let mut inserted = None;
        if self.live.peek()?.is_some_and(|(live, _)| *live == key) {
            let row = self.live.next()?.map(|(_, row)| row).unwrap_or_default();
            inserted = Some(read_time(&row).ok_or(Damage::IndexEntry)?);
        }
        let mut removed: Option<Timestamp> = None;
        while past.peek()?.is_some_and(|(old, _)| history::row_key(old) == key) {
            let time = past.next()?.and_then(|(old, _)| trailing_time(&old));
            removed = removed.max(time);
        }
        Ok(Some((key, inserted, removed)))
    }

    /// Whether the document had this entry at the view's time.
    fn document_had(&self, entry: &IndexEntry) -> Result<bool, Status> {
        let path = entry.path_in(&self.source)?;
        let Some(document) = self.view.get(&path)? else { return Ok(false) };
        Ok(self.source.holds(self.view.number, &document, &entry.key)?)
    }

    /// The document that an entry of this scan stands for.
    pub fn path(&self, entry: &IndexEntry) -> Result<DocumentPath, Status> {
        Ok(entry.path_in(&self.source)?)
    }
}

impl IndexEntry {
    /// Everything after the source's prefix: the columns' values, then the name.
    pub fn bytes(&self) -> &[u8] {
        &self.key[self.prefix..]
    }

    /// The name's bytes (inverted where the index's name column descends).
    pub fn name_bytes(&self, source: &IndexSource) -> Result<&[u8], Status> {
        Ok(&self.bytes()[source.values_length(self.bytes())?..])
    }

    /// The bytes of the columns' values.
    pub fn value_bytes(&self, source: &IndexSource) -> Result<&[u8], Status> {
        Ok(&self.bytes()[..source.values_length(self.bytes())?])
    }

    /// The document that the entry stands for.
    pub fn path(&self, source: &IndexSource) -> Result<DocumentPath, Status> {
        Ok(self.path_in(source)?)
    }

    fn path_in(&self, source: &IndexSource) -> Result<DocumentPath, Damage> {
        let name = &self.bytes()[source.values_length(self.bytes())?..];
        let inverted: Vec<u8>;
        let name = match source.name_direction() {
            Direction::Ascending => name,
            Direction::Descending => {
                inverted = name.iter().map(|byte| !byte).collect();
                &inverted
            }
        };
        match source.scope() {
            Scope::Collection(collection) => {
                let (id, rest) = read_id(name).map_err(|_| Damage::IndexEntry)?;
                if rest.is_empty() { Ok(collection.document(&id)) } else { Err(Damage::IndexEntry) }
            }
            Scope::Group { .. } => {
                let (path, rest) = read_ids(name).map_err(|_| Damage::IndexEntry)?;
                let path = DocumentPath::new(&path).ok_or(Damage::IndexEntry)?;
                let closed: &[u8] = match source.name_direction() {
                    Direction::Ascending => &[],
                    Direction::Descending => &[END],
                };
                if rest == closed { Ok(path) } else { Err(Damage::IndexEntry) }
            }
        }
    }
}

impl Drop for IndexScan {
    fn drop(&mut self) {
        self.view.record_range(Space::Indexes, self.live.touched(&self.whole));
    }
}
