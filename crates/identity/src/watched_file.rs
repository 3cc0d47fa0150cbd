//! A file that may change while the server runs.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// What tells that a file is another than before. None: it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// A file, and how it looked when it was last read.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    path: PathBuf,
    seen: Mutex<Stamp>,
}

impl WatchedFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        WatchedFile { path: path.into(), seen: Mutex::new(None) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// True once after each change.
    pub(crate) fn has_changed(&self) -> bool {
        let now = stamp(&self.path);
        std::mem::replace(&mut *self.seen.lock(), now) != now
    }

    /// Reads at most `most` bytes; None when there is no such file. An error is in words.
    pub(crate) fn read(&self, most: usize) -> Result<Option<Vec<u8>>, String> {
        // Before reading: a change while we read is then seen as one.
        *self.seen.lock() = stamp(&self.path);
        read(&self.path, most)
    }
}

/// Reads at most `most` bytes of a file; None when there is none. An error is in words.
pub(crate) fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() > most => Err(format!("it has more than {} KiB", most >> 10)),
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = fs::metadata(path).ok()?;
    Some((about.mtime(), about.mtime_nsec(), about.ino(), about.size()))
}
