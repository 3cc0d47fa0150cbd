//! The places of commits that are rehearsed, shared out so that no caller takes those of the others.
//!
//! Whoever commits has places of his own to wait in, and takes one of the stage's and one turn for slow commits at a
//! time: his own commits wait for one another first, and then in one line in which he stands once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Rehearsals at once. More would only share the same cores.
const STAGE: usize = 2;
/// Slow commits that wait for their turn at once.
const SLOW: usize = 1;
/// Commits with a place in one database.
const MAX_PLACES: usize = 1_000;
/// Of them those of one user.
const MAX_OF_USER: usize = 16;
/// And those of all who have not signed in. The rest is for who has.
const MAX_OF_ANONYMOUS: usize = 500;

const OPEN: &str = "these semaphores are never closed";

/// Those of one database.
pub(crate) struct Places {
    table: Mutex<Table>,
    stage: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

/// Who has places. It holds nobody who has none.
#[derive(Default)]
struct Table {
    taken: usize,
    callers: HashMap<Option<Arc<str>>, Caller>,
}

struct Caller {
    taken: usize,
    stage: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

/// One place. It is kept until all work for its commit is over, also when nobody waits for the answer any more.
pub(crate) struct Place {
    places: Arc<Places>,
    caller: Option<Arc<str>>,
    stage: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

/// A place on the stage, or the turn for slow commits.
pub(crate) struct Held {
    _permits: [OwnedSemaphorePermit; 2],
    _place: Arc<Place>,
}

impl Places {
    pub(crate) fn new() -> Arc<Self> {
        let [stage, slow] = [STAGE, SLOW].map(|permits| Arc::new(Semaphore::new(permits)));
        Arc::new(Places { table: Mutex::default(), stage, slow })
    }

    /// A place for a commit of `caller` (None: of somebody who has not signed in); None when he, or all together, have
    /// as many as they may.
    pub(crate) fn enter(self: &Arc<Self>, caller: Option<Arc<str>>) -> Option<Arc<Place>> {
        let most = if caller.is_some() { MAX_OF_USER } else { MAX_OF_ANONYMOUS };
        let mut table = self.table.lock();
        let Table { taken, callers } = &mut *table;
        let own = callers.get(&caller).map_or(0, |own| own.taken);
        if *taken >= MAX_PLACES || own >= most {
            return None;
        }
        let own = callers.entry(caller.clone()).or_insert_with(Caller::new);
        *taken += 1;
        own.taken += 1;
        let (stage, slow) = (own.stage.clone(), own.slow.clone());
        Some(Arc::new(Place { places: self.clone(), caller, stage, slow }))
    }
}

impl Caller {
    fn new() -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Caller { taken: 0, stage: one(), slow: one() }
    }
}

impl Place {
    /// Waits until the commit may be rehearsed.
    pub(crate) async fn stage(self: &Arc<Self>) -> Held {
        self.hold(&self.stage, &self.places.stage).await
    }

    /// Waits until it is the one slow commit that may wait for its turn.
    pub(crate) async fn slow(self: &Arc<Self>) -> Held {
        self.hold(&self.slow, &self.places.slow).await
    }

    async fn hold(self: &Arc<Self>, own: &Arc<Semaphore>, all: &Arc<Semaphore>) -> Held {
        let own = own.clone().acquire_owned().await.expect(OPEN);
        let all = all.clone().acquire_owned().await.expect(OPEN);
        Held { _permits: [own, all], _place: self.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table.lock();
        let Table { taken, callers } = &mut *table;
        *taken -= 1;
        let own = callers.get_mut(&self.caller).expect("who has a place is in the table");
        own.taken -= 1;
        if own.taken == 0 {
            callers.remove(&self.caller);
        }
    }
}
