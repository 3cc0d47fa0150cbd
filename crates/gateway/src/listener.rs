//! Accepts connections and bounds them: how many, how long they may be silent, how they end.

mod corked;
mod places;
pub(crate) mod tls;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use corked::Corked;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use places::{NoPlace, Place, Places};
use tls::{Stream, Tls};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::{Counts, Gateway, http};

/// A connection must bring its first request within this time.
const FIRST_REQUEST: Duration = Duration::from_secs(20);
/// A connection without requests is asked to close after this time; official clients reconnect by
/// themselves when they next need it.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// A connection that leaves answers unread this long is closed.
const STALLED: Duration = Duration::from_secs(60);
/// A connection that was asked to close is cut after this time.
const CLOSING: Duration = Duration::from_secs(5);
/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The operating system's refusals (no more file descriptors) pass; asking at once again does not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often it is told that connections are turned away.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Requests that one connection may have open; further ones wait in the client.
const CONCURRENT_STREAMS: u32 = 1_000;
/// Bytes of the headers of one request.
const HEADER_BYTES: u32 = 16 * 1024;
/// How far a client may send ahead, for one request and for all of a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes of one answer that are taken from it before the client takes them.
const SEND_BUFFER: usize = 128 * 1024;
/// A silent peer is asked for a sign of life, and must give it.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What every connection needs.
#[derive(Clone)]
struct Shared {
    gateway: Arc<Gateway>,
    requests: Arc<Semaphore>,
    tls: Option<Arc<Tls>>,
}

/// Serves, by TLS where that is given, until `stop` is done, then lets requests finish for `drain` and returns.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
    drain: Duration,
) {
    let options = &gateway.options;
    let places = Places::new(options.max_connections, options.connections_per_address);
    let requests = crate::connection::Memory::whole();
    let shared = Shared { gateway, requests, tls };
    let (mut tasks, mut turned_away) = (JoinSet::new(), TurnedAway::default());
    let mut stop = pin!(stop);
    for id in 0.. {
        let accepted = tokio::select! {
            () = &mut stop => break,
            () = shared.gateway.shutdown.notified() => break,
            accepted = next(&listener) => accepted,
        };
        while tasks.try_join_next().is_some() {}
        match places.take(id, accepted.1.ip()).await {
            Ok(place) => drop(tasks.spawn(connection(shared.clone(), accepted, place))),
            Err(why) => {
                shared.gateway.counts.turned_away();
                turned_away.tell(&shared.gateway.counts, accepted.1, why);
            }
        }
    }
    drop(listener);
    shared.gateway.neighbours.stopping().await;
    shared.gateway.stopping.begin();
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all).await.is_err() {
        tracing::info!("some requests did not finish in time and were cut");
    }
}

/// Tells the operator that connections are turned away, but not of each: there may be very many. Each reason has a
/// time of its own, so that one client who takes too much does not hide that the server is full.
#[derive(Default)]
struct TurnedAway {
    server: Option<Instant>,
    address: Option<Instant>,
}

impl TurnedAway {
    fn tell(&mut self, counts: &Counts, peer: SocketAddr, why: NoPlace) {
        if !self.is_due(why) {
            return;
        }
        let why = match why {
            NoPlace::Server => "the server has as many as it may have (--max-connections)",
            NoPlace::Address => "its address has as many as one may have (--max-connections-per-address)",
        };
        let all = counts.connections_turned_away();
        tracing::warn!(%peer, all, "a connection was turned away: {why}; for a minute no other such is told of");
    }

    /// True once in a while for each reason.
    fn is_due(&mut self, why: NoPlace) -> bool {
        let told = match why {
            NoPlace::Server => &mut self.server,
            NoPlace::Address => &mut self.address,
        };
        let is_due = told.is_none_or(|told| told.elapsed() >= TELL_AGAIN);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(shared: Shared, (stream, peer): (TcpStream, SocketAddr), place: Place) {
    // Without it small answers wait for the client's acknowledgement of earlier ones; if it cannot be
    // set the connection is only slower.
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(&shared.requests, peer.ip());
    place.occupy(&connection);
    if let Some(stream) = Box::pin(begin(&shared, &connection, stream)).await {
        run(&shared, &connection, stream).await;
    }
}

/// Brings a connection to where requests can be read. Until then it is the first to make room for others.
async fn begin(shared: &Shared, connection: &Connection, stream: TcpStream) -> Option<Stream> {
    let Some(tls) = &shared.tls else { return Some(Stream::Plain(stream)) };
    let mut stopped = shared.gateway.stopping.follow();
    tokio::select! {
        begun = tls.begin(stream) => begun,
        () = stopped.wait() => None,
        () = connection.evicted() => None,
    }
}

async fn run(shared: &Shared, connection: &Arc<Connection>, stream: Stream) {
    let service = service_fn(|request| {
        let (gateway, connection) = (shared.gateway.clone(), connection.clone());
        // Boxed: a stream that lives for hours keeps the room of its task, not that of the call's beginning.
        Box::pin(async move { Ok::<_, Infallible>(http::answer(&gateway, &connection, request).await) })
    });
    let protocol = protocol();
    let stream = Corked::new(stream);
    let connected = pin!(protocol.serve_connection(TokioIo::new(stream.clone()), service));
    let mut serving = Serving { connected, stream, over: false };
    let mut stopped = shared.gateway.stopping.follow();
    loop {
        tokio::select! {
            () = serving.done() => return,
            () = stopped.wait() => {
                serving.connected.as_mut().graceful_shutdown();
                // The drain of the whole server bounds this.
                serving.done().await;
                return;
            }
            () = connection.evicted() => break,
            () = tokio::time::sleep(LOOK) => match verdict(connection) {
                Verdict::Fine => {}
                Verdict::Close => break,
                Verdict::Cut => return,
            },
        }
    }
    serving.connected.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(CLOSING, serving.done()).await;
}

/// A connection that is served turn by turn: after each, what it wrote goes out at once.
struct Serving<'a, C> {
    connected: Pin<&'a mut C>,
    stream: Corked<Stream>,
    /// The connection has ended; bytes may still wait.
    over: bool,
}

impl<C: Future> Serving<'_, C> {
    /// Serves to the end. An error is the peer's: it went away or broke the protocol. May be dropped
    /// and called again.
    async fn done(&mut self) {
        poll_fn(|cx| {
            self.over = self.over || self.connected.as_mut().poll(cx).is_ready();
            match self.stream.poll_uncork(cx) {
                Poll::Ready(Ok(())) if !self.over => Poll::Pending,
                Poll::Ready(Ok(()) | Err(_)) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
    }
}

/// What to do with a connection.
enum Verdict {
    Fine,
    /// Ask it to close: requests that cross with this are served.
    Close,
    /// Nobody reads: drop it.
    Cut,
}

fn verdict(connection: &Connection) -> Verdict {
    if connection.stalled().is_some_and(|stalled| stalled >= STALLED) {
        return Verdict::Cut;
    }
    let limit = if connection.used() { IDLE } else { FIRST_REQUEST };
    match connection.idle() {
        Some(idle) if idle >= limit => Verdict::Close,
        Some(_) | None => Verdict::Fine,
    }
}

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_REQUEST).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(CONCURRENT_STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_reason_for_turning_away_does_not_hide_the_other() {
        let mut turned_away = TurnedAway::default();
        let mut due = || [NoPlace::Address, NoPlace::Server].map(|why| turned_away.is_due(why));
        assert_eq!((due(), due()), ([true, true], [false, false]));
        tokio::time::advance(TELL_AGAIN).await;
        assert_eq!((due(), due()), ([true, true], [false, false]));
    }
}
