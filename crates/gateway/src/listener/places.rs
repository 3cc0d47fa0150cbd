//! Who may connect: so many at once, and so many of one address, so that nobody takes all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::quotas;

/// A connection idle this long may have to make room for a new one.
const EVICTABLE: Duration = Duration::from_secs(1);
/// How long a new connection waits for room.
const ROOM: Duration = Duration::from_millis(500);
/// All connections are looked at for an idle one of an address, so not for each that is turned away.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Places {
    room: Arc<Semaphore>,
    most_of_one: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// The connections that are open, so that an idle one can make room.
    by_id: HashMap<u64, Weak<Connection>>,
    by_network: HashMap<IpAddr, usize>,
    /// When it was last looked for an idle connection of one address.
    looked: Option<Instant>,
}

/// The place of one connection.
pub(super) struct Place {
    places: Arc<Places>,
    /// Told apart from all others by this.
    id: u64,
    network: IpAddr,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// The server has as many connections as it takes.
    Server,
    /// Whoever connects has as many as one may have.
    Address,
}

impl Places {
    /// So many places, and so many for one address.
    pub(super) fn new(all: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Places { room: Arc::new(Semaphore::new(all)), most_of_one, table: Mutex::default() })
    }

    /// A place for the connection `id` from `peer`, made by closing an idle one if need be. An address that has all that
    /// it may have is told so at once: others wait behind it. Idle ones of its own then close, for when it tries again.
    pub(super) async fn take(self: &Arc<Self>, id: u64, peer: IpAddr) -> Result<Place, NoPlace> {
        let mut place = self.of_address(id, quotas::network(peer))?;
        let room = match self.room.clone().try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                evict_one(&self.table.lock(), |_| true);
                let waited = tokio::time::timeout(ROOM, self.room.clone().acquire_owned()).await;
                waited.ok().and_then(Result::ok).ok_or(NoPlace::Server)?
            }
        };
        place._room = Some(room);
        Ok(place)
    }

    fn of_address(self: &Arc<Self>, id: u64, network: IpAddr) -> Result<Place, NoPlace> {
        let mut table = self.table.lock();
        let count = table.by_network.entry(network).or_default();
        if *count < self.most_of_one {
            *count += 1;
            return Ok(Place { places: self.clone(), id, network, _room: None });
        }
        if table.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN) {
            table.looked = Some(Instant::now());
            evict_one(&table, |connection| quotas::network(connection.peer()) == network);
        }
        Err(NoPlace::Address)
    }
}

/// Asks the connection that has been idle longest, of those that qualify, to close.
fn evict_one(table: &Table, qualifies: impl Fn(&Connection) -> bool) {
    let alive = table.by_id.values().filter_map(Weak::upgrade).filter(|connection| qualifies(connection));
    let idle = alive.filter_map(|connection| connection.idle().map(|idle| (idle, connection)));
    let longest = idle.max_by_key(|(idle, connection)| (!connection.used(), *idle));
    if let Some((idle, connection)) = longest
        && (idle >= EVICTABLE || !connection.used())
    {
        connection.evict();
    }
}

impl Place {
    /// The connection that has it.
    pub(super) fn occupy(&self, connection: &Arc<Connection>) {
        self.places.table.lock().by_id.insert(self.id, Arc::downgrade(connection));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table.lock();
        table.by_id.remove(&self.id);
        if let Some(count) = table.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                table.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Memory;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_leaves_places_for_others() {
        let places = Places::new(4, 2);
        let take = async |id, from| places.take(id, address(from)).await;
        let first = take(1, "10.0.0.1").await.expect("a place");
        let _second = take(2, "::ffff:10.0.0.1").await.expect("the same address, written otherwise");
        let before = Instant::now();
        assert_eq!(take(3, "10.0.0.1").await.err(), Some(NoPlace::Address));
        assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits behind one who is turned away");
        let _third = take(4, "2001:db8::1").await.expect("another's");
        let _fourth = take(5, "2001:db8::2").await.expect("of the same network");
        assert_eq!(take(6, "2001:db8::3").await.err(), Some(NoPlace::Address));
        assert_eq!(take(7, "10.0.0.2").await.err(), Some(NoPlace::Server));
        drop(first);
        take(8, "10.0.0.1").await.expect("a place again");
        assert_eq!(places.table.lock().by_network.len(), 2, "who has none is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_makes_room_for_its_own_address_alone() {
        let places = Places::new(4, 1);
        let mut connections = Vec::new();
        for (id, from) in [(1, "10.0.0.1"), (2, "10.0.0.2")] {
            let place = places.take(id, address(from)).await.expect("a place");
            let connection = Connection::new(&Memory::whole(), address(from));
            drop(connection.open());
            place.occupy(&connection);
            connections.push((place, connection));
        }
        tokio::time::sleep(EVICTABLE * 2).await;
        assert_eq!(places.take(3, address("10.0.0.2")).await.err(), Some(NoPlace::Address));
        let evicted = |n: usize| futures::FutureExt::now_or_never(connections[n].1.evicted()).is_some();
        assert_eq!([evicted(0), evicted(1)], [false, true]);
    }
}
