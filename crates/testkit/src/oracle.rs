//! What the database should say: every version of every document, in a map, and nothing clever.
//!
//! It works out the effect of writes by itself ([`writes`]), sorts by comparing values, and answers any read at any
//! time by looking at everything. It shares with the database only the vocabulary of `model`.

mod reads;
mod writes;

use std::collections::BTreeMap;

use database::Change;
use model::write::{CommitResult, Write};
use model::{DatabaseName, DocumentPath, Fields, Status, Timestamp};

pub use reads::{Declared, scopes, show};

/// A document at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    pub fields: Fields,
}

/// See the module.
pub struct Oracle {
    database: DatabaseName,
    /// Each document's states, oldest first: from that time on it was so, or was not there.
    versions: BTreeMap<DocumentPath, Vec<(Timestamp, Option<Kept>)>>,
    commits: Vec<(Timestamp, Vec<Change>)>,
}

impl Oracle {
    /// A database that never had a document.
    pub fn new(database: DatabaseName) -> Self {
        Oracle { database, versions: BTreeMap::new(), commits: Vec::new() }
    }

    /// A document as it was at `time`.
    pub fn get(&self, path: &DocumentPath, time: Timestamp) -> Option<&Kept> {
        let versions = self.versions.get(path)?;
        let at = versions.partition_point(|(from, _)| *from <= time);
        versions[..at].last()?.1.as_ref()
    }

    /// All documents of a time, in the order of their names.
    pub fn documents(&self, time: Timestamp) -> impl Iterator<Item = (&DocumentPath, &Kept)> {
        self.versions.keys().filter_map(move |path| Some((path, self.get(path, time)?)))
    }

    /// The times of all commits that changed something, with what they changed.
    pub fn commits(&self) -> &[(Timestamp, Vec<Change>)] {
        &self.commits
    }

    /// The time of the last commit that changed something.
    pub fn last_commit(&self) -> Timestamp {
        self.commits.last().map_or(Timestamp::ZERO, |(time, _)| *time)
    }

    /// What a commit at `time` answers if the state before it is that of `base`. Changes nothing.
    ///
    /// # Errors
    /// The refusal that the first failing write deserves.
    pub fn try_commit(
        &self,
        writes: &[Write],
        base: Timestamp,
        time: Timestamp,
    ) -> Result<CommitResult, Status> {
        self.effect(writes, base, time).map(|(result, _)| result)
    }

    /// Makes a commit.
    ///
    /// # Errors
    /// As [`Oracle::try_commit`].
    pub fn commit(&mut self, writes: &[Write], time: Timestamp) -> Result<CommitResult, Status> {
        let (result, states) = self.effect(writes, time, time)?;
        let mut changes = Vec::new();
        for (path, state) in states {
            if self.get(&path, time) == state.as_ref() {
                continue;
            }
            changes.push(Change { path: path.clone(), exists: state.is_some() });
            self.versions.entry(path).or_default().push((time, state));
        }
        if !changes.is_empty() {
            self.commits.push((time, changes));
        }
        Ok(result)
    }
}
