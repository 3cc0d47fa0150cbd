//! `irori serve`: opens the data, listens, and stops in good order.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use database::{IndexFile, Store};
use gateway::audit::Trail;
use gateway::{Gateway, Origins, Plain};
use host::Host;
use service::Service;
use storage::Engine;
use storage::local::{LocalEngine, LocalOptions};
use storage::memory::MemoryEngine;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::arguments::{Concurrency, DoorArguments, MissingIndex, ServeArguments};
use crate::audit::AuditLog;
use crate::certificates::{Certificates, Files};
use crate::failure::Failure;
use crate::rules_file::RulesFiles;
use crate::{descriptors, door, exposure, index_yaml, indexes_file, logging, memory};

/// How often the store looks for what has expired.
const TICK: Duration = Duration::from_millis(250);
/// The parts of the five seconds in which the server stops: requests finish, then queued work does,
/// then threads that still run are left behind.
const DRAIN: Duration = Duration::from_millis(3_000);
const FINISH: Duration = Duration::from_millis(1_500);
const SETTLE: Duration = Duration::from_millis(1_000);
const LEAVE: Duration = Duration::from_millis(250);
/// Streams that one identity may have open, where callers are verified; an SDK has two.
const STREAMS: usize = 1_000;

/// Serves until the process is told to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    logging::start(arguments.log.as_deref())?;
    let indexes = Indexes::read(arguments)?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("irori")
        .build()
        .map_err(Failure::doing("start threads"))?;
    let outcome = runtime.block_on(serve(arguments, indexes));
    leave(runtime);
    outcome
}

/// The indexes that files declare, by what databases hold.
struct Indexes {
    documents: IndexFile,
    entities: IndexFile,
}

impl Indexes {
    fn read(arguments: &ServeArguments) -> Result<Self, Failure> {
        let documents = arguments.indexes.as_deref().map(indexes_file::read).transpose()?;
        let entities = arguments.datastore.index_yaml.as_deref().map(index_yaml::read).transpose()?;
        let entities = entities.map(|indexes| IndexFile { indexes, overrides: Vec::new() });
        Ok(Indexes { documents: documents.unwrap_or_default(), entities: entities.unwrap_or_default() })
    }
}

fn leave(runtime: Runtime) {
    runtime.shutdown_timeout(LEAVE);
}

async fn serve(arguments: &ServeArguments, indexes: Indexes) -> Result<(), Failure> {
    exposure::check(arguments)?;
    // Before the data: a taken port is the cheaper mistake to find, and leaves no directory behind.
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(Failure::doing(format!("listen on {}", arguments.listen)))?;
    let address = listener.local_addr().map_err(Failure::doing("learn where the server listens"))?;
    let certificates = certificates(arguments)?;
    let host = Host::real();
    let door = door::open(arguments, host.clone())?;
    let local = open_local(arguments)?;
    let engine: Arc<dyn Engine> = match &local {
        Some(local) => local.clone(),
        None => Arc::new(MemoryEngine::new()),
    };
    let store = Store::open(engine, host.clone(), store_options(arguments, indexes))
        .map_err(Failure::doing("open the data"))?;
    let missing_index = match arguments.missing_index {
        MissingIndex::Require => service::MissingIndex::Require,
        MissingIndex::Suggest => service::MissingIndex::Suggest,
    };
    let options = service::Options { missing_index };
    let service = Service::behind(door.clone(), store.clone(), host.clone(), options)
        .with_datastore_consistency(arguments.datastore.datastore_consistency)
        .with_cross_api(arguments.datastore.cross_api);
    let service = Arc::new(service);
    let rules = RulesFiles::load(&arguments.door.rules, service.clone())?;
    let mut following = JoinSet::new();
    let audit = match &arguments.door.audit {
        None => None,
        Some(path) => {
            let (log, trail) = AuditLog::open(path, host)?;
            following.spawn(log.run()?);
            Some(trail)
        }
    };
    let gateway = Gateway::new(service, gateway_options(arguments, audit));
    let stop = stop_signal()?;
    following.spawn(rules.follow()?);
    following.spawn(async move { door.follow().await });
    let secured = match certificates {
        None => None,
        Some(certificates) => {
            let tls = certificates.tls.clone();
            following.spawn(certificates.follow()?);
            Some(tls)
        }
    };
    announce(arguments, address)?;
    following.spawn(tick(store.clone()));
    match secured {
        None => gateway.serve(listener, stop).await,
        Some(tls) => gateway.serve_tls(listener, tls, stop).await,
    }
    following.abort_all();
    finish(store, local).await;
    Ok(())
}

/// What the server shows to clients; None when it serves without TLS.
fn certificates(arguments: &ServeArguments) -> Result<Option<Certificates>, Failure> {
    let plain = if arguments.tls.tls_optional { Plain::Served } else { Plain::Refused };
    Files::named(&arguments.tls).map(|files| Certificates::load(files, plain)).transpose()
}

/// The engine in the data directory; None when everything is kept in memory.
fn open_local(arguments: &ServeArguments) -> Result<Option<Arc<LocalEngine>>, Failure> {
    if arguments.in_memory {
        return Ok(None);
    }
    let cache = arguments.limits.cache.unwrap_or_else(memory::usual_cache);
    let options = LocalOptions { cache_bytes: cache.saturating_mul(1 << 20), ..LocalOptions::default() };
    let engine =
        LocalEngine::open(&arguments.data, options).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Some(Arc::new(engine)))
}

