//! The first copy: all documents in the order of their names, as of one time, so that what has changed since can be
//! listened to, or asked for, from exactly there. A copy that is interrupted goes on behind its last batch.
//!
//! It is in this order for polling as well: in the order of time, names would go to all places of the file's index, a
//! page of it for each document.

use crate::change::Change;
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::follow::{Follower, PAGE};
use crate::settings::Event;
use crate::source::Stretch;
use crate::time::Time;

/// How far a copy is.
struct Copying {
    read_time: Time,
    torn: bool,
    after: Option<String>,
}

impl Follower {
    /// Copies all. Answers the time that the cache is the state of.
    pub(crate) async fn copy(&self, cursor: Cursor) -> Result<Time, Failure> {
        let (total, now) = self.stop.or(self.client.count(self.client.source().query(), None)).await?;
        let mut copying = match cursor {
            Cursor::Copying { read_time, torn, after } => Copying { read_time, torn, after },
            Cursor::Fresh | Cursor::Following { .. } | Cursor::Polling(_) => {
                Copying { read_time: now, torn: false, after: None }
            }
        };
        self.observer.tell(&Event::CopyBegins { total });
        loop {
            match self.copy_page(&mut copying).await {
                Ok(true) => {}
                Ok(false) => break,
                // The copy takes longer than the server keeps the past. The rest is read as of now; what has
                // changed meanwhile in the part before is found by comparing.
                Err(failure) if failure.kind == Kind::TooOld => {
                    let query = self.client.source().query();
                    let (_, now) = self.stop.or(self.client.count(query, None)).await?;
                    copying.torn |= copying.after.is_some();
                    copying.read_time = now;
                }
                Err(failure) => return Err(failure),
            }
        }
        let as_of = match copying.torn {
            true => self.align("the first copy took long", None, None).await?,
            false => copying.read_time,
        };
        self.apply(Vec::new(), Some(Cursor::Following { as_of, token: None })).await?;
        Ok(as_of)
    }

    /// Copies one page, batch by batch; one is written while the next is on its way. Answers whether there may be
    /// more.
    async fn copy_page(&self, copying: &mut Copying) -> Result<bool, Failure> {
        let stretch = Stretch { after: copying.after.clone(), to: None };
        let mut query = self.client.source().stretch(&stretch);
        query.limit = Some(i32::try_from(PAGE).expect("a page is small"));
        let mut answer = self.stop.or(self.client.run_query(query, Some(copying.read_time))).await?;
        let mut batch = self.batch(&mut answer).await?;
        let mut count = 0;
        while let Some(last) = batch.last {
            count += batch.read;
            copying.after = Some(last);
            let (read_time, torn, after) = (copying.read_time, copying.torn, copying.after.clone());
            let cursor = Cursor::Copying { read_time, torn, after };
            let changes = batch.rows.into_iter().map(Change::Set).collect();
            let (applied, next) = tokio::join!(self.apply(changes, Some(cursor)), self.batch(&mut answer));
            applied?;
            batch = next?;
        }
        Ok(count == PAGE)
    }
}
