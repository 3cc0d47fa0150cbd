//! What has changed between two times, by the change log.

use std::collections::HashSet;

use database::{Database, DocumentChange, View};
use model::{Document, DocumentPath, Status, Timestamp};

/// Commits of the log that are gone through without a second thought: many clients come back at once after a
/// cut, and each goes through those since its own time.
pub(crate) const FEW_COMMITS: usize = 20_000;
/// Commits that are gone through when nothing else will do.
pub(crate) const MANY_COMMITS: usize = 200_000;
/// Documents found in the log; beyond, everything is told anew.
const MAX_PATHS: usize = 20_000;
/// Bytes of documents that are held to make one step of many commits.
const MAX_BYTES: usize = 64 << 20;

/// The state at `time`, if it can still be read and is of this database, not of one that was cleared.
pub(crate) fn view_of_the_past(database: &Database, time: Timestamp) -> Option<View> {
    if time < database.begun() {
        return None;
    }
    database.view_at(time).ok()
}

/// The documents that commits after `after` and up to `until` changed and that `wanted` accepts, each once.
/// None when there are too many, or more than `commits` to go through. The log must reach back to `after`:
/// [`view_of_the_past`] tells.
///
/// # Errors
/// What reading the log answers.
pub(crate) fn changed_between(
    database: &Database,
    after: Timestamp,
    until: Timestamp,
    commits: usize,
    wanted: impl Fn(&DocumentPath) -> bool,
) -> Result<Option<Vec<DocumentPath>>, Status> {
    let mut log = database.changes_after(after);
    let mut seen = HashSet::new();
    let mut paths = Vec::new();
    for _ in 0..commits {
        let Some(record) = log.next()?.filter(|record| record.time <= until) else {
            return Ok(Some(paths));
        };
        for change in record.changes {
            if wanted(&change.path) && seen.insert(change.path.clone()) {
                paths.push(change.path);
            }
        }
        if paths.len() > MAX_PATHS {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The documents that differ between two times and that `wanted` accepts, before and after. None when there
/// are too many, or the earlier time cannot be read any more.
///
/// # Errors
/// What reading answers.
pub(crate) fn changes_between(
    database: &Database,
    after: Timestamp,
    until: Timestamp,
    wanted: impl Fn(&DocumentPath) -> bool,
) -> Result<Option<Vec<DocumentChange>>, Status> {
    let Some(before) = view_of_the_past(database, after) else { return Ok(None) };
    let Some(paths) = changed_between(database, after, until, MANY_COMMITS, wanted)? else { return Ok(None) };
    let now = database.view_at(until)?;
    let size = |document: &Option<Document>| document.as_ref().map_or(0, |document| document.body.len());
    let mut changes = Vec::with_capacity(paths.len());
    let mut bytes = 0;
    for path in paths {
        let (old, new) = (before.get(&path)?, now.get(&path)?);
        if old.as_ref().map(|old| old.update_time) == new.as_ref().map(|new| new.update_time) {
            continue;
        }
        bytes += size(&old) + size(&new);
        if bytes > MAX_BYTES {
            return Ok(None);
        }
        changes.push(DocumentChange { path, old, new });
    }
    Ok(Some(changes))
}
