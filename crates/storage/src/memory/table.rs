//! One space of the memory engine: an ordered map from key to versions.

use crate::{Direction, KeyRange, Row};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// The number of a commit; 0 is before the first.
pub(super) type Commit = u64;

/// A value, or `None` where the row was deleted, and the commit that wrote it.
type Version = (Commit, Option<Bytes>);

#[derive(Default)]
pub(super) struct Table {
    /// The versions of each key, oldest first, never none.
    keys: BTreeMap<Bytes, Vec<Version>>,
    bytes: u64,
}

impl Table {
    /// Writes a version and drops those that it hides. Says whether something is left to drop later, because a
    /// snapshot still sees it.
    pub(super) fn write(
        &mut self,
        key: Bytes,
        value: Option<Bytes>,
        commit: Commit,
        oldest_held: Option<Commit>,
    ) -> bool {
        self.bytes += (key.len() + length(&value)) as u64;
        let versions = self.keys.entry(key.clone()).or_default();
        if let Some((newest, earlier)) = versions.last_mut()
            && *newest == commit
        {
            self.bytes -= (key.len() + length(earlier)) as u64;
            *earlier = value;
        } else {
            versions.push((commit, value));
        }
        self.drop_hidden(&key, oldest_held)
    }

    /// Drops the versions of `key` that no snapshot from `oldest_held` on can see (`None`: only the newest state
    /// is visible). Says whether more could be dropped once older snapshots are gone.
    pub(super) fn drop_hidden(&mut self, key: &Bytes, oldest_held: Option<Commit>) -> bool {
        let Some(versions) = self.keys.get_mut(key) else { return false };
        let horizon = oldest_held.unwrap_or(Commit::MAX);
        // The version that the oldest snapshot sees; all before it are hidden from every snapshot.
        let seen = versions.iter().rposition(|(commit, _)| *commit <= horizon).unwrap_or(0);
        for (_, value) in versions.drain(..seen) {
            self.bytes -= (key.len() + length(&value)) as u64;
        }
        // A delete marker is needed only to hide something older.
        if versions[0].1.is_none() && versions[0].0 <= horizon {
            versions.remove(0);
            self.bytes -= key.len() as u64;
        }
        let more = versions.len() > 1 || versions.first().is_some_and(|(_, value)| value.is_none());
        if versions.is_empty() {
            self.keys.remove(key);
        }
        more
    }

    pub(super) fn get(&self, key: &[u8], commit: Commit) -> Option<Bytes> {
        visible(self.keys.get(key)?, commit)
    }

    /// The first `limit` visible rows of a range that is not empty.
    pub(super) fn chunk(
        &self,
        range: &KeyRange,
        direction: Direction,
        commit: Commit,
        limit: usize,
    ) -> VecDeque<Row> {
        let start = Bound::Included(range.start.as_slice());
        let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.keys.range::<[u8], _>((start, end));
        let row = |(key, versions): (&Bytes, &Vec<Version>)| Some((key.clone(), visible(versions, commit)?));
        match direction {
            Direction::Forward => rows.filter_map(row).take(limit).collect(),
            Direction::Backward => rows.rev().filter_map(row).take(limit).collect(),
        }
    }

    /// Removes keys with all their versions; returns how many, and their bytes.
    pub(super) fn remove_if(&mut self, mut expired: impl FnMut(&[u8]) -> bool) -> (u64, u64) {
        let (mut rows, mut bytes) = (0, 0);
        self.keys.retain(|key, versions| {
            let keep = !expired(key);
            if !keep {
                rows += 1;
                bytes += versions.iter().map(|(_, value)| (key.len() + length(value)) as u64).sum::<u64>();
            }
            keep
        });
        self.bytes -= bytes;
        (rows, bytes)
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn visible(versions: &[Version], commit: Commit) -> Option<Bytes> {
    versions.iter().rev().find(|(written, _)| *written <= commit)?.1.clone()
}

fn length(value: &Option<Bytes>) -> usize {
    value.as_ref().map_or(0, Bytes::len)
}
