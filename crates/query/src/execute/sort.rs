//! Orders rows in memory, within a bound.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::{Code, Status};

use super::{Found, Row, Rows, Run};

/// Bytes of keys and documents that one query may hold for sorting: production's "query memory".
pub(crate) const MAX_SORT_BYTES: usize = if cfg!(test) { 64 * 1024 } else { 128 * 1024 * 1024 };

/// What a row takes besides its key and its document.
const ROW_BYTES: usize = 160;

pub(crate) struct SortRows {
    input: Box<Rows>,
    keep: Option<u64>,
    /// Last first, once the input is read.
    sorted: Option<Vec<Held>>,
}

/// A row, compared by its key.
struct Held(Row);

impl SortRows {
    pub fn new(input: Box<Rows>, keep: Option<u64>) -> Self {
        SortRows { input, keep, sorted: None }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        if self.sorted.is_none() {
            self.sorted = Some(self.read(run)?);
        }
        Ok(self.sorted.as_mut().and_then(Vec::pop).map(|held| held.0))
    }

    fn read(&mut self, run: &mut Run) -> Result<Vec<Held>, Status> {
        let mut heap = BinaryHeap::new();
        let mut bytes = 0;
        while let Some(row) = self.input.next(run)? {
            bytes += size(&row);
            heap.push(Held(row));
            // With a limit only the first rows matter: the last of them makes room.
            if self.keep.is_some_and(|keep| heap.len() as u64 > keep) {
                bytes -= heap.pop().map_or(0, |held| size(&held.0));
            }
            if bytes > MAX_SORT_BYTES {
                return Err(too_large());
            }
        }
        let mut sorted = heap.into_sorted_vec();
        sorted.reverse();
        Ok(sorted)
    }
}

fn size(row: &Row) -> usize {
    let document = match &row.found {
        Found::Entry(..) => 0,
        Found::Document(document) => document.body.len() + document.path.as_str().len(),
    };
    ROW_BYTES + row.key.len() + document
}

fn too_large() -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "The query sorts more than {MAX_SORT_BYTES} bytes in memory because no index has its order. Create \
             the index, or set a limit."
        ),
    )
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}
