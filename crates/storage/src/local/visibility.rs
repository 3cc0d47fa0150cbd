//! Which state a new snapshot shows.
//!
//! fjall numbers every change and lets a snapshot see all numbers below the newest *published* one. A batch takes
//! its number first, is then written to the disk, and only then put in place. Meanwhile background work that
//! finishes a file takes the next number and publishes it: a snapshot taken now counts the batch as visible while
//! none, some or all of its rows are in place, and changes under its reader's eyes (fjall 3.1; the test `snapshots`
//! shows it within a second).
//!
//! So no fjall snapshot is taken while a batch is under way. One is taken before each round, and whoever wants a
//! snapshot during the round gets that one; between rounds everybody takes a new one. There is one round at a time,
//! and the numbers of later batches are higher than any published before.

use fjall::{Database, Snapshot};
use parking_lot::RwLock;

#[derive(Default)]
pub(super) struct Visibility {
    /// The state before the round that is under way.
    before_round: RwLock<Option<Snapshot>>,
}

impl Visibility {
    /// A round of batches is about to be written.
    pub(super) fn begin_round(&self, database: &Database) {
        *self.before_round.write() = Some(database.snapshot());
    }

    /// All batches of the round are in place, or none of them is and none will be.
    pub(super) fn end_round(&self) {
        *self.before_round.write() = None;
    }

    /// The newest state that shows every batch whole.
    pub(super) fn snapshot(&self, database: &Database) -> Snapshot {
        // The lock is held while a new one is taken, so that no round begins meanwhile.
        let before_round = self.before_round.read();
        before_round.as_ref().map_or_else(|| database.snapshot(), Snapshot::clone)
    }
}
