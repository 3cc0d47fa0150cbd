//! Group commit: of the threads that commit at one time, one writes for all.
//!
//! The first to come is the leader: it takes all that wait, writes them with one disk write and tells each how
//! it went. Those who came meanwhile choose the first of them as the next leader, so nobody writes for others
//! longer than one round.

use crate::{Batch, Committed, StorageError};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// How much one round may take on: bounds the memory and the time that a small commit spends behind large ones.
/// One batch larger than this still goes through, alone.
const ROUND_BYTES: usize = 8 << 20;

pub(super) type Outcome = Result<Committed, StorageError>;

#[derive(Default)]
pub(super) struct GroupCommit {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Ticket>,
    has_leader: bool,
}

/// A batch that waits, and where its thread is told.
struct Ticket {
    batch: Batch,
    turn: Arc<Turn>,
}

#[derive(Default)]
struct Turn {
    state: Mutex<Option<Told>>,
    changed: Condvar,
}

enum Told {
    Lead,
    Outcome(Outcome),
}

impl GroupCommit {
    /// Commits `batch`, alone or with others. `write` makes all batches of a round durable, or none.
    pub(super) fn commit(&self, batch: Batch, write: impl FnOnce(Vec<Batch>) -> Outcome) -> Outcome {
        let turn = Arc::new(Turn::default());
        let leads = {
            let mut queue = self.queue.lock();
            queue.waiting.push(Ticket { batch, turn: turn.clone() });
            !std::mem::replace(&mut queue.has_leader, true)
        };
        if !leads && let Told::Outcome(outcome) = turn.wait() {
            return outcome;
        }
        self.lead(write)
    }

    /// Writes one round. The leader's own batch is the first that waits, so it is always in the round.
    fn lead(&self, write: impl FnOnce(Vec<Batch>) -> Outcome) -> Outcome {
        let (batches, turns): (Vec<Batch>, Vec<Arc<Turn>>) =
            self.take_round().into_iter().map(|ticket| (ticket.batch, ticket.turn)).unzip();
        let outcome = write(batches);
        let next = {
            let mut queue = self.queue.lock();
            let next = queue.waiting.first().map(|ticket| ticket.turn.clone());
            queue.has_leader = next.is_some();
            next
        };
        // The next round starts before the followers of this one are told: the disk should not idle.
        if let Some(next) = next {
            next.tell(Told::Lead);
        }
        for turn in turns.into_iter().skip(1) {
            turn.tell(Told::Outcome(outcome.clone()));
        }
        outcome
    }

    fn take_round(&self) -> Vec<Ticket> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let fits = queue.waiting.iter().take_while(|ticket| {
            let first = bytes == 0;
            bytes += ticket.batch.bytes().max(1);
            first || bytes <= ROUND_BYTES
        });
        let count = fits.count();
        queue.waiting.drain(..count).collect()
    }
}

impl Turn {
    fn wait(&self) -> Told {
        let mut state = self.state.lock();
        loop {
            if let Some(told) = state.take() {
                return told;
            }
            self.changed.wait(&mut state);
        }
    }

    fn tell(&self, told: Told) {
        *self.state.lock() = Some(told);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Space;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    fn batch(bytes: usize) -> Batch {
        let mut batch = Batch::new();
        batch.put(Space::Meta, "", vec![0; bytes]);
        batch
    }

    /// Lets the first round wait until `others` more commits are queued, and returns the sizes of all rounds.
    fn rounds(others: &[usize], outcome: Outcome) -> (Vec<usize>, Vec<Outcome>) {
        let group = GroupCommit::default();
        let sizes = Mutex::new(Vec::new());
        let started = AtomicUsize::new(0);
        let write = |batches: Vec<Batch>| {
            sizes.lock().push(batches.len());
            outcome.clone()
        };
        let outcomes = std::thread::scope(|scope| {
            let (entered, in_first_round) = mpsc::channel();
            let first = scope.spawn({
                let (group, started, write) = (&group, &started, &write);
                move || {
                    group.commit(batch(1), |batches| {
                        entered.send(()).expect("the test listens");
                        while group.queue.lock().waiting.len() < others.len() {
                            std::thread::yield_now();
                        }
                        started.fetch_add(1, Ordering::Relaxed);
                        write(batches)
                    })
                }
            });
            in_first_round.recv().expect("the first commit leads");
            let mut threads = vec![first];
            for (position, bytes) in others.iter().enumerate() {
                let (group, write, bytes) = (&group, &write, *bytes);
                threads.push(scope.spawn(move || group.commit(batch(bytes), write)));
                // One after the other, so that the order of the queue is the order of the test.
                while group.queue.lock().waiting.len() <= position && started.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
            }
            threads.into_iter().map(|thread| thread.join().expect("a commit does not panic")).collect()
        });
        (sizes.into_inner(), outcomes)
    }

    #[test]
    fn commits_that_come_during_a_write_share_the_next_one() {
        let (sizes, outcomes) = rounds(&[1; 5], Ok(Committed::Done));
        assert_eq!(sizes, [1, 5]);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Committed::Done))));
    }

    #[test]
    fn a_round_is_bounded_but_one_large_batch_passes() {
        let (sizes, _) = rounds(&[1, ROUND_BYTES + 1, ROUND_BYTES, 1], Ok(Committed::Done));
        assert_eq!(sizes, [1, 1, 1, 1, 1]);
    }

    #[test]
    fn a_failure_is_told_to_everyone_in_the_round() {
        let (sizes, outcomes) = rounds(&[1; 3], Err(StorageError::Poisoned));
        assert_eq!(sizes, [1, 3]);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(StorageError::Poisoned))));
    }
}
