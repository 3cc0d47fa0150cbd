//! Transactions of apps: a number each, and the writes that wait for the commit.
//!
//! On this wire a put or delete within a transaction is a call of its own, and is applied only by the commit;
//! Datastore takes all writes with the commit. So they wait here.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use model::entity::Key;
use model::entity::write::MutationOperation;
use model::{Code, Status};
use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::appengine::home::Home;

/// Transactions open at once; who does not finish his own loses them by [`IDLE`].
const MAX_OPEN: usize = 10_000;
/// Bytes of the writes of one transaction, as Datastore's limit on commits.
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of the writes of all, as they stand on the wire; in memory they may take some times that.
const MAX_ALL_BYTES: usize = 64 * 1024 * 1024;
/// Ended transactions that a new attempt can still name, to keep its age.
const MAX_ENDED: usize = 1_000;
/// A transaction that was not named for so long is forgotten; its locks have been released long before.
const IDLE: Duration = Duration::from_secs(300);

/// The table.
#[derive(Default)]
pub(super) struct OpenTransactions(Mutex<Table>);

#[derive(Default)]
struct Table {
    open: HashMap<u64, Open>,
    bytes: usize,
    ended: VecDeque<(u64, Bytes)>,
}

/// A transaction.
pub(super) struct Open {
    pub(super) home: Home,
    /// What the service calls it.
    pub(super) token: Bytes,
    /// In the order in which entities were first named; the last write of each counts.
    pub(super) writes: Vec<MutationOperation>,
    place: HashMap<Key, usize>,
    bytes: usize,
    used: Instant,
}

impl OpenTransactions {
    /// A transaction of `home` begins, which from now on is `handle`. Error: too many are open.
    pub(super) fn open(&self, handle: u64, home: Home, token: Bytes) -> Result<(), Status> {
        let mut table = self.0.lock();
        if table.open.len() >= MAX_OPEN {
            table.forget_idle();
        }
        if table.open.len() >= MAX_OPEN {
            let text = format!("{MAX_OPEN} transactions of apps are open; commit or roll back some.");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        let (writes, place, used) = (Vec::new(), HashMap::new(), Instant::now());
        table.open.insert(handle, Open { home, token, writes, place, bytes: 0, used });
        Ok(())
    }

    /// What the service calls a transaction of `home`.
    pub(super) fn token(&self, handle: u64, home: &Home) -> Result<Bytes, Status> {
        let mut table = self.0.lock();
        let open = table.open.get_mut(&handle).filter(|open| open.home == *home).ok_or_else(gone)?;
        open.used = Instant::now();
        Ok(open.token.clone())
    }

    /// Keeps writes for the commit; `bytes` is what they take.
    pub(super) fn write(
        &self,
        handle: u64,
        home: &Home,
        writes: Vec<MutationOperation>,
        bytes: usize,
    ) -> Result<(), Status> {
        let mut table = self.0.lock();
        if table.bytes + bytes > MAX_ALL_BYTES {
            table.forget_idle();
        }
        let has_room = table.bytes + bytes <= MAX_ALL_BYTES;
        let open = table.open.get_mut(&handle).filter(|open| open.home == *home).ok_or_else(gone)?;
        if open.bytes + bytes > MAX_BYTES {
            return Err(Status::invalid_argument("datastore transaction or write too big."));
        }
        if !has_room {
            let text = "The open transactions of apps hold too many writes; commit or roll back some.";
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        open.used = Instant::now();
        open.bytes += bytes;
        for write in writes {
            match open.place.get(write.key()) {
                Some(place) => open.writes[*place] = write,
                None => {
                    open.place.insert(write.key().clone(), open.writes.len());
                    open.writes.push(write);
                }
            }
        }
        table.bytes += bytes;
        Ok(())
    }

    /// Takes a transaction out, to commit it or roll it back.
    pub(super) fn close(&self, handle: u64, home: &Home) -> Result<Open, Status> {
        let mut table = self.0.lock();
        if table.open.get(&handle).is_none_or(|open| open.home != *home) {
            return Err(gone());
        }
        let open = table.open.remove(&handle).ok_or_else(gone)?;
        table.bytes -= open.bytes;
        table.ended.push_back((handle, open.token.clone()));
        if table.ended.len() > MAX_ENDED {
            table.ended.pop_front();
        }
        Ok(open)
    }

    /// What the service called a transaction that ended lately.
    pub(super) fn ended(&self, handle: u64) -> Option<Bytes> {
        let table = self.0.lock();
        table.ended.iter().rev().find(|(ended, _)| *ended == handle).map(|(_, token)| token.clone())
    }
}

impl Table {
    fn forget_idle(&mut self) {
        let now = Instant::now();
        self.open.retain(|_, open| now - open.used < IDLE);
        self.bytes = self.open.values().map(|open| open.bytes).sum();
    }
}

fn gone() -> Status {
    Status::invalid_argument("The referenced transaction has expired or is no longer valid.")
}

#[cfg(test)]
mod tests {
    use model::entity::{Id, Partition, PathElement};

    use super::*;

    fn home() -> Home {
        Home::of("dev~guest", None).expect("an app")
    }

    fn delete(name: &str) -> MutationOperation {
        let partition = Partition::new(&home().database, "");
        let path = vec![PathElement::new("K", Id::from(name))];
        MutationOperation::Delete(Key { partition, path })
    }

    #[tokio::test]
    async fn the_last_write_of_an_entity_counts_in_the_place_of_its_first() {
        let table = OpenTransactions::default();
        table.open(1, home(), Bytes::new()).expect("there is room");
        for names in [["a", "b"], ["c", "a"]] {
            let writes = names.iter().map(|name| delete(name)).collect();
            table.write(1, &home(), writes, 10).expect("it is open");
        }
        let open = table.close(1, &home()).expect("it is open");
        assert_eq!(open.writes, [delete("a"), delete("b"), delete("c")]);
        assert!(table.close(1, &home()).is_err(), "it is closed");
        assert_eq!(table.0.lock().bytes, 0);
    }

    #[tokio::test]
    async fn a_transaction_is_of_one_app() {
        let table = OpenTransactions::default();
        table.open(1, home(), Bytes::new()).expect("there is room");
        let other = Home::of("dev~other", None).expect("an app");
        assert!(table.token(1, &other).is_err() && table.write(1, &other, vec![], 0).is_err());
        assert!(table.close(1, &other).is_err() && table.token(1, &home()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn writes_that_wait_are_bounded_and_forgotten() {
        let table = OpenTransactions::default();
        table.open(1, home(), Bytes::new()).expect("there is room");
        let write = |bytes| table.write(1, &home(), vec![], bytes).map_err(|refusal| refusal.code);
        assert_eq!((write(MAX_BYTES), write(1)), (Ok(()), Err(Code::InvalidArgument)));
        for handle in 2..=MAX_OPEN as u64 {
            table.open(handle, home(), Bytes::new()).expect("there is room");
        }
        assert!(table.open(0, home(), Bytes::new()).is_err(), "there is none");
        tokio::time::advance(IDLE).await;
        table.open(0, home(), Bytes::new()).expect("the others were not used");
        let table = table.0.lock();
        assert_eq!((table.open.len(), table.bytes), (1, 0));
    }
}
