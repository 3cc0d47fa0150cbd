//! Documents, or entities, over bytes: key space, catalog, indexes, transactions, the committer, the change log.
//!
//! Suggested reading: [`keys`] (what stands where), [`view`] (reading), then the journey of a commit:
//!
//! 1. `Database::commit` or `Database::commit_entities` puts the writes into the `Committer`'s queue.
//! 2. `Committer::drain` takes all that wait: a round.
//! 3. `Work::prepare` applies each to the newest state (with what the round has changed so far): writes by
//!    `Round::prepare_writes`, which asks the [`Guard`] if there is one (see `rehearsal` for slow ones), and mutations by `Round::prepare_mutations`. It
//!    computes index entries, and the `LockTable` tells whether other transactions' reads stand in the way.
//! 4. `Engine::commit` makes the round durable, with one write for all of it.
//! 5. `Publication::end_round` lets readers see it and hands it to followers ([`Follower`]); locks are released; the
//!    answers go out.
//!
//! A database is in one [`Mode`]. What that decides stands in few places: what a body holds (`mode`), which entries it
//! has (`index`), and how a commit is worked out (`work`).
//!
//! This room knows no queries, no principals and no protobuf.

pub mod index;
pub mod keys;
pub mod view;

mod apply;
mod build;
mod catalog;
mod change_log;
mod committer;
mod cursor;
mod database;
mod entities;
mod error;
mod feed;
mod guard;
mod ids;
mod mode;
mod options;
mod publication;
mod ready;
mod rehearsal;
mod retention;
mod round;
mod store;
mod transaction;
mod work;

pub use change_log::{ChangeScan, CommitRecord};
pub use database::{Database, ReadAt};
pub use entities::CommitMode;
pub use feed::{DocumentChange, Followed, Follower, Step};
pub use guard::{Guard, PendingCommit, PendingWrite};
pub use ids::IdPolicy;
pub use index::{
    Column, ColumnKind, DeclaredIndex, FieldOverride, IndexDefinition, IndexFile, IndexScope, IndexSet,
    IndexSource, IndexState, Scope, SingleFieldIndex,
};
pub use keys::changes::Change;
pub use keys::indexes::SingleFieldKind;
pub use mode::Mode;
pub use options::Options;
pub use store::Store;
pub use transaction::{Concurrency, TransactionMode};
pub use view::{
    ByteRange, DocumentScan, IndexEntry, IndexScan, NameRange, NameScan, NameSource, ReadCounts, View,
};
