//! An engine that fails on demand, around any other: for tests of what the rooms above do about it.

use crate::{Batch, Committed, Engine, EngineStats, Expired, Reclaimed, Snapshot, Space, StorageError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How a commit fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No room: [`StorageError::Full`], this time only.
    Full,
    /// An I/O error before anything was written: [`StorageError::Io`], this time only.
    Io,
    /// A newer owner exists: [`Committed::Fenced`], now and for every later commit.
    Fenced,
    /// The disk failed half way: [`Committed::Unknown`], and [`StorageError::Poisoned`] for every later commit.
    Unknown {
        /// Whether the batch nevertheless reached the disk. It is seen only after [`FaultEngine::reopen`].
        applied: bool,
    },
}

/// Wraps an engine: commits can be made to fail, or held at a gate; all else goes through.
pub struct FaultEngine<E> {
    inner: E,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Faults of the next commits, first in first out.
    planned: VecDeque<Fault>,
    stopped: Option<Stopped>,
    /// Batches that reached the disk although their commit failed.
    surviving: Vec<Batch>,
    gates: usize,
    waiting: usize,
    committed: u64,
}

#[derive(Clone, Copy)]
enum Stopped {
    Poisoned,
    Fenced,
}

impl<E: Engine> FaultEngine<E> {
    /// An engine that does what `inner` does until told otherwise.
    pub fn new(inner: E) -> Self {
        FaultEngine { inner, state: Arc::default() }
    }

    /// The engine inside.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// Makes the next commit (after those planned before) fail so.
    pub fn fail_next(&self, fault: Fault) {
        self.state.0.lock().planned.push_back(fault);
    }

    /// Holds every commit from now on before it reaches the engine, until the gate is dropped.
    #[must_use = "dropping the gate opens it"]
    pub fn hold_commits(&self) -> Gate {
        self.state.0.lock().gates += 1;
        Gate { state: self.state.clone() }
    }

    /// How many commits have been done.
    pub fn committed(&self) -> u64 {
        self.state.0.lock().committed
    }

    /// Ends every fault, as closing and opening the data again would: what reached the disk is there.
    ///
    /// # Errors
    /// What the engine inside says to a batch that reached the disk.
    pub fn reopen(&self) -> Result<(), StorageError> {
        let surviving = {
            let mut state = self.state.0.lock();
            state.planned.clear();
            state.stopped = None;
            std::mem::take(&mut state.surviving)
        };
        for batch in surviving {
            let done = self.inner.commit(batch)?;
            assert_eq!(done, Committed::Done, "an engine without faults does what it is asked");
        }
        Ok(())
    }

    /// Waits at the gate, then says which fault is due; the last fault that stops everything wins.
    fn arrive(&self) -> Option<Fault> {
        let (state, changed) = &*self.state;
        let mut state = state.lock();
        state.waiting += 1;
        changed.notify_all();
        while state.gates > 0 {
            changed.wait(&mut state);
        }
        state.waiting -= 1;
        if state.stopped.is_some() { None } else { state.planned.pop_front() }
    }

    fn stop(&self, stopped: Stopped, surviving: Option<Batch>) {
        let mut state = self.state.0.lock();
        state.stopped = Some(stopped);
        state.surviving.extend(surviving);
    }

    fn pass(&self, batch: Batch) -> Result<Committed, StorageError> {
        match self.state.0.lock().stopped {
            Some(Stopped::Poisoned) => return Err(StorageError::Poisoned),
            Some(Stopped::Fenced) => return Ok(Committed::Fenced),
            None => {}
        }
        let committed = self.inner.commit(batch)?;
        self.state.0.lock().committed += 1;
        Ok(committed)
    }
}

impl<E: Engine> Engine for FaultEngine<E> {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.inner.snapshot()
    }

    fn commit(&self, batch: Batch) -> Result<Committed, StorageError> {
        match self.arrive() {
            None => self.pass(batch),
            Some(Fault::Full) => Err(StorageError::Full {
                path: PathBuf::from("faulty"),
                free: 0,
                needed: batch.bytes() as u64,
            }),
            Some(Fault::Io) => Err(StorageError::io("writing a batch", io::Error::other("a planned fault"))),
            Some(Fault::Fenced) => {
                self.stop(Stopped::Fenced, None);
                Ok(Committed::Fenced)
            }
            Some(Fault::Unknown { applied }) => {
                self.stop(Stopped::Poisoned, applied.then_some(batch));
                Ok(Committed::Unknown)
            }
        }
    }

    fn set_expired(&self, filter: Arc<dyn Expired>) {
        self.inner.set_expired(filter);
    }

    fn reclaim(&self, spaces: &[Space]) -> Result<Reclaimed, StorageError> {
        self.inner.reclaim(spaces)
    }

    fn stats(&self) -> EngineStats {
        let poisoned = matches!(self.state.0.lock().stopped, Some(Stopped::Poisoned));
        let stats = self.inner.stats();
        EngineStats { poisoned: poisoned || stats.poisoned, ..stats }
    }
}

/// A closed gate before the engine; dropping it lets the commits through.
pub struct Gate {
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Gate {
    /// Waits until `count` commits stand at the gate.
    pub fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.state;
        let mut state = state.lock();
        while state.waiting < count {
            changed.wait(&mut state);
        }
    }

    /// Lets the commits through.
    pub fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.state.0.lock().gates -= 1;
        self.state.1.notify_all();
    }
}
