//! The memory engine: ordered maps with versions. The other half of every mirrored test, the engine of
//! `--in-memory`, and the simulator's.
//!
//! Each key holds its versions, oldest first, tagged with the number of the commit that wrote them. A snapshot
//! is such a number; commits drop versions that no live snapshot can see.

mod table;

use crate::{
    Batch, Committed, Direction, Engine, EngineStats, Expired, KeyRange, Reclaimed, Row, Scan, Snapshot,
    Space, StorageError,
};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use table::{Commit, Table};

/// An engine that keeps everything in memory and forgets it when dropped. Durable means: applied.
#[derive(Default)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: RwLock<State>,
    /// The snapshots that are held, with how many hold each. Locked after `state`.
    held: Mutex<BTreeMap<Commit, usize>>,
    expired: Mutex<Option<Arc<dyn Expired>>>,
}

#[derive(Default)]
struct State {
    /// The number of the newest commit.
    newest: Commit,
    tables: [Table; 5],
    /// Keys with versions to drop once no snapshot older than the commit is held, in commit order.
    outdated: VecDeque<(Commit, Space, Bytes)>,
}

impl MemoryEngine {
    /// An empty engine.
    #[must_use]
    pub fn new() -> Self {
        MemoryEngine::default()
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(MemorySnapshot { held: Arc::new(Held::newest(&self.shared)) })
    }

    fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
        batch.check()?;
        let mut state = self.shared.state.write();
        let oldest_held = self.shared.held.lock().keys().next().copied();
        state.newest += 1;
        let commit = state.newest;
        for row in batch.into_rows() {
            if state.tables[row.space.index()].write(row.key.clone(), row.value, commit, oldest_held) {
                state.outdated.push_back((commit, row.space, row.key));
            }
        }
        state.drop_outdated(oldest_held);
        Ok(Committed::Done)
    }

    fn set_expired(&self, filter: Arc<dyn Expired>) {
        *self.shared.expired.lock() = Some(filter);
    }

    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        let filter = self.shared.expired.lock().clone();
        let Some(filter) = filter else { return Ok(Reclaimed::default()) };
        let mut state = self.shared.state.write();
        let mut reclaimed = Reclaimed::default();
        for &space in spaces {
            let (rows, bytes) = state.tables[space.index()].remove_if(|key| filter.expired(space, key));
            reclaimed.rows += rows;
            reclaimed.bytes += bytes;
        }
        Ok(reclaimed)
    }

    fn stats(&self) -> EngineStats {
        let state = self.shared.state.read();
        EngineStats {
            write_buffer_bytes: state.tables.iter().map(Table::bytes).sum(),
            rows: std::array::from_fn(|space| state.tables[space].keys()),
            ..EngineStats::default()
        }
    }
}

impl State {
    /// Drops versions that the oldest held snapshot cannot see any more.
    fn drop_outdated(&mut self, oldest_held: Option<Commit>) {
        while let Some((commit, _, _)) = self.outdated.front()
            && oldest_held.is_none_or(|oldest| *commit <= oldest)
        {
            let (_, space, key) = self.outdated.pop_front().expect("the queue has a front: it was just seen");
            self.tables[space.index()].drop_hidden(&key, oldest_held);
        }
    }
}

/// A commit number that is registered as held, until dropped.
struct Held {
    shared: Arc<Shared>,
    commit: Commit,
}

impl Held {
    fn newest(shared: &Arc<Shared>) -> Self {
        // The state stays locked while the snapshot registers, so that no commit can drop what it sees.
        let state = shared.state.read();
        *shared.held.lock().entry(state.newest).or_insert(0) += 1;
        Held { shared: shared.clone(), commit: state.newest }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.shared.held.lock();
        let count = held.get_mut(&self.commit).expect("a held snapshot stays registered until it is dropped");
        *count -= 1;
        if *count == 0 {
            held.remove(&self.commit);
        }
    }
}

struct MemorySnapshot {
    held: Arc<Held>,
}

impl Snapshot for MemorySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.held.shared.state.read().tables[space.index()].get(key, self.held.commit))
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Scan {
        Box::new(MemoryScan {
            held: self.held.clone(),
            space,
            range,
            direction,
            chunk: VecDeque::new(),
            next: 16,
        })
    }
}

/// A scan that copies a chunk of rows at a time, so that it never holds the lock while its reader works.
struct MemoryScan {
    held: Arc<Held>,
    space: Space,
    /// What is still to be read, the chunk excluded.
    range: KeyRange,
    direction: Direction,
    chunk: VecDeque<Row>,
    /// How many rows the next chunk takes: few at first, as most scans are short.
    next: usize,
}

impl Iterator for MemoryScan {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.is_empty() {
            self.refill();
        }
        self.chunk.pop_front().map(Ok)
    }
}

impl MemoryScan {
    fn refill(&mut self) {
        if self.range.is_empty() {
            return;
        }
        let state = self.held.shared.state.read();
        let table = &state.tables[self.space.index()];
        self.chunk = table.chunk(&self.range, self.direction, self.held.commit, self.next);
        match (self.chunk.back(), self.direction) {
            (None, _) => self.range = KeyRange::new("", ""),
            (Some((last, _)), Direction::Forward) => self.range.start = [last.as_ref(), &[0]].concat(),
            (Some((last, _)), Direction::Backward) => self.range.end = Some(last.to_vec()),
        }
        self.next = (self.next * 2).min(512);
    }
}
