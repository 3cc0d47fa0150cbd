//! Incremental synchronisation: a collection followed into a local cache, by the public protocol alone.
