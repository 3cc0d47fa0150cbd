//! A store with all that is below it: an engine of either kind, and a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use database::{Database, Options, Store};
use host::{Host, ManualClock};
use model::{DatabaseName, Status, Timestamp};
use storage::Engine;
use storage::local::{LocalEngine, LocalOptions};
use storage::memory::MemoryEngine;
use tempfile::TempDir;

use crate::notation::START;

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    Memory,
    Local,
}

/// See the module.
pub struct World {
    clock: Arc<ManualClock>,
    seed: u64,
    options: Options,
    engine: Arc<dyn Engine>,
    store: Option<Arc<Store>>,
    directory: Option<TempDir>,
    name: DatabaseName,
}

impl World {
    /// An empty store whose background work runs at once and whose randomness `seed` repeats.
    pub fn new(kind: EngineKind, seed: u64, options: Options) -> Self {
        match kind {
            EngineKind::Memory => Self::over(Arc::new(MemoryEngine::new()), seed, options),
            EngineKind::Local => {
                let directory = tempfile::tempdir().expect("the machine has room for a directory");
                let engine = open_local(&directory);
                World { directory: Some(directory), ..Self::over(engine, seed, options) }
            }
        }
    }

    /// A store over an engine of the test's own.
    pub fn over(engine: Arc<dyn Engine>, seed: u64, options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let name = DatabaseName::new("p", "(default)");
        let mut world = World { clock, seed, options, engine, store: None, directory: None, name };
        world.open();
        world
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        self.store.as_ref().expect("a world is without a store only while it is opened again")
    }

    /// The engine below the store.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The name of the database that tests use.
    pub fn name(&self) -> &DatabaseName {
        &self.name
    }

    /// The database that tests use.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub fn database(&self) -> Arc<Database> {
        self.try_database().expect("the database opens")
    }

    /// The same database for tests that use it in datastore mode.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub fn datastore(&self) -> Arc<Database> {
        self.store().datastore(&self.name).expect("the database opens")
    }

    /// The database that tests use, or why it cannot be opened.
    pub fn try_database(&self) -> Result<Arc<Database>, Status> {
        self.store().database(&self.name)
    }

    /// The time on the clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.store().host().now_micros()).expect("a test's clock stays in our age")
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Closes the store and opens it again: transactions are lost, what was acknowledged is not. The engine is
    /// closed and opened too if it is a local one. Nothing may be using the database any more.
    pub fn reopen(&mut self) {
        self.store().shutdown();
        self.store = None;
        if let Some(directory) = &self.directory {
            self.engine = Arc::new(MemoryEngine::new());
            self.engine = open_local(directory);
        }
        self.seed += 1;
        self.open();
    }

    /// As [`World::reopen`], with other options.
    pub fn reopen_with(&mut self, options: Options) {
        self.options = options;
        self.reopen();
    }

    fn open(&mut self) {
        let host = Host::simulated(self.clock.clone(), self.seed);
        let store = Store::open(self.engine.clone(), host, self.options.clone());
        self.store = Some(store.expect("the store opens"));
    }
}

fn open_local(directory: &TempDir) -> Arc<dyn Engine> {
    let options = LocalOptions {
        cache_bytes: 4 << 20,
        write_buffer_bytes: 1 << 20,
        background_threads: 1,
        reserve_bytes: 0,
        ..LocalOptions::default()
    };
    Arc::new(LocalEngine::open(directory.path(), options).expect("the directory opens"))
}
