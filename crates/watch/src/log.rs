//! What has changed between two times, by the change log.

use database::{Database, View};
use model::{DocumentPath, Timestamp};

use std::collections::HashSet;

use model::Status;

/// Commits of the log that are gone through, and documents found in it; beyond, other ways are cheaper.
const MAX_COMMITS: usize = 200_000;
const MAX_PATHS: usize = 50_000;

/// The state at `time`, if it can still be read and is of this database, not of one that was cleared.
pub(crate) fn view_of_the_past(database: &Database, time: Timestamp) -> Option<View> {
    if time < database.begun() {
        return None;
    }
    database.view_at(time).ok()
}

/// The documents that commits after `after` and up to `until` changed and that `wanted` accepts, each once. None when there
/// are too many. The log must reach back to `after`: [`view_of_the_past`] tells.
///
/// # Errors
/// What reading the log answers.
pub(crate) fn changed_between(
    database: &Database,
    after: Timestamp,
    until: Timestamp,
    wanted: impl Fn(&DocumentPath) -> bool,
) -> Result<Option<Vec<DocumentPath>>, Status> {
    let mut commits = database.changes_after(after);
    let mut seen = HashSet::new();
    let mut paths = Vec::new();
    for _ in 0..MAX_COMMITS {
        let Some(record) = commits.next()?.filter(|record| record.time <= until) else {
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
