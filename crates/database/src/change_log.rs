//! The change log: which documents each commit changed, in commit order.

use model::encoding::after_prefix;
use model::query::Direction;
use model::{Status, Timestamp};
use storage::{KeyRange, Space};

use crate::cursor::RowCursor;
use crate::database::Database;
use crate::keys::changes::{self, Change};

/// What one commit changed.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitRecord {
    pub time: Timestamp,
    pub changes: Vec<Change>,
}

/// Commits from some time on, as far as they were visible when the scan began.
pub struct ChangeScan {
    rows: RowCursor,
}

impl Database {
    /// The commits after `after`, oldest first. The log reaches back as far as the retention.
    pub fn changes_after(&self, after: Timestamp) -> ChangeScan {
        let inner = &self.inner;
        let number = inner.indexes.read().number();
        let (snapshot, _) = inner.publication.newest(&*inner.engine, inner.now());
        let range =
            KeyRange { start: changes::key(number, after.next()), end: after_prefix(&number.prefix()) };
        ChangeScan { rows: RowCursor::new(snapshot, Space::Changes, range, Direction::Ascending) }
    }
}

impl ChangeScan {
    /// The next commit.
    pub fn next(&mut self) -> Result<Option<CommitRecord>, Status> {
        let Some((key, row)) = self.rows.next()? else { return Ok(None) };
        Ok(Some(CommitRecord { time: changes::time(&key)?, changes: changes::read_row(&row)? }))
    }
}
