//! All databases over one engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::Host;
use model::{DatabaseName, Status, Timestamp};
use parking_lot::{Mutex, RwLock};
use storage::{Direction, Engine, KeyRange, Space};

use crate::build::IndexPlan;
use crate::catalog::Catalog;
use crate::database::{Database, History};
use crate::error;
use crate::index::IndexFile;
use crate::keys::{DatabaseNumber, changes};
use crate::mode::Mode;
use crate::options::Options;
use crate::retention::Retention;
use crate::transaction::Ending;

/// History is kept this much longer than the retention: no read that began in time loses its rows.
const SLACK: Duration = Duration::from_secs(300);
/// Least time between two physical clean-ups.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);

/// So many removed rows, and one of [`WORTH_IT`] that are there, make a clean-up rewrite live rows too.
const MANY_REMOVED: u64 = if cfg!(test) { 100 } else { 100_000 };
const WORTH_IT: u64 = 10;

/// See the module.
pub struct Store {
    engine: Arc<dyn Engine>,
    host: Host,
    options: Arc<Options>,
    catalog: Mutex<Catalog>,
    databases: RwLock<HashMap<DatabaseName, Arc<Database>>>,
    retention: Arc<Retention>,
    cleaning: AtomicBool,
    last_clean_up: Mutex<Duration>,
}

impl Store {
    /// Opens the catalog of `engine` and goes on with whatever was under way.
    pub fn open(engine: Arc<dyn Engine>, host: Host, options: Options) -> Result<Arc<Store>, Status> {
        let catalog = Catalog::new(engine.clone());
        let retention = Arc::new(Retention::new(catalog.cleared()?, catalog.dropped()?));
        engine.set_expired(retention.clone());
        Ok(Arc::new(Store {
            last_clean_up: Mutex::new(host.elapsed()),
            engine,
            host,
            options: Arc::new(options),
            catalog: Mutex::new(catalog),
            databases: RwLock::default(),
            retention,
            cleaning: AtomicBool::new(false),
        }))
    }

    /// The machine the store runs on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The engine below.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// A database of documents by name; made when it is first named, if the options allow it.
    ///
    /// # Errors
    /// FAILED_PRECONDITION for one that holds entities.
    pub fn database(self: &Arc<Self>, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        self.find(name, Mode::Native, self.options.create_on_use)
    }

    /// A database of entities by name; made when it is first named, if the options allow it.
    ///
    /// # Errors
    /// FAILED_PRECONDITION for one that holds documents.
    pub fn datastore(self: &Arc<Self>, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        self.find(name, Mode::Datastore, self.options.create_on_use)
    }

    /// A database of documents by name; made if it is not there, whatever the options say.
    pub fn create(self: &Arc<Self>, name: &DatabaseName) -> Result<Arc<Database>, Status> {
        self.find(name, Mode::Native, true)
    }

    /// What a database holds; None for one that is not there, or that was cleared and not used since.
    pub fn mode(&self, name: &DatabaseName) -> Result<Option<Mode>, Status> {
        if let Some(database) = self.databases.read().get(name) {
            return Ok(Some(database.mode()));
        }
        let catalog = self.catalog.lock();
        catalog.number(name)?.map_or(Ok(None), |_| catalog.mode(name))
    }

    fn find(
        self: &Arc<Self>,
        name: &DatabaseName,
        mode: Mode,
        create: bool,
    ) -> Result<Arc<Database>, Status> {
        let in_mode = |database: &Arc<Database>| {
            let found = database.mode();
            if found == mode { Ok(database.clone()) } else { Err(found.refusal(name)) }
        };
        if let Some(database) = self.databases.read().get(name).filter(|database| !database.is_ended()) {
            return in_mode(database);
        }
        // Whoever clears the database holds the catalog, too.
        let catalog = self.catalog.lock();
        if let Some(database) = self.databases.read().get(name) {
            return in_mode(database);
        }
        let database = match catalog.number(name)? {
            Some(number) => {
                match catalog.mode(name)? {
                    Some(found) if found != mode => return Err(found.refusal(name)),
                    Some(_) => {}
                    None => catalog.declare_mode(name, mode)?,
                }
                self.load(&catalog, (name, mode), number)?
            }
            None if create => {
                let now = Timestamp::from_micros(self.host.now_micros()).unwrap_or(Timestamp::MAX);
                let (_, number) = catalog.renumber(name, Some(mode), now.previous())?;
                self.load(&catalog, (name, mode), number)?
            }
            None => return Err(unknown_database(name)),
        };
        self.databases.write().insert(name.clone(), database.clone());
        drop(catalog);
        self.build_in_background(database.clone());
        Ok(database)
    }

