//! Splits the names of a collection group into ranges that can be read side by side.
//!
//! Names are sampled by seeks, not by reading them all. Between two names that exist, the middle of
//! their bytes is sought; the name found there splits the interval, and both halves are split in
//! turn, widest first. So the cursors of a smaller count are among those of a larger one, and they
//! stay the same as long as the names do.
//!
//! ```text
//!   first                                                            last
//!   ├───────────────────────────────┼ 1 ───────────────────────────────┤
//!   ├───────────────┼ 2 ────────────┼───────────────┼ 3 ───────────────┤
//! ```

use std::collections::{BTreeMap, VecDeque};

use database::{ByteRange, NameSource, View};
use model::query::{Direction, PartitionQuery, StructuredQuery};
use model::{DocumentName, DocumentPath, Parent, Status};

use crate::source::Source;

/// A group of fewer documents is not split: production's samples are about that far apart.
const MIN_DOCUMENTS: usize = 128;
/// Seeks that may find nothing new before an interval is given up.
const MAX_HALVINGS: usize = 64;
/// Cursors of one query at most, whatever was asked for.
const MAX_PARTITIONS: usize = 10_000;

/// One page of cursors, in name order.
#[derive(Clone, Debug, PartialEq)]
pub struct Partitions {
    pub cursors: Vec<DocumentName>,
    /// There are more after the last.
    pub more: bool,
}

/// Splits the query's results by name.
///
/// # Errors
/// INVALID_ARGUMENT with production's texts for queries that cannot be split.
pub fn partition(view: &View, request: &PartitionQuery) -> Result<Partitions, Status> {
    check(request)?;
    crate::prepare(&request.query, view.database())?;
    let query = &request.query;
    let (Some(group), false) = (&query.from.collection_id, query.order_by.is_empty()) else {
        return Ok(Partitions { cursors: Vec::new(), more: false });
    };
    let wanted = usize::try_from(request.partition_count).unwrap_or(MAX_PARTITIONS).min(MAX_PARTITIONS);
    let names = Names::new(view, group, query);
    let mut cursors = names.split(wanted)?;
    if let Some(after) = &request.page_after {
        cursors.retain(|path| *path > after.path);
    }
    let page = usize::try_from(request.page_size).expect("checked not to be negative");
    let more = page > 0 && cursors.len() > page;
    if more {
        cursors.truncate(page);
    }
    let cursors = cursors.iter().map(|path| view.database().document(path)).collect();
    Ok(Partitions { cursors, more })
}

fn check(request: &PartitionQuery) -> Result<(), Status> {
    let query = &request.query;
    let by_name_only = query.order_by.iter().all(|order| order.path.is_document_name());
    let refusals = [
        (request.partition_count <= 0, "Partition count must be greater than zero."),
        (request.page_size < 0, "Page size must be nonnegative."),
        (query.parent != Parent::Root, "Ancestor queries are not supported."),
        (!query.from.all_descendants, "Query must select all descendant collections."),
        (query.filter.is_some(), "Query filters are not supported."),
        (!by_name_only, "Query must be ordered by __name__ only."),
        (query.limit.is_some(), "Query limit is not supported."),
        (query.offset != 0, "Query offset is not supported."),
        (query.select.is_some(), "Property masks are not supported."),
        (query.start_at.is_some(), "Query start cursors are not supported."),
        (query.end_at.is_some(), "Query end cursors are not supported."),
        (query.find_nearest.is_some(), "Nearest neighbor queries are not supported."),
    ];
    match refusals.iter().find(|(refused, _)| *refused) {
        Some((_, text)) => Err(Status::invalid_argument(*text)),
        None => Ok(()),
    }
}

/// The names of one group, found by seeks.
struct Names<'a> {
    view: &'a View,
    names: NameSource,
    source: Source,
}

/// A name and its bytes.
#[derive(Clone)]
struct Name {
    bytes: Vec<u8>,
    path: DocumentPath,
}

impl<'a> Names<'a> {
    fn new(view: &'a View, group: &str, query: &StructuredQuery) -> Self {
        let source = Source::Group { collection_id: group.to_owned(), parent: query.parent.clone() };
        Names { view, names: source.names(), source }
    }

    /// Up to `count` names, sorted, that split the group.
    fn split(&self, count: usize) -> Result<Vec<DocumentPath>, Status> {
        let Some((first, last)) = self.ends()? else {
            return Ok(Vec::new());
        };
        let mut found = BTreeMap::new();
        let mut intervals = VecDeque::from([(first, last)]);
        while found.len() < count
            && let Some((low, high)) = intervals.pop_front()
        {
            let Some(middle) = self.between(&low, &high)? else { continue };
            found.insert(middle.bytes.clone(), middle.path.clone());
            intervals.push_back((low, middle.clone()));
            intervals.push_back((middle, high));
        }
        Ok(found.into_values().collect())
    }

    /// The first and the last name; none when the group is too small to split.
    fn ends(&self) -> Result<Option<(Name, Name)>, Status> {
        let mut scan = self.view.scan_documents(&self.names, ByteRange::all(), Direction::Ascending);
        let Some(first) = scan.next()? else { return Ok(None) };
        for _ in 1..MIN_DOCUMENTS {
            if scan.next()?.is_none() {
                return Ok(None);
            }
        }
        let mut back = self.view.scan_documents(&self.names, ByteRange::all(), Direction::Descending);
        let last = back.next()?.ok_or_else(|| Status::internal("a group with a first name has a last"))?;
        Ok(Some((self.name(first.path), self.name(last.path))))
    }

    fn name(&self, path: DocumentPath) -> Name {
        Name { bytes: self.source.name_bytes(&path), path }
    }

    /// A name strictly between two, near the middle of their bytes. The half above the middle that
    /// turns out empty is cut off, and the rest halved again.
    fn between(&self, low: &Name, high: &Name) -> Result<Option<Name>, Status> {
        let start = [low.bytes.as_slice(), &[0]].concat();
        let mut end = high.bytes.clone();
        for _ in 0..MAX_HALVINGS {
            let middle = middle(&start, &end);
            if middle >= end {
                return Ok(None);
            }
            let range = ByteRange { start: middle.clone(), end: Some(end) };
            let mut scan = self.view.scan_documents(&self.names, range, Direction::Ascending);
            if let Some(document) = scan.next()? {
                return Ok(Some(self.name(document.path)));
            }
            if middle <= start {
                return Ok(None);
            }
            end = middle;
        }
        Ok(None)
    }
}

/// Bytes about half way between two, read as fractions in base 256 after what they share.
fn middle(low: &[u8], high: &[u8]) -> Vec<u8> {
    const DIGITS: usize = 8;
    let shared = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let digits = |bytes: &[u8]| {
        let at = |n: usize| u128::from(bytes.get(shared + n).copied().unwrap_or(0));
        (0..DIGITS).fold(0u128, |number, n| number << 8 | at(n))
    };
    let half = (digits(low) + digits(high)) / 2;
    let tail = (0..DIGITS).rev().map(|n| (half >> (8 * n)) as u8);
    let mut middle = low[..shared].to_vec();
    middle.extend(tail);
    if middle.as_slice() < low { low.to_vec() } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_lies_between() {
        let table: [(&[u8], &[u8]); 4] =
            [(b"a", b"c"), (b"abc", b"abd"), (b"a", b"a\xff"), (b"a\0", b"a\x01")];
        for (low, high) in table {
            let middle = middle(low, high);
            assert!(low <= middle.as_slice() && middle.as_slice() < high, "{low:?} {middle:?} {high:?}");
        }
    }
}