fn gateway_options(arguments: &ServeArguments, audit: Option<Arc<Trail>>) -> gateway::Options {
    let (door, limits) = (&arguments.door, &arguments.limits);
    let usual_streams = if door.auth { STREAMS } else { usize::MAX };
    let max_connections = descriptors::make_room(limits.max_connections);
    gateway::Options {
        max_connections,
        connections_per_address: connections_per_address(arguments, max_connections),
        drain: DRAIN,
        requests_per_second: limits.max_requests_per_second,
        conversations: limits.max_streams.unwrap_or(usual_streams),
        origins: origins(door),
        behind_proxy: door.behind_proxy,
        audit,
        app_engine: door.app_engine_bridge || !door.auth,
    }
}

/// Where strangers can connect, one address leaves places for others. Behind a proxy all have its address.
fn connections_per_address(arguments: &ServeArguments, max_connections: usize) -> usize {
    let usual = match arguments.listen.ip().is_loopback() || arguments.door.behind_proxy {
        true => max_connections,
        false => max_connections.div_ceil(4),
    };
    arguments.limits.max_connections_per_address.map_or(usual, NonZeroUsize::get)
}

/// Where everybody is believed, a page of the world must not be able to call from the developer's browser.
fn origins(door: &DoorArguments) -> Origins {
    let named = &door.cors_origin;
    match door.auth {
        _ if named.iter().any(|origin| origin == "*") => Origins::Any,
        false => Origins::Local(named.clone()),
        true if named.is_empty() => Origins::Any,
        true => Origins::Only(named.clone()),
    }
}

fn store_options(arguments: &ServeArguments, indexes: Indexes) -> database::Options {
    let policies = &arguments.policies;
    database::Options {
        retention: policies.retention,
        transaction_lifetime: policies.transaction_lifetime,
        transaction_idle: policies.transaction_idle,
        lock_wait: policies.lock_wait,
        concurrency: match policies.concurrency {
            Concurrency::Pessimistic => database::Concurrency::Pessimistic,
            Concurrency::Optimistic => database::Concurrency::Optimistic,
        },
        indexes: indexes.documents,
        entity_indexes: indexes.entities,
        create_on_use: !policies.no_new_databases,
    }
}

/// Says where the server is, and what to tell clients.
fn announce(arguments: &ServeArguments, address: SocketAddr) -> Result<(), Failure> {
    let place = if arguments.in_memory {
        "in memory only".to_owned()
    } else {
        format!("in {}", arguments.data.display())
    };
    let tls = &arguments.tls;
    let scheme = if tls.tls_certificate.is_some() { "https://" } else { "" };
    let mut text = format!("Irori listens on {scheme}{address}, with its data {place}.\n");
    // Clients that go by this variable speak no TLS.
    if tls.tls_certificate.is_none() || tls.tls_optional {
        for variable in ["FIRESTORE_EMULATOR_HOST", "DATASTORE_EMULATOR_HOST"] {
            text += &format!("export {variable}={}\n", reachable(address));
        }
        // Tools that start Google's Datastore emulator wait for this line.
        text += "Dev App Server is now running.\n";
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::doing("print where it listens"))
}

/// Where a client on this machine finds a server that listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

/// Done when the process is told to stop; told again, it goes at once.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::doing("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::doing("listen for SIGINT"))?;
    let mut told = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(async move {
        told().await;
        tracing::info!("stopping: requests under way may finish");
        tokio::spawn(async move {
            told().await;
            std::process::exit(1);
        });
    })
}

async fn tick(store: Arc<Store>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        store.tick();
    }
}

/// Finishes queued work, and writes buffers out so that the next start need not read the journal.
async fn finish(store: Arc<Store>, local: Option<Arc<LocalEngine>>) {
    let finishing = tokio::task::spawn_blocking(move || {
        store.shutdown();
        match local.map(|local| local.settle(SETTLE)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => tracing::info!("buffers are still in the journal; the next start reads it"),
            Some(Err(error)) => tracing::warn!(%error, "buffers could not be written out"),
        }
        // Dropped, the engine would wait for merges under way, for seconds; nothing depends on them.
        std::mem::forget(store);
    });
    if tokio::time::timeout(FINISH, finishing).await.is_err() {
        tracing::warn!("queued work did not finish in time; what was acknowledged is safe");
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn one_address_has_a_part_of_the_connections_where_strangers_can_connect() {
        let table: [(&[&str], usize); 5] = [
            (&["--listen", "0.0.0.0:80"], 1_024),
            (&["--listen", "[::]:80", "--max-connections-per-address", "7"], 7),
            (&["--listen", "0.0.0.0:80", "--behind-proxy"], 4_096),
            (&["--listen", "127.0.0.1:80"], 4_096),
            (&["--listen", "127.0.0.1:80", "--max-connections-per-address", "7"], 7),
        ];
        for (given, expected) in table {
            let line = [&["irori", "serve"], given].concat();
            let Command::Serve(arguments) = Arguments::parse_from(line).command else { panic!("it serves") };
            assert_eq!(connections_per_address(&arguments, 4_096), expected, "{given:?}");
        }
    }

    #[test]
    fn a_server_on_every_address_is_reached_on_the_loopback() {
        let table = [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.1:80", "10.0.0.1:80")];
        for (listening, reached) in table {
            let listening: SocketAddr = listening.parse().expect("an address");
            assert_eq!(reachable(listening).to_string(), reached);
        }
    }
}