    /// Drops all that a database holds, whatever its size, at once. Open transactions end, and the next use declares
    /// what it holds from then on.
    pub fn clear(self: &Arc<Self>, name: &DatabaseName) -> Result<(), Status> {
        let catalog = self.catalog.lock();
        let before = self.databases.read().get(name).cloned();
        let set_ended = |ended| before.iter().for_each(|before| before.inner.publication.set_ended(ended));
        // Followers hand out no later times of what is about to go; whatever has been seen is before what
        // comes.
        set_ended(true);
        // No time belongs to both: whoever comes back with an earlier one knows the old documents.
        let seen = before.as_ref().map_or(Timestamp::ZERO, |before| before.view().read_time().next());
        let now = Timestamp::from_micros(self.host.now_micros()).unwrap_or(Timestamp::MAX);
        let renumbered = catalog.renumber(name, None, seen.max(now.previous()));
        let (old, _) = renumbered.inspect_err(|_| set_ended(false))?;
        // From here on the old rows are garbage, so nobody may go on with them, whatever fails below.
        self.databases.write().remove(name);
        if let Some(old) = old {
            self.retention.clear(old);
        }
        drop(catalog);
        if let Some(before) = before {
            before.inner.end_all_transactions(Ending::Expired);
        }
        Ok(())
    }

    /// Clears every database in use.
    pub fn clear_all(self: &Arc<Self>) -> Result<(), Status> {
        let names: Vec<_> = self.databases.read().keys().cloned().collect();
        names.iter().try_for_each(|name| self.clear(name))
    }

    /// Declares `file` as the indexes of one database, in place of what it had. Returns at once; new
    /// indexes are built in the background. A database that nobody has used becomes one of documents.
    pub fn declare_indexes(self: &Arc<Self>, name: &DatabaseName, file: &IndexFile) -> Result<(), Status> {
        let database = match self.mode(name)? {
            Some(Mode::Datastore) => self.datastore(name)?,
            Some(Mode::Native) | None => self.database(name)?,
        };
        {
            let catalog = self.catalog.lock();
            let before = database.indexes();
            let number = before.number();
            let plan = IndexPlan::new(&catalog, number, file, false)?;
            plan.record(&catalog, number)?;
            let fewer = !plan.dropped.is_empty() || plan.set.overrides() != before.overrides();
            let when = database.inner.replace_indexes(plan.set, fewer);
            plan.dropped.iter().for_each(|id| self.retention.drop_index(number, *id, when));
        }
        self.build_in_background(database);
        Ok(())
    }

    /// To be called a few times a second: ends what has lived, idled or waited too long, and cleans up.
    pub fn tick(self: &Arc<Self>) {
        let databases: Vec<_> = self.databases.read().values().cloned().collect();
        databases.iter().for_each(|database| database.inner.tick());
        self.advance_horizon();
        let now = self.host.elapsed();
        let due = now.saturating_sub(*self.last_clean_up.lock()) >= CLEAN_UP_EVERY;
        if due && !self.cleaning.swap(true, Ordering::SeqCst) {
            *self.last_clean_up.lock() = now;
            let store = self.clone();
            self.host.spawn_blocking(move || {
                store.clean_up();
                store.cleaning.store(false, Ordering::SeqCst);
            });
        }
    }

    /// Gives back the space of expired history and change-log rows. Blocks; reads and writes go on.
    ///
    /// A removed row leaves a mark in the engine, over which scans step: the head of a queue would be slow to
    /// find for ever. So when many were removed, their spaces are rewritten as well.
    pub fn clean_up(&self) {
        self.advance_horizon();
        let all = [Space::History, Space::Changes, Space::Documents, Space::Indexes];
        let spaces = if self.take_many_removed_rows() { &all[..] } else { &all[..2] };
        match self.engine.reclaim(spaces) {
            Ok(reclaimed) => tracing::debug!(?spaces, ?reclaimed, "cleaned up"),
            Err(error) => tracing::warn!(%error, "the clean-up failed; the next will try again"),
        }
    }

    /// True when enough rows were removed to be worth rewriting the others; then the count begins anew.
    fn take_many_removed_rows(&self) -> bool {
        let databases = self.databases.read();
        let counts = || databases.values().map(|database| &database.inner.removed_rows);
        let removed: u64 = counts().map(|count| count.load(Ordering::Relaxed)).sum();
        let rows = self.engine.stats().rows;
        let there = rows[Space::Documents.index()] + rows[Space::Indexes.index()];
        let many = removed >= MANY_REMOVED && removed >= there / WORTH_IT;
        if many {
            counts().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        many
    }

    /// Gives back all space that can be given back: also that of cleared databases, and of indexes that were
    /// dropped so long ago that nobody reads them any more.
    pub fn compact(&self) -> Result<(), Status> {
        self.advance_horizon();
        let cleared = self.catalog.lock().cleared()?;
        self.engine.reclaim(&Space::ALL).map_err(error::storage)?;
        self.catalog.lock().forget_garbage(&cleared)
    }

    /// Finishes what is queued. Call it when no request is under way any more.
    pub fn shutdown(&self) {
        let databases: Vec<_> = self.databases.read().values().cloned().collect();
        databases.iter().for_each(|database| database.inner.finish());
    }

    fn advance_horizon(&self) {
        let keep = self.options.retention + SLACK;
        let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let horizon = Timestamp::from_micros(self.host.now_micros().saturating_sub(keep));
        self.retention.advance(horizon.unwrap_or(Timestamp::ZERO));
    }

    /// Opens a database.
    fn load(
        &self,
        catalog: &Catalog,
        (name, mode): (&DatabaseName, Mode),
        number: DatabaseNumber,
    ) -> Result<Arc<Database>, Status> {
        let (last_commit, begun) = (self.last_commit(number)?, catalog.begun(name)?);
        // Without documents an index is complete at once, but only if none were there that can still be read.
        let empty = last_commit == Timestamp::ZERO && self.is_empty(number)?;
        let indexes = match mode {
            Mode::Native => &self.options.indexes,
            Mode::Datastore => &self.options.entity_indexes,
        };
        let plan = IndexPlan::new(catalog, number, indexes, empty)?;
        plan.record(catalog, number)?;
        // The database is not in use yet, so nobody can be reading them.
        plan.dropped.iter().for_each(|id| self.retention.drop_index(number, *id, Timestamp::ZERO));
        let (engine, host) = (self.engine.clone(), self.host.clone());
        let options = self.options.clone();
        let history = History { begun, last_commit: last_commit.max(begun) };
        Ok(Arc::new(Database::new((name.clone(), mode), engine, host, options, plan.set, history)))
    }

    fn is_empty(&self, number: DatabaseNumber) -> Result<bool, Status> {
        let range = KeyRange::prefix(&number.prefix());
        match self.engine.snapshot().scan(Space::Documents, range, Direction::Forward).next() {
            None => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(error)) => Err(error::storage(error)),
        }
    }

