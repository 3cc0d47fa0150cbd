//! Documents that are wanted by name.

use crate::cache::BATCH_BYTES;
use crate::change::{Change, Row};
use crate::client::{Client, Found};
use crate::failure::Failure;
use crate::meters::add;
use crate::stop::Stop;
use crate::time::Time;

/// Documents of one request.
pub(crate) const AT_ONCE: usize = 100;

/// A request on its way.
pub(crate) struct Fetching<'a> {
    client: &'a Client,
    stop: &'a Stop,
    root: String,
    found: Found,
}

impl<'a> Fetching<'a> {
    /// Asks for documents as of a time.
    pub(crate) async fn begin(
        client: &'a Client,
        stop: &'a Stop,
        names: &[String],
        at: Time,
    ) -> Result<Fetching<'a>, Failure> {
        let found = stop.or(client.get(names, at)).await?;
        Ok(Fetching { client, stop, root: client.source().root(), found })
    }

    /// As many of them as may wait in memory; none at the end.
    pub(crate) async fn batch(&mut self) -> Result<Option<Vec<Change>>, Failure> {
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES {
            let Some(document) = self.stop.or(self.found.next(self.client)).await? else { break };
            let row = Row::of(&document, &self.root)?;
            bytes += row.size();
            changes.push(Change::Set(row));
        }
        add(&self.client.meters().documents_read, changes.len());
        Ok((!changes.is_empty()).then_some(changes))
    }
}
