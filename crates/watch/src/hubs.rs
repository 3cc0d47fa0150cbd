//! The hubs of a store: one for each database that somebody listens to.

use std::sync::Arc;

use database::{IndexDefinition, Store};
use model::{DatabaseName, Status};
use query::MissingIndex;

use crate::stream::ListenStream;

/// See the module.
pub struct Hubs {
    store: Arc<Store>,
}

/// How targets are answered.
#[derive(Clone)]
pub struct Options {
    /// What becomes of a query whose index is not there.
    pub missing_index: MissingIndex,
    /// Called with an index that a target would have liked.
    pub suggest: Arc<dyn Fn(&DatabaseName, &IndexDefinition) + Send + Sync>,
}

impl Hubs {
    /// The hubs of `store`; there are none until somebody listens.
    pub fn new(store: Arc<Store>, _options: Options) -> Arc<Self> {
        Arc::new(Hubs { store })
    }

    /// Opens a stream without targets.
    pub fn open(self: &Arc<Self>, database: &DatabaseName) -> Result<ListenStream, Status> {
        self.store.database(database)?;
        Ok(ListenStream {})
    }
}
