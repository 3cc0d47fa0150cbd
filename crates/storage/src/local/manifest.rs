//! Checks fjall's manifests before fjall reads them.
//!
//! Each keyspace has a file `current` with the number of its newest manifest and that manifest's checksum; the
//! manifest lists the sorted files. fjall does not compare the checksum yet, deletes files that the manifest does
//! not list, and takes a keyspace without `current` for one that was never made. So a bad byte here would not be
//! noticed: it would delete data.

use crate::{Space, StorageError};
use std::fs;
use std::io;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// The file with which fjall marks a directory as its own.
const VERSION_FILE: &str = "version";

/// Number (u64), xxh3 of the manifest (u128), kind of checksum (0).
const CURRENT_BYTES: usize = 25;

/// Checks that every keyspace of a complete data directory is there, with the manifest that was written.
///
/// # Errors
/// [`StorageError::Corrupt`] with the file.
pub(super) fn check(engine_path: &Path) -> Result<(), StorageError> {
    // Without it fjall would begin anew in the same place.
    read(&engine_path.join(VERSION_FILE))?;
    // fjall numbers keyspaces as they are made: 0 is its own, then ours.
    for keyspace in 0..=Space::ALL.len() {
        check_keyspace(&engine_path.join("keyspaces").join(keyspace.to_string()))?;
    }
    Ok(())
}

fn check_keyspace(path: &Path) -> Result<(), StorageError> {
    let current_path = path.join("current");
    let current = read(&current_path)?;
    let current: [u8; CURRENT_BYTES] = current
        .try_into()
        .map_err(|_| StorageError::corrupt_file(&current_path, "it has the wrong length"))?;
    let (number, checksum) = current.split_at(8);
    let number = u64::from_le_bytes(number.try_into().expect("the first part has eight bytes"));
    let checksum = u128::from_le_bytes(checksum[..16].try_into().expect("sixteen bytes follow"));
    let manifest_path = path.join(format!("v{number}"));
    if current[24] != 0 || xxh3_128(&read(&manifest_path)?) != checksum {
        return Err(StorageError::corrupt_file(
            &manifest_path,
            format!("its checksum is not the one in {}", current_path.display()),
        ));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, StorageError> {
    fs::read(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => StorageError::corrupt_file(path, "it is missing"),
        _ => StorageError::io(format!("reading {}", path.display()), e),
    })
}
