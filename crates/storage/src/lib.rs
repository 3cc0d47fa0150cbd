//! Ordered bytes: one Engine trait, its engines, atomic durable batches, snapshots, scans.
