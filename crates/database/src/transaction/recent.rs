//! The keys that the latest commits wrote, to tell whether something read has changed since.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{DocumentPath, Timestamp};
use storage::Space;

use crate::transaction::WriteSet;
use crate::view::ReadSet;

/// Keys kept; older commits are forgotten, and then "changed" is the safe answer.
const MAX_KEYS: usize = 100_000;

/// The writes of the latest commits, in commit order.
#[derive(Default)]
pub(crate) struct RecentWrites {
    commits: VecDeque<(Timestamp, Arc<WriteSet>)>,
    keys: usize,
    /// Every commit after this is in `commits`.
    complete_after: Timestamp,
}

impl RecentWrites {
    /// A record that knows every commit after `now`.
    pub(crate) fn starting(now: Timestamp) -> Self {
        RecentWrites { complete_after: now, ..Self::default() }
    }

    /// Notes a commit, which is later than all before it.
    pub(crate) fn add(&mut self, time: Timestamp, writes: Arc<WriteSet>) {
        self.keys += writes.len();
        self.commits.push_back((time, writes));
        while self.keys > MAX_KEYS {
            let Some((time, forgotten)) = self.commits.pop_front() else { break };
            self.keys -= forgotten.len();
            self.complete_after = time;
        }
    }

    /// False only when no commit after `since` touched what was read.
    pub(crate) fn may_have_changed(&self, since: Timestamp, reads: &ReadSet) -> bool {
        if reads.is_empty() {
            return false;
        }
        if since < self.complete_after {
            return true;
        }
        let later = self.commits.iter().rev().take_while(|(time, _)| *time > since);
        later.into_iter().any(|(_, writes)| writes.touches(reads))
    }
}

impl WriteSet {
    pub(crate) fn len(&self) -> usize {
        self.documents.len() + self.index_keys.len()
    }

    /// True when one of the writes concerns what was read.
    pub(crate) fn touches(&self, reads: &ReadSet) -> bool {
        let document = |(path, key): &(DocumentPath, bytes::Bytes)| {
            reads.points.contains_key(path) || reads.covers(Space::Documents, key)
        };
        self.documents.iter().any(document)
            || (!reads.ranges.is_empty()
                && self.index_keys.iter().any(|key| reads.covers(Space::Indexes, key)))
    }
}
