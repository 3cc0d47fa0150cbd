//! How fjall is set up: one database, five keyspaces, each tuned for how it is read.

use super::LocalOptions;
use super::expiry::Expiry;
use crate::Space;
use fjall::config::{BlockSizePolicy, FilterPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;
use std::sync::Arc;

/// Opens or makes the database at `path` with its keyspaces, in the order of [`Space::ALL`].
pub(super) fn open(
    path: &Path,
    options: &LocalOptions,
    expiry: &Arc<Expiry>,
) -> fjall::Result<(Database, [Keyspace; 5])> {
    let assigner = expiry.clone();
    let database = Database::builder(path)
        .cache_size(options.cache_bytes)
        .worker_threads(options.background_threads)
        .max_journaling_size(options.max_journal_bytes)
        // Compressing in the journal would cost the committer's time under its lock, and again at every opening;
        // documents are mostly too small for it. Sorted files are compressed, from their third level on.
        .journal_compression(CompressionType::None)
        // Batches say for themselves how durable they are; nothing else is written.
        .manual_journal_persist(true)
        .with_compaction_filter_factories(Arc::new(move |keyspace| assigner.factory(keyspace)))
        .open()?;
    let keyspaces =
        Space::ALL.map(|space| database.keyspace(space.name(), || keyspace_options(space, options)));
    let [meta, documents, indexes, history, changes] = keyspaces;
    let keyspaces = [meta?, documents?, indexes?, history?, changes?];
    leave_sequence_number_zero(&database, &keyspaces)?;
    Ok((database, keyspaces))
}

/// An empty database that is opened again starts at sequence number 0, and fjall's bookkeeping takes a snapshot of
/// number 0 for none: while one is held, it may drop what a later snapshot still reads, which then panics. A delete
/// of a row that cannot be there (there are none) moves on to 1.
fn leave_sequence_number_zero(database: &Database, keyspaces: &[Keyspace; 5]) -> fjall::Result<()> {
    if database.visible_seqno() > 0 {
        return Ok(());
    }
    let mut batch = database.batch().durability(Some(PersistMode::Buffer));
    batch.remove(&keyspaces[Space::Meta.index()], [0]);
    batch.commit()
}

/// Fixed when a keyspace is made: fjall stores them.
fn keyspace_options(space: Space, options: &LocalOptions) -> KeyspaceCreateOptions {
    let base = KeyspaceCreateOptions::default()
        .max_memtable_size(options.write_buffer_bytes)
        .manual_journal_persist(true);
    match space {
        // Point reads: fjall's defaults, 4 KiB blocks and Bloom filters of 10 bits a key on all levels. The last
        // level keeps its filter, because every creation of a document asks for one that is not there.
        Space::Meta | Space::Documents => base,
        // Scans never ask a filter, so it would be 1.25 bytes a row of memory for nothing. Blocks stay small:
        // most queries read a few neighbours.
        Space::Indexes => base.filter_policy(FilterPolicy::disabled()),
        // Read rarely, in long runs: larger blocks compress better.
        Space::History | Space::Changes => base
            .filter_policy(FilterPolicy::disabled())
            .data_block_size_policy(BlockSizePolicy::all(16 << 10)),
    }
}
