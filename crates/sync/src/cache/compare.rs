//! Comparing with the server: the keys of a stretch are noted as they come, then the tables are asked what differs.

use rusqlite::{OptionalExtension as _, ToSql, params_from_iter};

use super::{Cache, time};
use crate::change::Key;
use crate::failure::Failure;
use crate::source::Stretch;
use crate::time::Time;

/// How many documents of a stretch are here, and what their names and update times come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) count: u64,
    pub(crate) checksum: Checksum,
}

/// The sum of a hash of each name and update time: the same in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksum(u64);

impl Checksum {
    pub(crate) fn add(&mut self, name: &str, update_time: Time) {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&update_time.0.to_le_bytes());
        hash.update(name.as_bytes());
        self.0 = self.0.wrapping_add(hash.digest());
    }
}

/// The part of a statement that says which rows are in a stretch.
fn within(stretch: &Stretch) -> (&'static str, Vec<&dyn ToSql>) {
    match (&stretch.after, &stretch.to) {
        (None, None) => ("", Vec::new()),
        (Some(after), None) => ("WHERE name > ?", vec![after]),
        (None, Some(to)) => ("WHERE name <= ?", vec![to]),
        (Some(after), Some(to)) => ("WHERE name > ? AND name <= ?", vec![after, to]),
    }
}

impl Cache {
    /// The name of the row that is `rows` further on; none when there are fewer.
    pub(crate) fn name_after(&self, name: Option<&str>, rows: u64) -> Result<Option<String>, Failure> {
        let select = "SELECT name FROM documents WHERE name > ? ORDER BY name LIMIT 1 OFFSET ?";
        let found = self.connection.prepare_cached(select).and_then(|mut select| {
            let offset = i64::try_from(rows.saturating_sub(1)).unwrap_or(i64::MAX);
            select.query_row((name.unwrap_or(""), offset), |row| row.get(0)).optional()
        });
        self.sqlite(found)
    }

    /// True when a document has a number for an id, as imports from Datastore have: the server sorts those before
    /// all names, and SQLite among them.
    pub(crate) fn has_numeric_ids(&self) -> Result<bool, Failure> {
        let select = "SELECT EXISTS (SELECT 1 FROM documents WHERE name GLOB '*/__id[0-9]*__')";
        self.sqlite(self.connection.query_row(select, [], |row| row.get(0)))
    }

    /// What is here of a stretch.
    pub(crate) fn local(&self, stretch: &Stretch) -> Result<Local, Failure> {
        let (condition, values) = within(stretch);
        let read = || {
            let mut local = Local::default();
            let select = format!("SELECT name, update_time FROM documents {condition}");
            let mut select = self.connection.prepare_cached(&select)?;
            let mut rows = select.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                local.count += 1;
                local.checksum.add(row.get_ref(0)?.as_str()?, time(row, 1)?);
            }
            Ok(local)
        };
        self.sqlite(read())
    }

    /// The names of those documents that are not here, or not in this version.
    pub(crate) fn unknown(&self, keys: &[Key]) -> Result<Vec<String>, Failure> {
        let known = "SELECT update_time FROM documents WHERE name = ?";
        let read = || {
            let mut known = self.connection.prepare_cached(known)?;
            let mut unknown = Vec::new();
            for key in keys {
                let here: Option<Time> = known.query_row([&key.name], |row| time(row, 0)).optional()?;
                let wanted = match here {
                    Some(update_time) => update_time != key.update_time,
                    None => self.held.evicted_until.is_none_or(|until| key.update_time > until),
                };
                if wanted {
                    unknown.push(key.name.clone());
                }
            }
            Ok(unknown)
        };
        self.sqlite(read())
    }

    /// Begins to note keys.
    pub(crate) fn forget_seen(&mut self) -> Result<(), Failure> {
        self.sqlite(self.connection.execute_batch("DELETE FROM seen"))
    }

    /// Notes keys of the server's.
    pub(crate) fn note_seen(&mut self, keys: &[Key]) -> Result<(), Failure> {
        let note = || {
            // A savepoint is a transaction, or stands inside of a reader's.
            self.connection.execute_batch("SAVEPOINT noting")?;
            let mut insert = self.connection.prepare_cached("INSERT OR REPLACE INTO seen VALUES (?, ?)")?;
            for key in keys {
                insert.execute([&key.name, &key.update_time.to_string()])?;
            }
            self.connection.execute_batch("RELEASE noting")
        };
        self.sqlite(note())
    }

    /// Up to so many documents, after a name, that the server has and the cache has not, or not in this version. The
    /// last part of each says whether the cache has another version of it.
    pub(crate) fn lacking(&self, after: &str, most: usize) -> Result<Vec<(Key, bool)>, Failure> {
        let select = "SELECT seen.name, seen.update_time, documents.name IS NOT NULL
            FROM seen LEFT JOIN documents ON documents.name = seen.name
            WHERE seen.name > ?1 AND (documents.update_time IS NULL OR documents.update_time <> seen.update_time)
                AND (documents.name IS NOT NULL OR seen.update_time > ?2)
            ORDER BY seen.name LIMIT ?3";
        let forgotten = self.held.evicted_until.map(|until| until.to_string()).unwrap_or_default();
        let read = || {
            let mut select = self.connection.prepare_cached(select)?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            select
                .query_map((after, forgotten, most), |row| {
                    Ok((Key { name: row.get(0)?, update_time: time(row, 1)? }, row.get(2)?))
                })?
                .collect()
        };
        self.sqlite(read())
    }

    /// Up to so many documents of a stretch, after a name, that the cache has and the server has not.
    pub(crate) fn surplus(
        &self,
        stretch: &Stretch,
        after: &str,
        most: usize,
    ) -> Result<Vec<String>, Failure> {
        let (condition, values) = within(stretch);
        let also = if condition.is_empty() { "WHERE" } else { "AND" };
        let select = format!(
            "SELECT name FROM documents {condition} {also} name > ? AND NOT EXISTS
                (SELECT 1 FROM seen WHERE seen.name = documents.name) ORDER BY name LIMIT {most}"
        );
        let read = || {
            let mut select = self.connection.prepare_cached(&select)?;
            let values = values.into_iter().chain([&after as &dyn ToSql]);
            select.query_map(params_from_iter(values), |row| row.get(0))?.collect()
        };
        self.sqlite(read())
    }
}
