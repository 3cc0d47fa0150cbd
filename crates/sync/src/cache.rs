//! The local copy: one SQLite file that any tool can read.
//!
//! Documents and the cursor change in one transaction, so a crash at any point neither loses nor repeats an effect:
//! after it the file is as after some earlier batch, and the cursor says which.
//!
//! A bounded cache keeps the documents that were used last, where the update of a document counts as its use. When
//! rows have been evicted, the time of the latest update among them is kept, and whatever was updated before that is
//! no longer missed: it may have been here, and its place went to something newer.

mod compare;
mod outbox;
mod reconcile;
mod schema;
mod staging;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::change::{Change, Row};
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::source::Source;
use crate::time::Time;

pub(crate) use self::compare::Checksum;
pub use self::outbox::Outgoing;
pub(crate) use self::reconcile::Reconciled;

/// Documents of one transaction.
pub const BATCH: usize = 500;
/// Large documents make a batch of fewer: what waits in memory is this much and one document more.
pub(crate) const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Prepared statements that are kept.
const STATEMENTS: usize = 32;

/// How much a cache may hold. `None` is any number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
}

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    connection: Connection,
    _lock: Option<std::fs::File>,
    source: Source,
    bounds: Bounds,
    /// Changes are also put into the outbox.
    sends: bool,
    held: Held,
}

/// What the rows come to; kept in the file with each batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Held {
    pub rows: u64,
    pub bytes: u64,
    /// The latest update among the evicted.
    pub evicted_until: Option<Time>,
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Applied {
    pub set: usize,
    pub deleted: usize,
    pub evicted: usize,
}

impl Cache {
    /// Opens the cache of a source, or makes one.
    ///
    /// # Errors
    ///
    /// [`Kind::Cache`] when the file is something else, the cache of another source, or in use.
    pub fn open(path: &Path, source: &Source, bounds: Bounds) -> Result<Cache, Failure> {
        let opened = schema::open(path, source)?;
        let mut cache = Cache::of(path, opened)?;
        cache.bounds = bounds;
        if bounds != Bounds::default() {
            let index = "CREATE INDEX IF NOT EXISTS documents_by_use ON documents (used)";
            cache.sqlite(cache.connection.execute_batch(index))?;
            // The bounds may be narrower than last time.
            cache.apply(&[], None)?;
        }
        Ok(cache)
    }

    /// Opens a cache to look into it; another process may go on writing to it.
    ///
    /// # Errors
    ///
    /// [`Kind::Cache`] when the file is missing or something else.
    pub fn open_to_read(path: &Path) -> Result<Cache, Failure> {
        Cache::of(path, schema::open_to_read(path)?)
    }

    fn of(path: &Path, opened: schema::Locked) -> Result<Cache, Failure> {
        let schema::Locked { connection, lock, source } = opened;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let bounds = Bounds::default();
        let (path, held) = (path.to_owned(), Held::default());
        let mut cache = Cache { path, connection, _lock: lock, source, bounds, sends: false, held };
        cache.held = cache.state("held")?.unwrap_or_default();
        Ok(cache)
    }

    /// From now on every change is also put into the outbox, until it is delivered.
    pub fn send_changes(&mut self) {
        self.sends = true;
    }

    /// What it is a cache of.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How far the cache has come.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn cursor(&self) -> Result<Cursor, Failure> {
        Ok(self.state("cursor")?.unwrap_or_default())
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        self.held
    }

    /// A document, which counts as a use of it.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn get(&mut self, name: &str) -> Result<Option<Row>, Failure> {
        let found = self.look_up(name)?;
        if found.is_some() && self.bounds != Bounds::default() {
            let used = "UPDATE documents SET used = max(used, ?) WHERE name = ?";
            self.sqlite(self.connection.execute(used, params![Time::now().0, name]))?;
        }
        Ok(found)
    }

    fn look_up(&self, name: &str) -> Result<Option<Row>, Failure> {
        let select = "SELECT fields, create_time, update_time FROM documents WHERE name = ?";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Row {
                name: name.to_owned(),
                fields: row.get(0)?,
                create_time: time(row, 1)?,
                update_time: time(row, 2)?,
            })
        };
        let found = self
            .connection
            .prepare_cached(select)
            .and_then(|mut select| select.query_row([name], read).optional());
        self.sqlite(found)
    }

    /// Applies changes, and moves the cursor, all or nothing. What is known already changes nothing.
    ///
    /// # Errors
    ///
    /// [`Kind::DiskFull`], or the file cannot be written. Then the cache is as before.
    pub fn apply(&mut self, changes: &[Change], cursor: Option<&Cursor>) -> Result<Applied, Failure> {
        self.transact(cursor, |batch| {
            for change in changes {
                batch.take(change)?;
            }
            Ok(())
        })
    }

    /// Runs `work` in one transaction with the cursor, and evicts what there is no room for.
    fn transact(
        &mut self,
        cursor: Option<&Cursor>,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<()>,
    ) -> Result<Applied, Failure> {
        let cursor = cursor.map(|cursor| serde_json::to_string(cursor).expect("a cursor is plain data"));
        let attempt = || {
            let transaction = self.connection.unchecked_transaction()?;
            let mut batch =
                Batch { transaction, held: self.held, sends: self.sends, applied: Applied::default() };
            work(&mut batch)?;
            batch.evict(self.bounds)?;
            batch.finish(cursor.as_deref())
        };
        let (held, applied) = attempt().map_err(|error| schema::of_sqlite(&self.path, &error))?;
        self.held = held;
        Ok(applied)
    }

    fn state<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let select = "SELECT value FROM state WHERE key = ?";
        let text: Option<String> =
            self.sqlite(self.connection.query_row(select, [key], |row| row.get(0)).optional())?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| {
            let shown = self.path.display();
            Failure::new(
                Kind::Cache,
                format!("{shown} is damaged: its {key} cannot be read ({error}); delete it"),
            )
        })
    }

    fn sqlite<T>(&self, result: rusqlite::Result<T>) -> Result<T, Failure> {
        result.map_err(|error| schema::of_sqlite(&self.path, &error))
    }
}