    fn last_commit(&self, number: DatabaseNumber) -> Result<Timestamp, Status> {
        let range = KeyRange::prefix(&number.prefix());
        match self.engine.snapshot().scan(Space::Changes, range, Direction::Backward).next() {
            None => Ok(Timestamp::ZERO),
            Some(Ok((key, _))) => Ok(changes::time(&key)?),
            Some(Err(error)) => Err(error::storage(error)),
        }
    }

    fn build_in_background(self: &Arc<Self>, database: Arc<Database>) {
        let unfinished = |index: &Arc<crate::DeclaredIndex>| index.state == crate::IndexState::Building;
        if !database.indexes().declared().iter().any(unfinished) {
            return;
        }
        let store = self.clone();
        self.host.spawn_blocking(move || {
            let catalog = Catalog::new(store.engine.clone());
            let built = database.build_indexes(&catalog, |database, catalog, id, since| {
                let _serialised = store.catalog.lock();
                let set = database.index_ready(id, since);
                catalog.write_indexes(set.number(), set.declared(), &[], &[])
            });
            if let Err(status) = built {
                tracing::error!(database = %database.name(), %status, "an index could not be built; a restart tries again");
            }
        });
    }
}

fn unknown_database(name: &DatabaseName) -> Status {
    let (project, database) = (&name.project, &name.database);
    Status::not_found(format!(
        "The database {database} does not exist for project {project} Please visit \
         https://console.cloud.google.com/datastore/setup?project={project} to add a Cloud Datastore or \
         Cloud Firestore database. "
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::ManualClock;
    use model::write::{Operation, Precondition, Write};
    use model::{DocumentPath, Fields, Value};
    use storage::memory::MemoryEngine;
    use storage::{Batch, Committed, EngineStats, Expired, Reclaimed, Snapshot, StorageError};

    /// A memory engine that notes which spaces it was to reclaim.
    #[derive(Default)]
    struct Noting {
        engine: MemoryEngine,
        reclaimed: Mutex<Vec<Vec<Space>>>,
    }

    impl Engine for Noting {
        fn snapshot(&self) -> Arc<dyn Snapshot> {
            self.engine.snapshot()
        }

        fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
            self.engine.commit(batch)
        }

        fn set_expired(&self, filter: Arc<dyn Expired>) {
            self.engine.set_expired(filter);
        }

        fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
            self.reclaimed.lock().push(spaces.to_vec());
            self.engine.reclaim(spaces)
        }

        fn stats(&self) -> EngineStats {
            self.engine.stats()
        }
    }

    fn commit(database: &Database, operation: &Operation) {
        let write = |number: u64| Write {
            path: DocumentPath::new(&format!("queue/{number}")).unwrap(),
            operation: operation.clone(),
            precondition: Precondition::None,
        };
        let writes = (0..MANY_REMOVED / 2).map(write).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(database.commit(writes, None)).unwrap();
    }

    #[test]
    fn a_clean_up_rewrites_live_rows_only_when_many_were_removed() {
        let engine = Arc::new(Noting::default());
        let host = Host::simulated(Arc::new(ManualClock::at(1)), 1);
        let store = Store::open(engine.clone(), host, Options::default()).unwrap();
        let database = store.database(&DatabaseName::new("p", "d")).unwrap();
        let fields = Fields::from([("n".to_owned(), Value::Integer(1))]);
        commit(&database, &Operation::Set { fields, mask: None, transforms: Vec::new() });
        store.clean_up();
        // Each document goes with its entry in the index.
        commit(&database, &Operation::Delete);
        store.clean_up();
        store.clean_up();
        let lengths: Vec<_> = engine.reclaimed.lock().iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 4, 2]);
    }
}
