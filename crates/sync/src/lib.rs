//! Incremental synchronisation: a collection, a collection group or a query, followed into a local cache by the
//! public protocol alone, of Irori or of Google.
//!
//! The journey of a change: [`Follower::run`] chooses a strategy. `listen` is told of it by the server (`hearing`), `poll` asks
//! for it by a timestamp field; both give it to the `keeper`, which puts it into the [`Cache`] with the cursor in one
//! transaction, and hands it to the [`Taker`]. `comparison` finds what neither has seen.
//!
//! ```no_run
//! # async fn follow() -> Result<(), sync::Failure> {
//! use std::{path::Path, sync::Arc};
//! let source = sync::Source {
//!     project: "demo".to_owned(),
//!     database: "(default)".to_owned(),
//!     collection: sync::Collection::One("events".to_owned()),
//!     conditions: Vec::new(),
//! };
//! let address = sync::Address { url: "http://127.0.0.1:8080".to_owned(), authorities: None };
//! let cache = sync::Cache::open(Path::new("events.db"), &source, sync::Bounds::default())?;
//! let client = sync::Client::new(&address, source, Arc::new(sync::Credentials::Owner), Arc::default())?;
//! let (_stopper, stop) = sync::stop();
//! let settings = sync::Settings { once: true, ..sync::Settings::listening() };
//! sync::Follower::new(client, cache, None, settings, sync::Observer::deaf(), stop)?.run().await
//! # }
//! ```

mod bloom;
mod cache;
mod change;
mod client;
mod comparison;
mod connection;
mod copy;
mod credentials;
mod cursor;
mod failure;
mod follow;
mod hearing;
mod json;
mod keeper;
mod listen;
mod meters;
mod poll;
mod retry;
#[cfg(test)]
mod scripted;
mod settings;
mod source;
mod stop;
mod taker;
mod time;
mod verify;

pub use cache::{Applied, BATCH, Bounds, Cache, Held, Outgoing};
pub use change::{Change, Row};
pub use client::Client;
pub use connection::Address;
pub use credentials::{Credentials, ServiceAccount, User};
pub use cursor::{Cursor, Polled};
pub use failure::{Failure, Kind};
pub use follow::Follower;
pub use meters::{Meters, Reading, Traffic};
pub use settings::{Difference, Differences, Event, Observer, Poll, Settings, Strategy};
pub use source::{Collection, Condition, Place, Source, Stretch};
pub use stop::{Stop, Stopper, stop};
pub use taker::Taker;
pub use time::Time;
pub use verify::{Verification, verify};
