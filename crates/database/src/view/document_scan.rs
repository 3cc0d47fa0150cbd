//! Documents in the order of their names, over one collection, a group, or everything below a parent.

use bytes::Bytes;
use model::encoding::{id_length, push_id, push_ids};
use model::query::Direction;
use model::{CollectionPath, Document, Parent, Status};
use storage::{KeyRange, Space};

use super::{ByteRange, NameRange, View, history_range, seek_history};
use crate::cursor::RowCursor;
use crate::error::Damage;
use crate::keys::{documents, history};

/// Smaller than every id's tag: after a path's bytes it excludes the path itself.
const BELOW: u8 = 0x02;

/// Where documents are scanned.
#[derive(Clone, Debug, PartialEq)]
pub enum NameSource {
    Collection(CollectionPath),
    /// All collections of one id below `parent`.
    Group {
        collection_id: String,
        parent: Parent,
    },
    /// Every collection below `parent`, at any depth.
    Kindless {
        parent: Parent,
    },
    /// Every collection directly below `parent`.
    Children {
        parent: Parent,
    },
}

/// A stream of documents; stops at the first error.
pub struct DocumentScan {
    view: View,
    source: NameSource,
    range: NameRange,
    direction: Direction,
    lanes: Option<Vec<Lane>>,
}

/// The part of a scan that one collection group holds: one range of keys.
struct Lane {
    live: RowCursor,
    past: Option<RowCursor>,
    whole: KeyRange,
    /// Where the name bytes begin in a key.
    name_at: usize,
    /// Where the document id begins, when deeper documents of the same group are to be skipped.
    id_at: Option<usize>,
    head: Option<(Bytes, Document)>,
}

impl DocumentScan {
    pub(super) fn new(view: View, source: NameSource, range: NameRange, direction: Direction) -> Self {
        DocumentScan { view, source, range, direction, lanes: None }
    }

    /// The next document.
    pub fn next(&mut self) -> Result<Option<Document>, Status> {
        Ok(self.next_named()?.map(|(_, document)| document))
    }

    /// The next document with its name bytes.
    pub fn next_named(&mut self) -> Result<Option<(Bytes, Document)>, Status> {
        let direction = self.direction;
        let mut best: Option<usize> = None;
        self.open_lanes()?;
        let lanes = self.lanes.as_mut().expect("just opened");
        for at in 0..lanes.len() {
            lanes[at].fill(&self.view, direction)?;
            let Some((name, _)) = &lanes[at].head else { continue };
            let better = match best.and_then(|best| lanes[best].head.as_ref()) {
                None => true,
                Some((least, _)) => match direction {
                    Direction::Ascending => name < least,
                    Direction::Descending => name > least,
                },
            };
            if better {
                best = Some(at);
            }
        }
        Ok(best.and_then(|best| lanes[best].head.take()))
    }

    /// Continues at the first name at or beyond `name`, in the scan's direction. Never goes back.
    pub fn seek(&mut self, name: &[u8]) -> Result<(), Status> {
        let direction = self.direction;
        self.open_lanes()?;
        for lane in self.lanes.as_mut().expect("just opened") {
            lane.seek(name, direction)?;
        }
        Ok(())
    }

    fn open_lanes(&mut self) -> Result<(), Status> {
        if self.lanes.is_none() {
            self.lanes = Some(self.open()?);
        }
        Ok(())
    }

    fn open(&self) -> Result<Vec<Lane>, Status> {
        let number = self.view.number;
        let lane = |prefix: Vec<u8>, range: &ByteRange, id_at: Option<usize>| {
            let whole = range.below(&prefix);
            Lane::open(&self.view, whole, prefix.len(), id_at, self.direction)
        };
        match &self.source {
            NameSource::Collection(collection) => {
                let mut prefix = documents::group(number, collection.id());
                push_ids(&mut prefix, collection.ids());
                let id_at = prefix.len();
                Ok(vec![lane(prefix, &self.range, Some(id_at))])
            }
            NameSource::Group { collection_id, parent } => {
                let range = self.range.intersect(&below(parent));
                Ok(vec![lane(documents::group(number, collection_id), &range, None)])
            }
            NameSource::Kindless { parent } => {
                let range = self.range.intersect(&below(parent));
                let groups = self.view.groups()?;
                Ok(groups.iter().map(|group| lane(documents::group(number, group), &range, None)).collect())
            }
            NameSource::Children { parent } => {
                let lanes = self.view.groups()?.into_iter().map(|group| {
                    let prefix = documents::group(number, &group);
                    let mut collection = Vec::new();
                    push_ids(&mut collection, parent.ids());
                    push_id(&mut collection, &group);
                    let id_at = prefix.len() + collection.len();
                    lane(prefix, &self.range.intersect(&ByteRange::prefix(&collection)), Some(id_at))
                });
                Ok(lanes.collect())
            }
        }
    }
}