/// One transaction.
struct Batch<'a> {
    transaction: Transaction<'a>,
    held: Held,
    sends: bool,
    applied: Applied,
}

impl Batch<'_> {
    fn take(&mut self, change: &Change) -> rusqlite::Result<()> {
        let changed = match change {
            Change::Set(row) => self.set(row)?,
            Change::Delete(name) => self.delete(name)?,
        };
        if changed && self.sends {
            let put = "INSERT INTO outbox (change) VALUES (?)";
            self.transaction.prepare_cached(put)?.execute([change.to_json()])?;
        }
        Ok(())
    }

    /// Answers whether this version of the document is new here.
    fn set(&mut self, row: &Row) -> rusqlite::Result<bool> {
        let known = "SELECT update_time, size FROM documents WHERE name = ?";
        let known: Option<(Time, u64)> = self
            .transaction
            .prepare_cached(known)?
            .query_row([&row.name], |found| Ok((time(found, 0)?, found.get(1)?)))
            .optional()?;
        let size = row.size() as u64;
        match known {
            Some((update_time, _)) if update_time == row.update_time => return Ok(false),
            // Older than what had to go: it would be the first to go again.
            None if self.held.evicted_until.is_some_and(|until| row.update_time <= until) => {
                return Ok(false);
            }
            Some((_, before)) => self.held.bytes -= before,
            None => self.held.rows += 1,
        }
        self.held.bytes += size;
        self.applied.set += 1;
        let put = "INSERT INTO documents (name, fields, create_time, update_time, used, size)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (name) DO UPDATE SET fields = ?2, create_time = ?3, update_time = ?4, used = ?5, size = ?6";
        let (created, updated) = (row.create_time.to_string(), row.update_time.to_string());
        self.transaction.prepare_cached(put)?.execute(params![
            row.name,
            row.fields,
            created,
            updated,
            row.update_time.0,
            size
        ])?;
        Ok(true)
    }

    fn delete(&mut self, name: &str) -> rusqlite::Result<bool> {
        let delete = "DELETE FROM documents WHERE name = ? RETURNING size";
        let gone: Option<u64> =
            self.transaction.prepare_cached(delete)?.query_row([name], |row| row.get(0)).optional()?;
        let Some(size) = gone else { return Ok(false) };
        self.held.rows -= 1;
        self.held.bytes -= size;
        self.applied.deleted += 1;
        Ok(true)
    }

    /// Takes out what was used longest ago, until the bounds hold.
    fn evict(&mut self, bounds: Bounds) -> rusqlite::Result<()> {
        let full = |held: &Held| {
            bounds.rows.is_some_and(|most| held.rows > most)
                || bounds.bytes.is_some_and(|most| held.bytes > most)
        };
        while full(&self.held) {
            let oldest = "DELETE FROM documents WHERE id = (SELECT id FROM documents ORDER BY used LIMIT 1)
                RETURNING update_time, size";
            let (update_time, size): (Time, u64) = self
                .transaction
                .prepare_cached(oldest)?
                .query_row([], |row| Ok((time(row, 0)?, row.get(1)?)))?;
            self.held.rows -= 1;
            self.held.bytes -= size;
            self.held.evicted_until = self.held.evicted_until.max(Some(update_time));
            self.applied.evicted += 1;
        }
        Ok(())
    }

    fn finish(self, cursor: Option<&str>) -> rusqlite::Result<(Held, Applied)> {
        let put = "INSERT INTO state VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
        let held = serde_json::to_string(&self.held).expect("numbers are plain data");
        self.transaction.prepare_cached(put)?.execute(["held", &held])?;
        if let Some(cursor) = cursor {
            self.transaction.prepare_cached(put)?.execute(["cursor", cursor])?;
        }
        self.transaction.commit()?;
        Ok((self.held, self.applied))
    }
}

/// A time column; its text is always one of ours.
fn time(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Time> {
    let text = row.get_ref(column)?.as_str()?;
    Time::parse(text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, "no time".into())
    })
}
