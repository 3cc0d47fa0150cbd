//! The hubs of a store: one for each database that somebody listens to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use database::{IndexDefinition, Store};
use model::{DatabaseName, Status};
use parking_lot::Mutex;
use query::MissingIndex;
use tokio::sync::Semaphore;

use crate::hub::Hub;
use crate::stream::ListenStream;

/// Streams that read at once, for each processor, and at least. More would only share the same processors; and each
/// thread leaves memory behind that only it fills again, which ten thousand streams that come together would feel.
const READING_FOR_EACH_PROCESSOR: usize = 2;
const READING_AT_LEAST: usize = 4;

/// See the module.
pub struct Hubs {
    store: Arc<Store>,
    options: Options,
    hubs: Mutex<HashMap<DatabaseName, Arc<Hub>>>,
    pub(crate) reading: Arc<Semaphore>,
    streams: AtomicU64,
}

/// Called with an index that a target would have liked.
pub type Suggest = dyn Fn(&DatabaseName, &IndexDefinition) + Send + Sync;

/// How targets are answered.
#[derive(Clone)]
pub struct Options {
    /// What becomes of a query whose index is not there.
    pub missing_index: MissingIndex,
    pub suggest: Arc<Suggest>,
}

impl Hubs {
    /// The hubs of `store`; there are none until somebody listens.
    pub fn new(store: Arc<Store>, options: Options) -> Arc<Self> {
        Arc::new(Hubs {
            store,
            options,
            hubs: Mutex::default(),
            reading: Arc::new(Semaphore::new(reading_at_once())),
            streams: AtomicU64::new(0),
        })
    }

    /// Opens a stream without targets. It needs a tokio runtime with timers.
    ///
    /// # Errors
    /// NOT_FOUND for a database that does not exist.
    pub fn open(self: &Arc<Self>, database: &DatabaseName) -> Result<ListenStream, Status> {
        self.store.database(database)?;
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        Ok(ListenStream::new(self.clone(), database.clone(), number))
    }

    /// How often a change was shown to a query or a document that somebody listens to: what writes cost
    /// because of listeners.
    pub fn evaluated(&self, database: &DatabaseName) -> u64 {
        self.hubs.lock().get(database).map_or(0, |hub| hub.evaluated())
    }

    /// Goes through all commits that there are, as the dispatcher does when they come: then it is in the
    /// mailboxes of all streams what they mean. Blocks.
    pub fn catch_up(&self, database: &DatabaseName) {
        let hub = self.hubs.lock().get(database).cloned();
        hub.iter().for_each(|hub| hub.catch_up());
    }

    /// The hub of the database as it stands. Blocks while the database is being cleared.
    pub(crate) fn hub(&self, name: &DatabaseName) -> Result<Arc<Hub>, Status> {
        let database = self.store.database(name)?;
        let mut hubs = self.hubs.lock();
        if let Some(hub) = hubs.get(name)
            && Arc::ptr_eq(&hub.database, &database)
            && !hub.has_ended()
        {
            return Ok(hub.clone());
        }
        let hub = Hub::new(database, self.options.missing_index);
        hubs.insert(name.clone(), hub.clone());
        Ok(hub)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }
}

fn reading_at_once() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors * READING_FOR_EACH_PROCESSOR).max(READING_AT_LEAST)
}
