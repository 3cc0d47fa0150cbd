//! Queries of apps that have more results: what `Next` goes on with.

use std::collections::{BTreeMap, HashMap};

use model::Status;
use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::appengine::messages::datastore::Query;

/// Queries kept at once; the one that was begun first makes room.
const MAX_OPEN: usize = 10_000;
/// Bytes of the requests of all.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// A query that nobody went on with for so long is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// The table.
#[derive(Default)]
pub(super) struct OpenQueries(Mutex<Table>);

#[derive(Default)]
struct Table {
    open: HashMap<u64, Open>,
    /// By age.
    in_order: BTreeMap<u64, u64>,
    next: u64,
    bytes: usize,
}

/// What is left of a query: the request that answers it, from its cursor on.
struct Open {
    rest: Query,
    bytes: usize,
    order: u64,
    kept: Instant,
}

impl OpenQueries {
    /// Keeps what is left of a query under `handle`; its request takes so many bytes.
    pub(super) fn keep(&self, handle: u64, rest: Query, bytes: usize) {
        let mut table = self.0.lock();
        table.remove(handle);
        table.next += 1;
        let (order, kept) = (table.next, Instant::now());
        table.open.insert(handle, Open { rest, bytes, order, kept });
        table.in_order.insert(order, handle);
        table.bytes += bytes;
        while let Some((_, oldest)) =
            table.in_order.first_key_value().map(|(order, oldest)| (*order, *oldest))
            && (table.is_full() || table.open[&oldest].kept.elapsed() >= IDLE)
        {
            table.remove(oldest);
        }
    }

    /// What is left of a query, and the bytes of its request. Error: it was forgotten, or never was.
    pub(super) fn rest(&self, handle: u64) -> Result<(Query, usize), Status> {
        let table = self.0.lock();
        let gone = || Status::invalid_argument("The cursor has expired; run the query again.");
        table.open.get(&handle).map(|open| (open.rest.clone(), open.bytes)).ok_or_else(gone)
    }

    /// Nobody goes on with a query.
    pub(super) fn forget(&self, handle: u64) {
        self.0.lock().remove(handle);
    }
}

impl Table {
    fn is_full(&self) -> bool {
        self.open.len() > MAX_OPEN || self.bytes > MAX_BYTES
    }

    fn remove(&mut self, handle: u64) {
        if let Some(open) = self.open.remove(&handle) {
            self.in_order.remove(&open.order);
            self.bytes -= open.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_queries_make_room() {
        let queries = OpenQueries::default();
        for handle in 0..=MAX_OPEN as u64 {
            queries.keep(handle, Query::default(), 1);
        }
        assert!(queries.rest(0).is_err() && queries.rest(1).is_ok());
        queries.keep(2, Query::default(), MAX_BYTES + 1);
        assert_eq!(queries.0.lock().open.len(), 0, "all made room for what is too large itself");
        queries.keep(3, Query::default(), 1);
        tokio::time::advance(IDLE).await;
        queries.keep(4, Query::default(), 1);
        assert!(queries.rest(3).is_err() && queries.rest(4).is_ok());
        queries.forget(4);
        assert_eq!(queries.0.lock().bytes, 0);
    }
}
