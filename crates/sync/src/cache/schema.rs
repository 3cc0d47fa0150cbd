//! The tables of a cache file, and the checks when one is opened.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::failure::{Failure, Kind};
use crate::source::Source;

/// Says in the file's header that it is one of ours: "Irsy".
const APPLICATION_ID: i32 = 0x4972_7379;
/// Grows with the tables.
const VERSION: i32 = 1;

/// `documents` is for everybody to read; the rest is the synchroniser's own. `used` is the later of the update and
/// the last reading through the library; `size` is what `--max-bytes` counts.
const TABLES: &str = "
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        fields TEXT NOT NULL,
        create_time TEXT NOT NULL,
        update_time TEXT NOT NULL,
        used INTEGER NOT NULL,
        size INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL) STRICT;
";

/// The cursor is in the same file as what it stands for, so a crash of the machine may take back both: no batch waits
/// for the disk. The pages of 4 MiB stay in memory, which is most of what a copy takes there: documents come in the order
/// of their names, and the rest of the index is the system's to keep. The journal is worked in after 32 MiB.
const PACE: &str = "
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -4096;
    PRAGMA wal_autocheckpoint = 8192;
";

/// Of this connection alone, and gone with it: changes of a snapshot that is not whole yet, and the keys of a
/// comparison.
const TEMPORARY: &str = "
    PRAGMA temp_store = FILE;
    CREATE TEMP TABLE staged (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        fields TEXT,
        create_time INTEGER,
        update_time INTEGER
    ) STRICT;
    CREATE INDEX temp.staged_by_name ON staged (name);
    CREATE TEMP TABLE seen (name TEXT PRIMARY KEY, update_time TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// What opening needs to be sure that only one process writes.
pub(super) struct Locked {
    pub(super) connection: Connection,
    /// Held as long as the cache is open; the system lets go of it when the process ends, however it ends.
    pub(super) lock: Option<File>,
    pub(super) source: Source,
}

/// Opens or makes the cache of `source`.
pub(super) fn open(path: &Path, source: &Source) -> Result<Locked, Failure> {
    let lock = lock(path)?;
    let connection = Connection::open(path).map_err(|error| of_sqlite(path, &error))?;
    let checked = prepare(&connection).and_then(|fresh| {
        if fresh {
            make(&connection, source)?;
        }
        connection.execute_batch(PACE)
    });
    checked.map_err(|error| of_sqlite(path, &error))?;
    rebind(&connection, source).map_err(|error| of_sqlite(path, &error))?;
    let source = check(&connection, path, Some(source))?;
    connection.execute_batch(TEMPORARY).map_err(|error| of_sqlite(path, &error))?;
    Ok(Locked { connection, lock: Some(lock), source })
}

/// Opens a cache that exists, to look into it only. Another process may be writing to it.
pub(super) fn open_to_read(path: &Path) -> Result<Locked, Failure> {
    if !path.exists() {
        return Err(Failure::new(Kind::Cache, format!("{} does not exist", path.display())));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| of_sqlite(path, &error))?;
    let source = check(&connection, path, None)?;
    connection.execute_batch(TEMPORARY).map_err(|error| of_sqlite(path, &error))?;
    // One snapshot from here on, whoever writes.
    connection
        .execute_batch("BEGIN; SELECT count(*) FROM state;")
        .map_err(|error| of_sqlite(path, &error))?;
    Ok(Locked { connection, lock: None, source })
}

fn lock(path: &Path) -> Result<File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let name = PathBuf::from(name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(Failure::doing(format!("open {}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::new(
            Kind::Cache,
            format!("{} is in use by another process; one at a time can keep a cache", path.display()),
        )),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(Failure::doing(format!("lock {}", name.display()))(error))
        }
    }
}

/// Answers whether the file is empty and new. Changes nothing in a file of anybody else's.
fn prepare(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let ours: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(tables == 0 && ours == 0)
}

fn make(connection: &Connection, source: &Source) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    let source = serde_json::to_string(source).expect("a source is plain data");
    transaction.execute("INSERT INTO state VALUES ('source', ?)", [source])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// A cache that nothing was ever put into is anybody's: the first try may have named the wrong collection.
fn rebind(connection: &Connection, source: &Source) -> rusqlite::Result<()> {
    let ours: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if ours != APPLICATION_ID || version != VERSION {
        return Ok(());
    }
    let source = serde_json::to_string(source).expect("a source is plain data");
    let update = "UPDATE state SET value = ? WHERE key = 'source'
        AND NOT EXISTS (SELECT 1 FROM state WHERE key = 'cursor') AND NOT EXISTS (SELECT 1 FROM documents)";
    connection.execute(update, [source]).map(|_| ())
}

/// Makes sure that the file is a cache of this version, and of `source` if one is given.
fn check(connection: &Connection, path: &Path, source: Option<&Source>) -> Result<Source, Failure> {
    let shown = path.display();
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i32>(0));
    let sqlite = |error| of_sqlite(path, &error);
    let (ours, version) =
        (number("PRAGMA application_id").map_err(sqlite)?, number("PRAGMA user_version").map_err(sqlite)?);
    let wrong = |message: String| Err(Failure::new(Kind::Cache, message));
    if ours != APPLICATION_ID {
        return wrong(format!("{shown} is a database of another program; name a new file with --into"));
    }
    if version != VERSION {
        return wrong(format!(
            "{shown} has tables of version {version}, and this program knows version {VERSION}: use the program that \
             wrote it, or name a new file with --into"
        ));
    }
    let kept: Option<String> = connection
        .query_row("SELECT value FROM state WHERE key = 'source'", [], |row| row.get(0))
        .optional()
        .map_err(sqlite)?;
    let kept = kept.and_then(|text| serde_json::from_str::<Source>(&text).ok());
    match (kept, source) {
        (Some(kept), Some(source)) if kept != *source => {
            wrong(format!("{shown} is the cache of `{kept}`, not of `{source}`; name a new file with --into"))
        }
        (Some(kept), _) => Ok(kept),
        (None, _) => {
            wrong(format!("{shown} does not say what it is a cache of; name a new file with --into"))
        }
    }
}

/// What an error of SQLite means for the one who runs this.
pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode;
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Failure::new(
            Kind::DiskFull,
            format!("{shown} cannot grow, the disk is full: nothing is lost, make room and start again"),
        ),
        Some(ErrorCode::NotADatabase) => Failure::new(
            Kind::Cache,
            format!("{shown} is not a cache: it is no SQLite file; name a new file with --into"),
        ),
        Some(ErrorCode::DatabaseCorrupt) => Failure::new(
            Kind::Cache,
            format!("{shown} is damaged ({error}); delete it and copy again: the server has everything"),
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Failure::new(Kind::Local, format!("could not open {shown} for writing: {error}"))
        }
        _ => Failure::new(Kind::Local, format!("{shown}: {error}")),
    }
}
