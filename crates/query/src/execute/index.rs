//! Reads the part of an index that a plan names.
//!
//! Entries are seen as keys: the bytes after the pinned columns, inverted when the index is read
//! backward, so that keys always ascend. A column whose value is not wanted makes the scan jump to
//! the next key that can be.

use std::collections::VecDeque;
use std::sync::Arc;

use database::{ByteRange, IndexEntry, IndexScan, IndexSource};
use model::Status;
use model::encoding::after_prefix;
use model::query::Direction;

use super::{Found, Row, Run};
use crate::normal::KeyPart;
use crate::plan::{IndexRead, KeyColumn, ValueLength};
use crate::source::{CLOSE_DESCENDING, Source};
use crate::span::{Span, inverted, inverted_edge};

pub(crate) struct IndexRows {
    source: Arc<IndexSource>,
    direction: Direction,
    prefix: Vec<u8>,
    columns: Vec<KeyColumn>,
    parts: Vec<KeyPart>,
    ranges: VecDeque<Span>,
    scan: Option<IndexScan>,
    /// The last entry that was read, for a merge that has not moved past it.
    head: Option<Head>,
    value_length: ValueLength,
    /// A column after the first wants only some values.
    selective: bool,
    /// What keys must have at their ends, and entries do not have, or the other way round.
    close: Close,
}

/// Keys close the path that ends them where it descends (see [`Source::name_piece`]), entries where the
/// index's own name column does; an index read backward has it the other way round.
#[derive(Clone, Copy, PartialEq)]
enum Close {
    AsIs,
    Push,
    Pop,
}

/// An entry and its key in the open columns.
pub(crate) struct Head {
    pub key: Vec<u8>,
    pub entry: IndexEntry,
}

/// What a key's columns say.
enum Verdict {
    Wanted,
    /// Nothing wanted lies below this key.
    Jump(Vec<u8>),
    /// Nothing wanted follows.
    Over,
}

impl IndexRows {
    pub fn new(read: &IndexRead, source: &Source) -> Self {
        let name = read.columns.last().expect("a read's columns end with the name");
        IndexRows {
            source: Arc::new(read.source.clone()),
            direction: read.direction,
            prefix: read.prefix.clone(),
            parts: read.parts.clone(),
            value_length: read.value_length,
            ranges: read.ranges.iter().cloned().collect(),
            scan: None,
            head: None,
            selective: read.is_selective(),
            close: Close::of(read, source, name.direction),
            columns: read.columns.clone(),
        }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        match self.advance(run)? {
            Some(head) => self.row(head).map(Some),
            None => Ok(None),
        }
    }

