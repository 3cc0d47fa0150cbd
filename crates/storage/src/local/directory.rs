//! The data directory: its lock, its `FORMAT` file, and the place of the engine's files below it.
//!
//! ```text
//! <data>/LOCK      locked while a process has the directory open
//! <data>/FORMAT    "irori data 1", or "irori data 1 creating" until the first opening is complete
//! <data>/CLOSED    where the journals ended when the directory was closed in order
//! <data>/engine/   fjall's files
//! ```
//! Nothing is ever acknowledged before `FORMAT` is complete, so a creation that was cut short is simply begun
//! again. Without that mark it could not be told from a directory whose files were lost.

use super::journal::{self, End};
use crate::StorageError;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The version of the directory that this program writes, and the newest that it reads.
const FORMAT_VERSION: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const NEW_FILE: &str = "NEW";
const LOCK_FILE: &str = "LOCK";
const CLOSED_FILE: &str = "CLOSED";
const ENGINE_DIRECTORY: &str = "engine";

/// What may stand in a directory that holds no data yet: a lock, a creation that was cut short before its mark,
/// keys of clients that were made before the server first ran, and what file systems put at their root.
const NOT_DATA: [&str; 4] = [LOCK_FILE, NEW_FILE, "lost+found", "keys"];

pub(super) struct DataDirectory {
    path: PathBuf,
    creating: bool,
    /// Whether closing it now would be in order: it was opened, and no write failed.
    in_order: AtomicBool,
    lock: File,
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if self.in_order.load(Ordering::Relaxed)
            && let Ok(end) = journal::check(&self.engine_path())
        {
            self.note_close(end);
        }
        // Said, not left to the closing of the file: a program that is being started at this moment holds a copy of
        // everything that is open, and with it the lock, until it has become itself. If it fails, closing still does.
        let _ = self.lock.unlock();
    }
}

impl DataDirectory {
    /// Locks the directory and reads what it is; makes it if it does not exist.
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(path).map_err(|e| StorageError::io(format!("making {}", path.display()), e))?;
        // Before anything is written into it: the path may be a mistake.
        let seen = read_format(path)?;
        if seen.is_none() {
            refuse_foreign_files(path)?;
        }
        let lock = lock(path)?;
        // Again, now that nobody else can be creating it.
        let creating = match read_format(path)? {
            Some(Mark { version, .. }) if version != FORMAT_VERSION => {
                return Err(other_version(path, version));
            }
            Some(Mark { creating, .. }) => creating,
            None => {
                write_format(path, true)?;
                true
            }
        };
        let directory = DataDirectory { path: path.to_path_buf(), creating, in_order: false.into(), lock };
        if creating {
            directory.remove_unfinished_engine()?;
        }
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn engine_path(&self) -> PathBuf {
        self.path.join(ENGINE_DIRECTORY)
    }

    /// Whether there is no data yet.
    pub(super) fn is_being_created(&self) -> bool {
        self.creating
    }

    /// Marks the directory as one that holds data. Must precede the first commit.
    pub(super) fn is_open(&self) -> Result<(), StorageError> {
        if self.creating {
            write_format(&self.path, false)?;
        }
        self.in_order.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says that a write failed: what the files hold is not known any more.
    pub(super) fn is_in_doubt(&self) {
        self.in_order.store(false, Ordering::Relaxed);
    }

    /// Writes down where the journals end, so that a shorter journal is noticed at the next opening. It is no loss
    /// if this cannot be done, or is not done because the process ends without closing.
    fn note_close(&self, end: End) {
        let text = format!("journal {} ends at byte {}\n", end.journal, end.bytes);
        if let Err(error) = write_atomically(&self.path, CLOSED_FILE, &text) {
            tracing::warn!(directory = %self.path.display(), %error, "noting the end of the journals");
        }
    }

    /// Compares where the journals end with what the last orderly close wrote down, if it did, and removes the note:
    /// it must not outlive the next commit.
    pub(super) fn compare_with_last_close(&self, end: End) -> Result<(), StorageError> {
        let file = self.path.join(CLOSED_FILE);
        let noted = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(StorageError::io(format!("reading {}", file.display()), e)),
        };
        let found = format!("journal {} ends at byte {}\n", end.journal, end.bytes);
        if noted != found {
            let what = format!("it says {:?}, but now {:?}", noted.trim_end(), found.trim_end());
            return Err(StorageError::corrupt_file(&file, what));
        }
        fs::remove_file(&file)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|e| StorageError::io(format!("removing {}", file.display()), e))
    }

    fn remove_unfinished_engine(&self) -> Result<(), StorageError> {
        match fs::remove_dir_all(self.engine_path()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::io(format!("removing {}", self.engine_path().display()), e))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

struct Mark {
    version: u32,
    creating: bool,
}

fn read_format(path: &Path) -> Result<Option<Mark>, StorageError> {
    let file = path.join(FORMAT_FILE);
    let text = match fs::read(&file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StorageError::io(format!("reading {}", file.display()), e)),
    };
    let unknown = || StorageError::Format {
        path: path.to_path_buf(),
        detail: format!("its {FORMAT_FILE} file is not one of this program: {text:?}"),
    };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (version, creating) = match words[..] {
        ["irori", "data", version] => (version, false),
        ["irori", "data", version, "creating"] => (version, true),
        _ => return Err(unknown()),
    };
    Ok(Some(Mark { version: version.parse().map_err(|_| unknown())?, creating }))
}

fn other_version(path: &Path, version: u32) -> StorageError {
    let detail = if version > FORMAT_VERSION {
        format!(
            "its data has format {version}, this program knows {FORMAT_VERSION}: use the newer program that wrote it"
        )
    } else {
        format!("its data has format {version}, which was never released")
    };
    StorageError::Format { path: path.to_path_buf(), detail }
}

fn write_format(path: &Path, creating: bool) -> Result<(), StorageError> {
    let text = format!("irori data {FORMAT_VERSION}{}\n", if creating { " creating" } else { "" });
    write_atomically(path, FORMAT_FILE, &text)
}

fn write_atomically(directory: &Path, name: &str, text: &str) -> Result<(), StorageError> {
    let (new, path) = (directory.join(NEW_FILE), directory.join(name));
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|e| StorageError::io(format!("writing {}", path.display()), e))
}

fn refuse_foreign_files(path: &Path) -> Result<(), StorageError> {
    let reading = |e| StorageError::io(format!("reading {}", path.display()), e);
    for entry in fs::read_dir(path).map_err(reading)? {
        let name = entry.map_err(reading)?.file_name();
        if !NOT_DATA.iter().any(|known| name == *known) {
            let detail = format!(
                "it holds {name:?} but no {FORMAT_FILE} file: give an empty directory, or restore the missing file"
            );
            return Err(StorageError::Format { path: path.to_path_buf(), detail });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StorageError> {
    let locking = |e| StorageError::io(format!("locking {}", path.join(LOCK_FILE).display()), e);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(locking)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(e)) => Err(locking(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_directory_opens_again_though_a_program_being_started_has_a_copy_of_its_lock() {
        let place = tempfile::tempdir().expect("the machine has room for a directory");
        let path = place.path().join("data");
        let directory = DataDirectory::open(&path).expect("it is new");
        // What a fork has before the exec.
        let copy = directory.lock.try_clone().expect("a descriptor is free");
        assert!(matches!(DataDirectory::open(&path), Err(StorageError::Locked { .. })));
        drop(directory);
        DataDirectory::open(&path).expect("nobody has it open");
        drop(copy);
    }
}
