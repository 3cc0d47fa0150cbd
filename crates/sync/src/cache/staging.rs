//! Changes of a snapshot that is not whole yet. They wait on disk, not in memory: the snapshot after a long pause, or
//! after a reset, may be as large as the collection.

use rusqlite::{OptionalExtension as _, params};

use super::{Applied, Cache};
use crate::change::{Change, Row};
use crate::cursor::Cursor;
use crate::failure::Failure;
use crate::time::Time;

impl Cache {
    /// Puts changes aside.
    ///
    /// # Errors
    ///
    /// There is no room on the disk.
    pub(crate) fn stage(&mut self, changes: &[Change]) -> Result<(), Failure> {
        let stage = || {
            let transaction = self.connection.unchecked_transaction()?;
            let insert = "INSERT INTO staged (name, fields, create_time, update_time) VALUES (?, ?, ?, ?)";
            let mut insert = transaction.prepare_cached(insert)?;
            for change in changes {
                match change {
                    Change::Set(row) => {
                        insert.execute(params![row.name, row.fields, row.create_time.0, row.update_time.0])?
                    }
                    Change::Delete(name) => {
                        insert.execute(params![name, None::<String>, None::<i64>, None::<i64>])?
                    }
                };
            }
            drop(insert);
            transaction.commit()
        };
        self.sqlite(stage())
    }

    /// Forgets what was put aside.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn unstage(&mut self) -> Result<(), Failure> {
        self.sqlite(self.connection.execute_batch("DELETE FROM staged"))
    }

    /// Applies what was put aside, then `rest`, in one transaction with the cursor. When this is `all` there is,
    /// documents that are not among it go.
    ///
    /// # Errors
    ///
    /// As [`Cache::apply`].
    pub(crate) fn apply_staged(
        &mut self,
        rest: &[Change],
        all: bool,
        cursor: &Cursor,
    ) -> Result<Applied, Failure> {
        if all {
            self.stage(rest)?;
        }
        let applied = self.transact(Some(cursor), |batch| {
            let mut number = 0;
            while let Some((next, change)) = staged_after(&batch.transaction, number)? {
                batch.take(&change)?;
                number = next;
            }
            if all {
                let mut name = String::new();
                while let Some(next) = not_staged(&batch.transaction, &name)? {
                    name = next;
                    batch.take(&Change::Delete(name.clone()))?;
                }
            } else {
                for change in rest {
                    batch.take(change)?;
                }
            }
            batch.transaction.execute("DELETE FROM staged", []).map(|_| ())
        })?;
        Ok(applied)
    }
}

fn staged_after(connection: &rusqlite::Connection, number: i64) -> rusqlite::Result<Option<(i64, Change)>> {
    let select = "SELECT number, name, fields, create_time, update_time FROM staged WHERE number > ? ORDER BY number LIMIT 1";
    connection
        .prepare_cached(select)?
        .query_row([number], |row| {
            let name = row.get(1)?;
            let change = match row.get::<_, Option<String>>(2)? {
                None => Change::Delete(name),
                Some(fields) => {
                    let (create_time, update_time) = (Time(row.get(3)?), Time(row.get(4)?));
                    Change::Set(Row { name, fields, create_time, update_time })
                }
            };
            Ok((row.get(0)?, change))
        })
        .optional()
}

/// The first document after a name that was not put aside.
fn not_staged(connection: &rusqlite::Connection, after: &str) -> rusqlite::Result<Option<String>> {
    let select = "SELECT name FROM documents WHERE name > ? AND NOT EXISTS
        (SELECT 1 FROM staged WHERE staged.name = documents.name) ORDER BY name LIMIT 1";
    connection.prepare_cached(select)?.query_row([after], |row| row.get(0)).optional()
}
