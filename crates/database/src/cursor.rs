//! A cursor over the rows of one range, with seeks and a record of what it touched.

use bytes::Bytes;
use model::Status;
use model::encoding::after_prefix;
use model::query::Direction;
use storage::{KeyRange, Scan, Snapshot, Space};

use std::sync::Arc;

use crate::error;

/// Rows stepped over before a seek opens a new scan: opening costs about as much as this.
const STEPS_BEFORE_SEEK: usize = 8;

/// Walks the rows of `range` in one direction.
pub(crate) struct RowCursor {
    snapshot: Arc<dyn Snapshot>,
    space: Space,
    range: KeyRange,
    direction: Direction,
    scan: Option<Scan>,
    held: Option<(Bytes, Bytes)>,
    last: Option<Bytes>,
    exhausted: bool,
}

impl RowCursor {
    pub(crate) fn new(
        snapshot: Arc<dyn Snapshot>,
        space: Space,
        range: KeyRange,
        direction: Direction,
    ) -> Self {
        let exhausted = range.is_empty();
        RowCursor { snapshot, space, range, direction, scan: None, held: None, last: None, exhausted }
    }

    /// The next row, without moving past it.
    pub(crate) fn peek(&mut self) -> Result<Option<&(Bytes, Bytes)>, Status> {
        if self.held.is_none() && !self.exhausted {
            let (snapshot, space) = (&self.snapshot, self.space);
            let range = &self.range;
            let direction = match self.direction {
                Direction::Ascending => storage::Direction::Forward,
                Direction::Descending => storage::Direction::Backward,
            };
            let scan = self.scan.get_or_insert_with(|| snapshot.scan(space, range.clone(), direction));
            match scan.next() {
                Some(row) => self.held = Some(row.map_err(error::storage)?),
                None => self.exhausted = true,
            }
        }
        Ok(self.held.as_ref())
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Result<Option<(Bytes, Bytes)>, Status> {
        self.peek()?;
        if let Some((key, _)) = &self.held {
            self.last = Some(key.clone());
        }
        Ok(self.held.take())
    }

    /// Continues at the first row at or beyond `key`, in the cursor's direction. Never goes back.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<(), Status> {
        for _ in 0..STEPS_BEFORE_SEEK {
            let direction = self.direction;
            match self.peek()? {
                Some((at, _)) if !reached(direction, at, key) => self.held = None,
                _ => return Ok(()),
            }
        }
        match self.direction {
            Direction::Ascending => self.range.start = key.to_vec(),
            Direction::Descending => {
                let mut end = key.to_vec();
                end.push(0);
                self.range.end = Some(end);
            }
        }
        self.scan = None;
        self.held = None;
        self.exhausted = self.range.is_empty();
        Ok(())
    }

    /// Continues beyond every row whose key begins with `prefix`.
    pub(crate) fn seek_past(&mut self, prefix: &[u8]) -> Result<(), Status> {
        match (self.direction, after_prefix(prefix)) {
            (Direction::Ascending, Some(after)) => self.seek(&after),
            (Direction::Ascending, None) => {
                self.exhausted = true;
                self.held = None;
                Ok(())
            }
            (Direction::Descending, _) => {
                while self.peek()?.is_some_and(|(key, _)| key.as_ref() >= prefix) {
                    self.seek(prefix)?;
                    if self.peek()?.is_some_and(|(key, _)| key.as_ref() == prefix) {
                        self.held = None;
                    }
                }
                Ok(())
            }
        }
    }

    /// The part of `whole` (the range at creation) that has been looked at so far.
    pub(crate) fn touched(&self, whole: &KeyRange) -> Option<KeyRange> {
        if self.exhausted {
            return Some(whole.clone());
        }
        let reached = self.held.as_ref().map(|(key, _)| key).or(self.last.as_ref())?;
        let mut touched = whole.clone();
        match self.direction {
            Direction::Ascending => {
                let mut end = reached.to_vec();
                end.push(0);
                touched.end = Some(end);
            }
            Direction::Descending => touched.start = reached.to_vec(),
        }
        Some(touched)
    }
}

/// True when a scan in `direction` that stands at `at` has come to `key`.
fn reached(direction: Direction, at: &[u8], key: &[u8]) -> bool {
    match direction {
        Direction::Ascending => at >= key,
        Direction::Descending => at <= key,
    }
}
