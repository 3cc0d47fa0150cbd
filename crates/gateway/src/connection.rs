//! What one connection holds of the server's memory, and whether it is in use.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use model::{Code, Status};
use service::Remembered;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bytes of requests that one connection may have under way; further ones wait unread, so the
/// client's own flow control holds them back.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of requests under way on all connections.
const ALL_REQUEST_BYTES: usize = 512 * 1024 * 1024;
/// Bytes of finished answers that a connection may leave unread.
const UNREAD_BYTES: usize = 64 * 1024 * 1024;

/// The memory for requests: one part for each connection, within one whole.
pub(crate) struct Memory {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// The right to hold the bytes of one request.
pub(crate) struct Claim {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// One connection.
pub(crate) struct Connection {
    /// The address of its other end.
    peer: IpAddr,
    memory: Memory,
    born: Instant,
    /// Answers and requests that are not over.
    open: AtomicUsize,
    /// Bytes of answers that the client has not taken.
    unread: AtomicUsize,
    /// Milliseconds from `born` to the last sign of use; 0 before the first request.
    last_used: AtomicU64,
    /// Who called last on it.
    remembered: Remembered,
    /// Told when the client has taken so much that there is room for more.
    taken: Notify,
    /// Told when the connection is to make room for another.
    evicted: Notify,
}

/// A request, or an answer, that is not over yet.
pub(crate) struct Open(Arc<Connection>);

/// An answer on its way, with the bytes of it that the client has not taken.
pub(crate) struct Undelivered {
    open: Open,
    bytes: usize,
}

impl Memory {
    /// A memory of its own, for tests and as the whole.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::within(&Self::whole())
    }

    /// The whole that all connections share.
    pub(crate) fn whole() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(ALL_REQUEST_BYTES))
    }

    /// The part of one connection.
    fn within(all: &Arc<Semaphore>) -> Self {
        Memory { own: Arc::new(Semaphore::new(REQUEST_BYTES)), all: all.clone() }
    }

    /// Waits until a request of `bytes` may be read.
    pub(crate) async fn claim(&self, bytes: usize) -> Claim {
        let bytes = u32::try_from(bytes).expect("a message's length has 32 bits");
        let why = "these semaphores are never closed";
        // First the own part: a connection that is over its share must not hold any of the whole.
        let own = self.own.clone().acquire_many_owned(bytes).await.expect(why);
        let all = self.all.clone().acquire_many_owned(bytes).await.expect(why);
        Claim { _own: own, _all: all }
    }
}

impl Connection {
    /// A connection from `peer` that begins now.
    pub(crate) fn new(all: &Arc<Semaphore>, peer: IpAddr) -> Arc<Self> {
        Arc::new(Connection {
            peer,
            memory: Memory::within(all),
            born: Instant::now(),
            open: AtomicUsize::new(0),
            unread: AtomicUsize::new(0),
            last_used: AtomicU64::new(0),
            remembered: Remembered::default(),
            taken: Notify::new(),
            evicted: Notify::new(),
        })
    }

    /// A connection for tests.
    #[cfg(test)]
    pub(crate) fn local() -> Arc<Self> {
        Self::new(&Memory::whole(), std::net::Ipv4Addr::LOCALHOST.into())
    }

    /// The address of its other end.
    pub(crate) fn peer(&self) -> IpAddr {
        self.peer
    }

    /// What is remembered of who called on it.
    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// The memory for its requests.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// A request or answer begins; it is over when the token is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        self.touch();
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// A whole answer begins its way to the client; refused when too much is unread already.
    pub(crate) fn deliver(self: &Arc<Self>, data: Bytes) -> Result<(Bytes, Undelivered), Status> {
        let mut undelivered = self.undelivered();
        undelivered.set(data.len());
        if self.unread.load(Ordering::Relaxed) > UNREAD_BYTES + data.len() {
            let mebibytes = UNREAD_BYTES >> 20;
            let text = format!("This connection has {mebibytes} MiB of answers that it does not read.");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        Ok((data, undelivered))
    }

    /// An answer begins of which nothing is there yet.
    pub(crate) fn undelivered(self: &Arc<Self>) -> Undelivered {
        Undelivered { open: self.open(), bytes: 0 }
    }

    /// Waits until the client leaves so little unread that a further part of an answer may be made.
    pub(crate) async fn room(&self) {
        let is_room = || self.unread.load(Ordering::Relaxed) < UNREAD_BYTES;
        while !is_room() {
            let mut taken = pin!(self.taken.notified());
            // From here on no news is missed.
            taken.as_mut().enable();
            if !is_room() {
                taken.await;
            }
        }
    }

    /// How long nothing has been asked or answered; None while something is.
    pub(crate) fn idle(&self) -> Option<Duration> {
        (self.open.load(Ordering::Relaxed) == 0).then(|| self.quiet())
    }

    /// How long the client has left bytes of answers lying; None when there are none.
    pub(crate) fn stalled(&self) -> Option<Duration> {
        (self.unread.load(Ordering::Relaxed) > 0).then(|| self.quiet())
    }

    /// True once there was a request.
    pub(crate) fn used(&self) -> bool {
        self.last_used.load(Ordering::Relaxed) > 0
    }

    /// Asks the connection to make room.
    pub(crate) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits until it is asked to make room.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    fn quiet(&self) -> Duration {
        self.born.elapsed().saturating_sub(Duration::from_millis(self.last_used.load(Ordering::Relaxed)))
    }

    fn touch(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now.max(1), Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.touch();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Undelivered {
    /// The client took what there was, and now there are `bytes`.
    pub(crate) fn set(&mut self, bytes: usize) {
        let connection = &self.open.0;
        connection.touch();
        connection.unread.fetch_add(bytes, Ordering::Relaxed);
        let before = connection.unread.fetch_sub(self.bytes, Ordering::Relaxed);
        if before >= UNREAD_BYTES && before - self.bytes < UNREAD_BYTES {
            connection.taken.notify_waiters();
        }
        self.bytes = bytes;
    }

    /// The client took what there was.
    pub(crate) fn none(&mut self) {
        self.set(0);
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        self.none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_over_its_share_waits_and_others_do_not() {
        let whole = Memory::whole();
        let (greedy, modest) = (Memory::within(&whole), Memory::within(&whole));
        let held = greedy.claim(REQUEST_BYTES).await;
        assert!(futures::FutureExt::now_or_never(greedy.claim(1)).is_none());
        assert!(futures::FutureExt::now_or_never(modest.claim(1)).is_some());
        drop(held);
        assert!(futures::FutureExt::now_or_never(greedy.claim(1)).is_some());
    }

    #[tokio::test]
    async fn answers_that_nobody_reads_are_bounded() {
        let connection = Connection::local();
        let answer = Bytes::from(vec![0; 10 << 20]);
        let mut unread: Vec<_> =
            (0..7).map(|_| connection.deliver(answer.clone()).expect("within the limit")).collect();
        assert_eq!(connection.deliver(answer.clone()).err().map(|s| s.code), Some(Code::ResourceExhausted));
        unread.pop();
        assert!(connection.deliver(answer).is_ok(), "a read answer makes room");
        assert!(connection.stalled().is_some());
        drop(unread);
        assert!(connection.stalled().is_none());
        assert!(connection.idle().is_some());
    }
}
