//! What a transaction has read: documents by version, and ranges of keys.

use std::collections::HashMap;

use model::{DocumentPath, Timestamp};
use storage::{KeyRange, Space};

/// Reads to be protected by locks or validated at commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadSet {
    /// The update time of the version read; None for a document that was missing.
    pub(crate) points: HashMap<DocumentPath, Option<Timestamp>>,
    pub(crate) ranges: Vec<(Space, KeyRange)>,
}

impl ReadSet {
    pub(crate) fn add_point(&mut self, path: DocumentPath, version: Option<Timestamp>) {
        self.points.insert(path, version);
    }

    pub(crate) fn add_range(&mut self, space: Space, range: KeyRange) {
        if !range.is_empty() && !self.ranges.contains(&(space, range.clone())) {
            self.ranges.push((space, range));
        }
    }

    /// True when a row at `key` has been read, or looked for.
    pub(crate) fn covers(&self, space: Space, key: &[u8]) -> bool {
        self.ranges.iter().any(|(of, range)| *of == space && range.contains(key))
    }

    pub(crate) fn merge(&mut self, other: &ReadSet) {
        self.points.extend(other.points.iter().map(|(path, version)| (path.clone(), *version)));
        other.ranges.iter().for_each(|(space, range)| self.add_range(*space, range.clone()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.ranges.is_empty()
    }
}