/// The paths below a parent, not the parent itself.
fn below(parent: &Parent) -> ByteRange {
    let mut prefix = Vec::new();
    push_ids(&mut prefix, parent.ids());
    if prefix.is_empty() {
        return ByteRange::all();
    }
    let mut range = ByteRange::prefix(&prefix);
    range.start.push(BELOW);
    range
}

impl Lane {
    fn open(
        view: &View,
        whole: KeyRange,
        name_at: usize,
        id_at: Option<usize>,
        direction: Direction,
    ) -> Self {
        let past = view
            .time
            .past
            .then(|| view.cursor(Space::History, history_range(history::Kind::Document, &whole), direction));
        let live = view.cursor(Space::Documents, whole.clone(), direction);
        Lane { live, past, whole, name_at, id_at, head: None }
    }

    /// Makes the next document of the lane its head, if there is one.
    fn fill(&mut self, view: &View, direction: Direction) -> Result<(), Status> {
        while self.head.is_none() {
            let Some((key, row)) = self.next_candidate(direction)? else {
                return Ok(());
            };
            if let Some(id_at) = self.id_at {
                let id = id_length(&key[id_at..]).map_err(|_| Damage::DocumentKey)?;
                if key.len() > id_at + id {
                    self.skip_below(&key[..id_at + id], direction)?;
                    continue;
                }
            }
            view.count_document()?;
            let path = documents::path_of(&key)?;
            if let Some(document) = view.version(&key, &path, row)? {
                self.head = Some((key.slice(self.name_at..), document));
            }
        }
        Ok(())
    }

    /// The next key that is live or has history, with its live row.
    fn next_candidate(&mut self, direction: Direction) -> Result<Option<(Bytes, Option<Bytes>)>, Status> {
        let Some(past) = &mut self.past else {
            return Ok(self.live.next()?.map(|(key, row)| (key, Some(row))));
        };
        let old = past.peek()?.map(|(key, _)| history::row_key(key));
        let live = self.live.peek()?.map(|(key, _)| key.clone());
        let (key, is_live) = match (live, old) {
            (None, None) => return Ok(None),
            (Some(live), None) => (live, true),
            (None, Some(old)) => (Bytes::from(old), false),
            (Some(live), Some(old)) => {
                let live_first = match direction {
                    Direction::Ascending => live.as_ref() <= old.as_slice(),
                    Direction::Descending => live.as_ref() >= old.as_slice(),
                };
                if live_first { (live, true) } else { (Bytes::from(old), false) }
            }
        };
        while past.peek()?.is_some_and(|(old, _)| history::row_key(old) == key) {
            past.next()?;
        }
        let row = if is_live { self.live.next()?.map(|(_, row)| row) } else { None };
        Ok(Some((key, row)))
    }

    /// Skips the documents below the one at `document`, a key.
    fn skip_below(&mut self, document: &[u8], direction: Direction) -> Result<(), Status> {
        match direction {
            Direction::Ascending => {
                self.live.seek_past(document)?;
                if let Some(past) = &mut self.past {
                    past.seek_past(&history::prefix(history::Kind::Document, document))?;
                }
            }
            Direction::Descending => {
                self.live.seek(document)?;
                if let Some(past) = &mut self.past {
                    let mut newest = history::prefix(history::Kind::Document, document);
                    newest.push(BELOW);
                    past.seek(&newest)?;
                }
            }
        }
        Ok(())
    }

    fn seek(&mut self, name: &[u8], direction: Direction) -> Result<(), Status> {
        let reached = |at: &[u8]| match direction {
            Direction::Ascending => at >= name,
            Direction::Descending => at <= name,
        };
        if self.head.as_ref().is_some_and(|(at, _)| reached(at)) {
            return Ok(());
        }
        self.head = None;
        let key = [&self.whole.start[..self.name_at], name].concat();
        self.live.seek(&key)?;
        if let Some(past) = &mut self.past {
            seek_history(past, history::Kind::Document, &key, direction)?;
        }
        Ok(())
    }
}

impl Drop for DocumentScan {
    fn drop(&mut self) {
        for lane in self.lanes.iter().flatten() {
            self.view.record_range(Space::Documents, lane.live.touched(&lane.whole));
        }
    }
}
