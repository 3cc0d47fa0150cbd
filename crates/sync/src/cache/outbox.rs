//! Changes on their way to the next program: kept until it has taken them, so that a crash repeats the last ones and
//! loses none. Their numbers only grow, which lets the receiver tell a repetition.

use super::{BATCH, BATCH_BYTES, Cache};
use crate::failure::Failure;

/// Changes to be delivered, oldest first, each a line of JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub lines: String,
    pub count: usize,
    last: i64,
}

impl Cache {
    /// A batch of the oldest changes that nobody has taken yet; `None` when all are delivered.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn outgoing(&self) -> Result<Option<Outgoing>, Failure> {
        let select = format!("SELECT number, change FROM outbox ORDER BY number LIMIT {BATCH}");
        let read = || {
            let mut outgoing = Outgoing { lines: String::new(), count: 0, last: 0 };
            let mut select = self.connection.prepare_cached(&select)?;
            let mut rows = select.query([])?;
            while outgoing.lines.len() < BATCH_BYTES
                && let Some(row) = rows.next()?
            {
                outgoing.last = row.get(0)?;
                outgoing.count += 1;
                let change = row.get_ref(1)?.as_str()?;
                outgoing.lines.push_str(&format!("{{\"number\":{},{change}}}\n", outgoing.last));
            }
            Ok((outgoing.count > 0).then_some(outgoing))
        };
        self.sqlite(read())
    }

    /// These have been taken.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn delivered(&mut self, outgoing: &Outgoing) -> Result<(), Failure> {
        let delete = "DELETE FROM outbox WHERE number <= ?";
        self.sqlite(self.connection.execute(delete, [outgoing.last])).map(|_| ())
    }
}
