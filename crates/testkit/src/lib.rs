//! Test tools shared by the rooms.
//!
//! - [`world`]: a store over a memory or a local engine, with a clock that the test moves.
//! - [`script`]: golden scripts over `database`; [`notation`] is how they write values.
//! - [`indexes_equal_scan`]: compares every index row with the documents.
//! - [`strategies`]: random values for property tests.
//! - [`poll`]: futures that a test starts, looks at, and awaits by name.

pub mod indexes_equal_scan;
pub mod notation;
pub mod poll;
pub mod script;
pub mod strategies;
pub mod world;
