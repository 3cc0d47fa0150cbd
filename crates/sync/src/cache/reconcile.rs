//! What an existence filter says, held against the documents that will be here when what was put aside is applied.

use super::{BATCH, Cache};
use crate::change::Change;
use crate::failure::Failure;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reconciled {
    /// The numbers are equal, perhaps because deletions of what is gone were put aside.
    Equal,
    /// So many documents will be here, and nobody knows which of them should not.
    Differs { here: u64 },
    /// A bounded cache does not hold everything: its number says nothing.
    Bounded,
}

impl Cache {
    /// Compares with the server's number. When there are more here, what does not pass is gone, and its deletion is put
    /// aside. `all` as in [`Cache::apply_staged`].
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub(crate) fn reconcile(
        &mut self,
        expected: u64,
        passes: impl Fn(&str) -> bool,
        all: bool,
    ) -> Result<Reconciled, Failure> {
        if self.held.evicted_until.is_some() {
            return Ok(Reconciled::Bounded);
        }
        let mut here = self.expectant(all)?;
        if here > expected && !all {
            here -= self.put_aside_unless(passes)?;
        }
        Ok(if here == expected { Reconciled::Equal } else { Reconciled::Differs { here } })
    }

    /// How many documents there will be.
    fn expectant(&self, all: bool) -> Result<u64, Failure> {
        // Of the numbers of a name the greatest is that of the last change, and `fields` comes from its row.
        let last = "SELECT name, fields, max(number) FROM staged GROUP BY name";
        let select = match all {
            true => format!("SELECT 0, count(fields) FROM ({last})"),
            false => format!(
                "SELECT count(documents.name) FILTER (WHERE last.fields IS NULL),
                        count(last.fields) FILTER (WHERE documents.name IS NULL)
                 FROM ({last}) AS last LEFT JOIN documents ON documents.name = last.name"
            ),
        };
        let counted =
            self.connection.query_row(&select, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)));
        let (leave, come) = self.sqlite(counted)?;
        Ok(if all { come } else { self.held.rows - leave + come })
    }

    /// Puts aside the deletion of each document that does not pass, and of which nothing was told. Answers how many.
    fn put_aside_unless(&mut self, passes: impl Fn(&str) -> bool) -> Result<u64, Failure> {
        let mut gone = 0;
        let mut after = String::new();
        loop {
            let names = self.untold(&after)?;
            let Some(last) = names.last() else { return Ok(gone) };
            after.clone_from(last);
            let deletions: Vec<_> =
                names.into_iter().filter(|name| !passes(name)).map(Change::Delete).collect();
            gone += deletions.len() as u64;
            self.stage(&deletions)?;
        }
    }

    /// A batch of names of documents after one, of which nothing was put aside.
    fn untold(&self, after: &str) -> Result<Vec<String>, Failure> {
        let select = "SELECT name FROM documents WHERE name > ? AND NOT EXISTS
            (SELECT 1 FROM staged WHERE staged.name = documents.name) ORDER BY name LIMIT ?";
        let read = || {
            let mut select = self.connection.prepare_cached(select)?;
            select.query_map((after, BATCH as i64), |row| row.get(0))?.collect()
        };
        self.sqlite(read())
    }
}