    /// The next wanted entry.
    pub fn advance(&mut self, run: &mut Run) -> Result<Option<Head>, Status> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        loop {
            if self.scan.is_none() && !self.open(run) {
                return Ok(None);
            }
            let scan = self.scan.as_mut().expect("just opened");
            let Some(entry) = scan.next()? else {
                self.scan = None;
                continue;
            };
            run.meter.index_entries += 1;
            let key = self.key(&entry);
            match self.verdict(&key)? {
                Verdict::Wanted => return Ok(Some(Head { key, entry })),
                Verdict::Jump(to) => self.seek(&to)?,
                Verdict::Over => self.scan = None,
            }
        }
    }

    /// The first wanted entry at or above `target`, which stays the next.
    pub fn advance_to(&mut self, target: &[u8], run: &mut Run) -> Result<Option<&Head>, Status> {
        if self.head.as_ref().is_none_or(|head| head.key.as_slice() < target) {
            self.head = None;
            if self.scan.is_some() {
                self.seek(target)?;
            }
            while let Some(range) = self.ranges.front_mut() {
                if self.scan.is_some() || range.end.as_ref().is_none_or(|end| target < end.as_slice()) {
                    break;
                }
                self.ranges.pop_front();
            }
            if let Some(range) = self.ranges.front_mut().filter(|range| range.start.as_slice() < target) {
                range.start = target.to_vec();
            }
            loop {
                match self.advance(run)? {
                    None => return Ok(None),
                    Some(head) if head.key.as_slice() < target => {}
                    Some(head) => {
                        self.head = Some(head);
                        break;
                    }
                }
            }
        }
        Ok(self.head.as_ref())
    }

    /// Leaves out the rows below `target`, where rows' keys are those of the index itself; otherwise none.
    pub fn skip_to(&mut self, target: &[u8], run: &mut Run) -> Result<(), Status> {
        if !self.parts.iter().any(|part| matches!(part, KeyPart::Constant(_))) {
            self.advance_to(target, run)?;
        }
        Ok(())
    }

    /// Forgets the entry that [`IndexRows::advance_to`] left.
    pub fn pop(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// An entry as a row: with the query's key.
    pub fn row(&self, head: Head) -> Result<Row, Status> {
        let constants = self.parts.iter().any(|part| matches!(part, KeyPart::Constant(_)));
        let key = if constants { self.woven(&head.key)? } else { head.key };
        Ok(Row { key, found: Found::Entry(head.entry, self.source.clone()) })
    }

    /// The key with the pinned columns of the order put in.
    fn woven(&self, key: &[u8]) -> Result<Vec<u8>, Status> {
        let mut rest = key;
        let mut woven = Vec::with_capacity(key.len() + 16);
        let mut columns = self.columns.iter();
        for part in &self.parts {
            match part {
                KeyPart::Constant(bytes) => woven.extend_from_slice(bytes),
                KeyPart::Column => {
                    let column = columns.next().expect("a column for each open part");
                    let (value, after) = self.split(rest, column)?;
                    woven.extend_from_slice(value);
                    rest = after;
                }
            }
        }
        woven.extend_from_slice(rest);
        Ok(woven)
    }

    fn open(&mut self, run: &Run) -> bool {
        let Some(range) = self.ranges.pop_front() else { return false };
        let range = match self.direction {
            Direction::Ascending => range,
            Direction::Descending => range.inverted(),
        };
        let Span { start, end } = range.below(&self.prefix);
        self.scan = Some(run.view.scan_index(&self.source, ByteRange { start, end }, self.direction));
        true
    }

    fn key(&self, entry: &IndexEntry) -> Vec<u8> {
        let bytes = &entry.bytes()[self.prefix.len()..];
        let mut key = match self.direction {
            Direction::Ascending => bytes.to_vec(),
            Direction::Descending => inverted(bytes),
        };
        match self.close {
            Close::AsIs => {}
            Close::Push => key.push(CLOSE_DESCENDING),
            Close::Pop => drop(key.pop()),
        }
        key
    }

    /// Moves the scan to the first key at or above `target`, or a little before it.
    fn seek(&mut self, target: &[u8]) -> Result<(), Status> {
        let Some(scan) = &mut self.scan else { return Ok(()) };
        let physical = match self.direction {
            Direction::Ascending => Some(target.to_vec()),
            Direction::Descending => inverted_edge(target),
        };
        // Without an edge every entry lies at or above the target already.
        match physical {
            Some(edge) => scan.seek(&[self.prefix.as_slice(), &edge].concat()),
            None => Ok(()),
        }
    }

    fn verdict(&self, key: &[u8]) -> Result<Verdict, Status> {
        if !self.selective {
            return Ok(Verdict::Wanted);
        }
        let mut at = 0;
        for (n, column) in self.columns.iter().enumerate() {
            let is_name = n + 1 == self.columns.len();
            let value = if is_name { &key[at..] } else { self.split(&key[at..], column)?.0 };
            if n > 0 && !column.spans.contains(value) {
                let next = column.spans.at_or_above(value).map(|span| [&key[..at], &span.start].concat());
                return Ok(match next.or_else(|| after_prefix(&key[..at])) {
                    Some(to) => Verdict::Jump(to),
                    None => Verdict::Over,
                });
            }
            at += value.len();
        }
        Ok(Verdict::Wanted)
    }

    /// The first column's bytes of a key, and the rest.
    fn split<'k>(&self, key: &'k [u8], column: &KeyColumn) -> Result<(&'k [u8], &'k [u8]), Status> {
        let length = (self.value_length)(key, column.direction == Direction::Descending);
        let length = length.map_err(|_| Status::internal("An index entry is damaged."))?;
        Ok(key.split_at(length))
    }
}

impl Close {
    fn of(read: &IndexRead, source: &Source, direction: Direction) -> Self {
        let wanted = source.has_paths() && direction == Direction::Descending;
        let closed = source.has_paths() && read.source.name_direction() == Direction::Descending;
        match (wanted, closed) {
            (true, true) | (false, false) => Close::AsIs,
            (true, false) => Close::Push,
            (false, true) => Close::Pop,
        }
    }
}
