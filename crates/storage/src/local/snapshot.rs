//! Reading: a fjall snapshot over the five keyspaces.

use super::{Store, damage};
use crate::{Direction, KeyRange, Row, Scan, Snapshot, Space, StorageError};
use bytes::Bytes;
use fjall::Readable;
use std::ops::Bound;
use std::sync::Arc;

pub(super) struct LocalSnapshot {
    snapshot: fjall::Snapshot,
    store: Arc<Store>,
}

impl LocalSnapshot {
    pub(super) fn new(store: &Arc<Store>) -> Self {
        LocalSnapshot { snapshot: store.visibility.snapshot(&store.database), store: store.clone() }
    }
}

impl Snapshot for LocalSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let keyspace = &self.store.keyspaces[space.index()];
        let value = damage::contain(reading(space), || self.snapshot.get(keyspace, key))?;
        Ok(value.map(Bytes::from))
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Scan {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let keyspace = &self.store.keyspaces[space.index()];
        let bounds = (
            Bound::Included(range.start.as_slice()),
            range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded),
        );
        match damage::contain(reading(space), || Ok(self.snapshot.range::<&[u8], _>(keyspace, bounds))) {
            Ok(rows) => {
                Box::new(LocalScan { rows: Some(rows), space, direction, _store: self.store.clone() })
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

struct LocalScan {
    /// None after the last row or the first error.
    rows: Option<fjall::Iter>,
    space: Space,
    direction: Direction,
    /// Keeps the files open.
    _store: Arc<Store>,
}

impl Iterator for LocalScan {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.as_mut()?;
        let direction = self.direction;
        let row = damage::contain(reading(self.space), || {
            let row = match direction {
                Direction::Forward => rows.next(),
                Direction::Backward => rows.next_back(),
            };
            row.map(fjall::Guard::into_inner).transpose()
        });
        let row = row.transpose().map(|row| row.map(|(key, value)| (key.into(), value.into())));
        if !matches!(row, Some(Ok(_))) {
            self.rows = None;
        }
        row
    }
}

fn reading(space: Space) -> &'static str {
    match space {
        Space::Meta => "reading meta",
        Space::Documents => "reading documents",
        Space::Indexes => "reading indexes",
        Space::History => "reading history",
        Space::Changes => "reading changes",
    }
}
