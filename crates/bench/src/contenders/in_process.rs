//! The same commits through the `database` room in this process: Irori without gRPC and without a second process.

use std::path::Path;
use std::sync::Arc;

use database::{Database, Options, Store};
use host::{Host, Random};
use model::write::{Operation, Precondition, Write};
use model::{CollectionPath, DatabaseName};
use storage::local::{LocalEngine, LocalOptions};

use crate::failure::Failure;
use crate::load::Client;
use crate::sample::{self, COLLECTION, Sample};

/// The database of all benchmarks.
pub fn database_name() -> DatabaseName {
    DatabaseName::new("bench", "(default)")
}

/// A store in a directory of its own. Must be called within a tokio runtime.
pub fn open(directory: &Path, host: Host) -> Result<Arc<Store>, Failure> {
    let engine = Arc::new(LocalEngine::open(directory, LocalOptions::default())?);
    Ok(Store::open(engine, host, Options::default())?)
}

/// One task that commits new documents.
pub struct InProcessClient {
    database: Arc<Database>,
    collection: CollectionPath,
    random: Random,
}

impl InProcessClient {
    /// As many clients of one database.
    pub fn several(database: &Arc<Database>, count: usize) -> Vec<Self> {
        let collection = CollectionPath::new(COLLECTION).expect("the name of a root collection");
        let client = |number: usize| {
            let random = Random::from_seed(number as u64);
            InProcessClient { database: database.clone(), collection: collection.clone(), random }
        };
        (0..count).map(client).collect()
    }
}

impl Client for InProcessClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let path = self.collection.document(&sample::id(&self.random));
        let fields = Sample::random(&self.random).fields();
        let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
        let write = Write { path, operation, precondition: Precondition::None };
        self.database.commit(vec![write], None).await?;
        Ok(())
    }
}
