//! Ordered bytes: one [`Engine`] trait, its engines, atomic durable batches, snapshots, scans.
//!
//! Rows are keys and values in five ordered [`Space`]s. A [`Batch`] writes to any of them at once; a [`Snapshot`]
//! shows all of them at one point. What the rows mean is not known here.
//!
//! - [`local`]: fjall 3 in a directory. The engine of a server with a disk.
//! - [`memory`]: ordered maps. The engine of `--in-memory`, and the other half of every mirrored test.
//! - [`faults`]: any engine, failing on demand.
//!
//! # Durability
//!
//! The journey of a commit through the local engine, in names:
//!
//! ```text
//!  commit ─┐
//!  commit ─┼─► group::GroupCommit::commit      the first to come writes for all that wait
//!  commit ─┘        │
//!                   ▼
//!            local::write::Store::write
//!              check_room                      Full: nothing was written, nothing is stopped
//!              wait_for_background_work        Poisoned: background work has failed
//!              Visibility::begin_round         from here on, new snapshots show the state before
//!              merge, fjall's commit ───────►  journal: start, items, checksum, end   ─► fdatasync
//!                                              then the rows become readable
//!              Visibility::end_round           new snapshots show the round
//!                   │
//!                   ▼
//!            every waiting commit is told      Done
//! ```
//!
//! **What is promised.** `Done` is said only after `fdatasync` of the journal has returned, and before that no
//! snapshot shows a row of the batch: what a reader has seen cannot be lost by a crash. After a crash every batch
//! that was `Done` is there, whole; a batch that was under way is there whole or not at all; and if it is there, so
//! is all that was committed before it. `fdatasync` syncs what is needed to read the data back (the length of the
//! file, its blocks) and leaves out only times; the journal's directory entry is synced when fjall makes it. The
//! test `kill` checks this against a process that is killed at random moments.
//!
//! **When the disk refuses.** There are three answers, and a committer must tell them apart:
//! - an error: the batch did not happen and will not. [`StorageError::Full`] is found before anything is written,
//!   because the engine keeps a reserve free on the disk; writes go on as soon as there is room.
//! - [`Committed::Unknown`]: the write or its sync failed half way. After a failed sync nobody knows what is on the
//!   disk, and asking again does not help (the kernel reports such an error once and forgets the pages), so writes
//!   stop: every later commit gets [`StorageError::Poisoned`]. The batch is not seen by anyone until the data is
//!   opened again; then it is there whole or not at all.
//! - [`StorageError::Poisoned`] without an `Unknown` before it: background work (writing sorted files, merging them)
//!   has failed. Nothing that was `Done` is affected, the journal still has it.
//!
//! In all three cases reads go on. The test `full_disk` fills a real file system.
//!
//! **What fjall does, and what is added to it.** Every block of a sorted file and every batch in the journal is under
//! a checksum, and fjall checks it on each read from the disk. Found by reading its source and by damaging files,
//! these are left open by fjall 3.1 and closed here, before it opens the files:
//! - it takes the first unreadable byte of a journal for the end of it and drops what follows. [`local`] reads the
//!   journals first and tells a write that was cut short from damage (`local::journal`);
//! - the number that orders a batch is under no checksum: the numbers must rise;
//! - a manifest (the list of sorted files) is not compared with its checksum, files that it does not list are
//!   deleted, and a missing one means an empty space: all manifests are checked first (`local::manifest`);
//! - a journal that is cut at the end of a batch looks whole: its length is noted at an orderly close and compared.
//!   After a crash this cannot be noticed, nor can damage to the last batch that looks like a write cut short;
//! - a directory whose creation was cut short cannot be opened: it is marked until it is complete, and made anew.
//!
//! And in a running engine:
//! - a snapshot could show a part of a batch: see `local::visibility`;
//! - writers wait for background work that has died: see `local::pressure`;
//! - a panic inside fjall is an error here: see `local::damage`.
//!
//! All that is left of damage is [`StorageError::Corrupt`], at opening or at the read that meets it. Nothing is
//! repaired and nothing is skipped: a wrong answer is worse than none. The test `damage` flips, cuts and removes.
//!
//! **Rows that vanish.** Old versions and old changes are not deleted: [`Expired`] names them by their key, and they
//! are left out when files are merged. No delete is written for them, so no scan steps over deletes. The price is
//! the contract in the documentation of [`Expired`].

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
