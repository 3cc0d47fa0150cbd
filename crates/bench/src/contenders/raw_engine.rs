//! The raw engine: the rows of a commit, put straight into the local engine by threads.
//!
//! The rows are made by the functions of `database::keys` that commits use themselves; a test compares them,
//! space by space and size by size, with the batch that a real commit hands to its engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use database::SingleFieldKind;
use database::keys::changes::Change;
use database::keys::{DatabaseNumber, changes, documents, indexes};
use host::Random;
use model::{CollectionPath, FieldPath, Fields, Timestamp, body, encoding};
use storage::local::{LocalEngine, LocalOptions};
use storage::{Batch, Committed, Engine, Space};

use crate::failure::Failure;
use crate::load::BlockingClient;
use crate::sample::{self, COLLECTION, Sample};

/// As the catalog numbers its first database.
const NUMBER: DatabaseNumber = DatabaseNumber(1);

/// One thread that commits.
pub struct RawClient {
    engine: Arc<LocalEngine>,
    random: Random,
    /// Gives every commit its time, as the committer does.
    clock: Arc<AtomicI64>,
}

/// An engine in a directory of its own, with as many clients.
pub fn clients(directory: &Path, count: usize) -> Result<Vec<RawClient>, Failure> {
    let engine = Arc::new(LocalEngine::open(directory, LocalOptions::default())?);
    let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
    let client = |number: usize| {
        let random = Random::from_seed(number as u64);
        RawClient { engine: engine.clone(), random, clock: clock.clone() }
    };
    Ok((0..count).map(client).collect())
}

impl BlockingClient for RawClient {
    fn operate(&mut self) -> Result<(), Failure> {
        let time = Timestamp::from_micros(self.clock.fetch_add(1, Ordering::Relaxed))
            .ok_or_else(|| Failure::new("the clock ran out of its range"))?;
        let id = sample::id(&self.random);
        let batch = commit_rows(&id, &Sample::random(&self.random).fields(), time);
        match self.engine.commit(batch)? {
            Committed::Done => Ok(()),
            other => Err(Failure::new(format!("the engine answered {other:?}"))),
        }
    }
}

/// What committing a new document writes: the document, an entry for each field, a change-log row.
fn commit_rows(id: &str, fields: &Fields, time: Timestamp) -> Batch {
    let collection = CollectionPath::new(COLLECTION).expect("the name of a root collection");
    let path = collection.document(id);
    let mut batch = Batch::new();
    let row = documents::row(time, time, &body::encode(fields));
    batch.put(Space::Documents, documents::key(NUMBER, &path), row);
    for (name, value) in fields {
        let field = FieldPath::parse(name).expect("the sample's names are simple");
        let mut key = indexes::automatic(NUMBER, SingleFieldKind::Ordered, &collection, &field);
        encoding::push_index_value(&mut key, value);
        encoding::push_id(&mut key, id);
        batch.put(Space::Indexes, key, time.micros().to_be_bytes().to_vec());
    }
    let log = changes::row(&[Change { path, exists: true }]);
    batch.put(Space::Changes, changes::key(NUMBER, time), log);
    batch
}

/// How many rows one commit has, and how many bytes their keys and values.
pub fn describe_rows() -> String {
    let random = Random::from_seed(1);
    let id = sample::id(&random);
    let batch = commit_rows(&id, &Sample::random(&random).fields(), Timestamp::ZERO);
    let spaces = Space::ALL.into_iter().filter_map(|space| {
        let count = batch.rows().filter(|row| row.space == space).count();
        (count > 0).then(|| format!("{count} in {}", space.name()))
    });
    let spaces: Vec<_> = spaces.collect();
    format!("{} rows ({}) of {} bytes", batch.len(), spaces.join(", "), batch.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::DatabaseName;
    use model::write::{Operation, Precondition, Write};
    use std::sync::Mutex;
    use storage::memory::MemoryEngine;
    use storage::{EngineStats, Expired, Reclaimed, Snapshot, StorageError};

    /// A memory engine that keeps the last batch it was given.
    struct RecordingEngine {
        engine: MemoryEngine,
        last: Mutex<Option<Batch>>,
    }

    impl Engine for RecordingEngine {
        fn snapshot(&self) -> Arc<dyn Snapshot> {
            self.engine.snapshot()
        }

        fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
            *self.last.lock().unwrap() = Some(batch.clone());
            self.engine.commit(batch)
        }

        fn set_expired(&self, filter: Arc<dyn Expired>) {
            self.engine.set_expired(filter);
        }

        fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
            self.engine.reclaim(spaces)
        }

        fn stats(&self) -> EngineStats {
            self.engine.stats()
        }
    }

    /// Space, length of the key and length of the value of each row.
    fn sizes(batch: &Batch) -> Vec<(Space, usize, Option<usize>)> {
        let mut sizes: Vec<_> =
            batch.rows().map(|row| (row.space, row.key.len(), row.value.as_ref().map(Bytes::len))).collect();
        sizes.sort_unstable();
        sizes
    }

    #[tokio::test]
    async fn the_raw_rows_are_those_of_a_commit() {
        let engine = Arc::new(RecordingEngine { engine: MemoryEngine::new(), last: Mutex::default() });
        let options = database::Options::default();
        let store = database::Store::open(engine.clone(), host::Host::real(), options).unwrap();
        let database = store.database(&DatabaseName::new("bench", "(default)")).unwrap();
        let random = Random::from_seed(1);
        let id = sample::id(&random);
        let fields = Sample::random(&random).fields();
        let write = Write {
            path: CollectionPath::new(COLLECTION).unwrap().document(&id),
            operation: Operation::Set { fields: fields.clone(), mask: None, transforms: Vec::new() },
            precondition: Precondition::None,
        };
        database.commit(vec![write], None).await.unwrap();
        let committed = engine.last.lock().unwrap().take().unwrap();
        assert_eq!(sizes(&commit_rows(&id, &fields, Timestamp::ZERO)), sizes(&committed));
    }
}
