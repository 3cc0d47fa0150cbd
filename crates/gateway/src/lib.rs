//! The only room that knows wires: gRPC, REST, WebChannel, control endpoints, conversions, error map.
//!
//! The journey of a call:
//!
//! 1. `listener` accepts the connection and bounds it; `http::answer` tells wires apart.
//! 2. `grpc::call` wraps every method alike: `admission` establishes who calls, `grpc::frames` reads the message,
//!    then come the deadline, the guard against panics and the count. `rest` does the same, with `json` around the messages.
//! 3. `firestore` has a file for each method: parse (`from_proto`), call the `service`, wrap.
//!    Listen and Write are a `conversation` instead, which `grpc::dialogue` or `webchannel` keeps going.
//! 4. Documents go out through `splice`, around their stored bytes; all else through `to_proto`.
//!
//! What stands here knows nothing of storage, databases or plans.

mod admission;
mod appengine;
pub mod audit;
mod body;
mod calls;
mod connection;
mod conversation;
mod datastore;
mod firestore;
mod from_proto;
pub mod fuzz;
mod grpc;
mod grpc_web;
mod http;
mod json;
mod listener;
mod neighbours;
mod quotas;
mod rest;
mod splice;
mod stopping;
mod to_proto;
mod webchannel;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use service::Service;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use grpc::count::Counts;
pub use listener::tls::{Identity, Plain, Refusal, Tls};
pub use wire::methods::Method;

/// Everything that a client can reach on one port.
pub struct Gateway {
    service: Arc<Service>,
    options: Options,
    counts: Arc<Counts>,
    neighbours: neighbours::Neighbours,
    stopping: stopping::Stopping,
    quotas: Arc<quotas::Quotas>,
    /// Told when a client asks the server to stop.
    shutdown: Notify,
    sessions: Arc<webchannel::Sessions>,
    bridge: appengine::Bridge,
}

/// Limits that an operator may want to change.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections open at once; beyond it idle ones make room, or the new one is turned away.
    pub max_connections: usize,
    /// Connections of one address (of IPv6, one network of 64 bits); beyond it the new one is turned away.
    pub connections_per_address: usize,
    /// How long requests may go on after the server was told to stop.
    pub drain: Duration,
    /// Requests a second that one identity may send; a second's worth at once. None: as many as it likes.
    pub requests_per_second: Option<NonZeroU32>,
    /// Listen and Write streams that one identity may have open.
    pub conversations: usize,
    /// The pages that may call from a browser.
    pub origins: Origins,
    /// Requests come from a proxy, which says for whom in `x-forwarded-for`.
    pub behind_proxy: bool,
    /// Where denied and administrative calls are told.
    pub audit: Option<Arc<audit::Trail>>,
    /// Apps may call by App Engine's API bridge, which cannot tell who calls: everybody is the administrator.
    pub app_engine: bool,
}

/// Pages that may call from a browser, by where they were loaded from. Others are refused. Named ones are written like
/// `https://app.example.com`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    /// Those of this machine, and these.
    Local(Vec<String>),
    Only(Vec<String>),
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_connections: 4_096,
            connections_per_address: usize::MAX,
            drain: Duration::from_secs(3),
            requests_per_second: None,
            conversations: usize::MAX,
            origins: Origins::Any,
            behind_proxy: false,
            audit: None,
            app_engine: true,
        }
    }
}

impl Gateway {
    /// Makes `service` reachable.
    pub fn new(service: Arc<Service>, options: Options) -> Arc<Self> {
        let (counts, neighbours) = (Counts::new(), neighbours::Neighbours::new());
        let (stopping, sessions) = (stopping::Stopping::new(), Arc::<webchannel::Sessions>::default());
        let quotas = quotas::Quotas::new(options.requests_per_second, options.conversations);
        Arc::new(Gateway {
            service,
            options,
            counts,
            neighbours,
            stopping,
            quotas,
            shutdown: Notify::new(),
            sessions,
            bridge: appengine::Bridge::default(),
        })
    }

    /// How many calls ended how.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Serves until `stop` is done and the requests of that moment are answered, or cut when the
    /// drain is over.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let drain = self.options.drain;
        listener::serve(self, listener, None, stop, drain).await;
    }

    /// Serves the same by TLS.
    pub async fn serve_tls(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<Tls>,
        stop: impl Future<Output = ()>,
    ) {
        let drain = self.options.drain;
        listener::serve(self, listener, Some(tls), stop, drain).await;
    }
}
