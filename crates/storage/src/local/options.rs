//! What an operator may tune, with defaults for a laptop and for a small server alike.

/// The sizes of a [`super::LocalEngine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalOptions {
    /// Memory for blocks that were read. Grows only as blocks are read. The operating system caches the files as
    /// well, so this saves decompression and system calls more than disk reads.
    pub cache_bytes: u64,
    /// How much one space collects in memory before it is written to a sorted file. Fixed when a directory is
    /// made. Small buffers bound the memory (at most nine of them are in use, see `pressure`) and the time to
    /// read the journal back; large ones save rewriting.
    pub write_buffer_bytes: u64,
    /// When the journals on disk exceed this, the oldest is made superfluous. At least 64 MiB, which is the size
    /// of one journal. Bounds the time to open after a crash: reading back costs about a second for a million rows.
    pub max_journal_bytes: u64,
    /// Threads that write sorted files and merge them.
    pub background_threads: usize,
    /// What must stay free on the disk: writes are refused below it. Background work needs room to finish, and
    /// a refusal before the disk is full is clean (see the crate's documentation), one in the middle is not.
    pub reserve_bytes: u64,
}

impl Default for LocalOptions {
    fn default() -> Self {
        LocalOptions {
            cache_bytes: 128 << 20,
            write_buffer_bytes: 16 << 20,
            max_journal_bytes: 64 << 20,
            background_threads: 2,
            reserve_bytes: 64 << 20,
        }
    }
}
