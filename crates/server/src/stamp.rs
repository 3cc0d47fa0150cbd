//! Tells that a file is another than before.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How often files that are followed are looked at.
pub(crate) const LOOK: Duration = Duration::from_secs(2);

/// What a file was when it was looked at; None: it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(i64, i64, u64, u64)>);

impl Stamp {
    /// Looks at a file. To be taken before it is read: a change meanwhile is then seen as one.
    pub(crate) fn of(path: &Path) -> Self {
        let about = std::fs::metadata(path).ok();
        Stamp(about.map(|file| (file.mtime(), file.mtime_nsec(), file.ino(), file.len())))
    }
}
