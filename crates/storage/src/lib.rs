//! Ordered bytes: one Engine trait, its engines, atomic durable batches, snapshots, scans.

mod batch;
mod engine;
mod error;
mod space;

pub mod faults;
pub mod local;
pub mod memory;

pub use batch::{Batch, MAX_KEY_BYTES, MAX_VALUE_BYTES, Write};
pub use engine::{Committed, Engine, EngineStats, Expired, Reclaimed, Row, Scan, Snapshot};
pub use error::StorageError;
pub use space::{Direction, KeyRange, Space};
