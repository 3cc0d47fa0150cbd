//! Test tools shared by the rooms.
//!
//! - [`world`]: a store over a memory or a local engine, with a clock that the test moves.
//! - [`script`], [`entity_script`]: golden scripts over `database`; [`notation`] is how they write values.
//! - [`random_run`]: random requests, compared with an [`oracle`] that is too simple to be wrong; [`dice`] for it.
//! - [`entity_run`]: the same for mutations of entities.
//! - [`history`]: what concurrent clients did, and whether it could have happened one after the other.
//! - [`fuzz`]: hostile bytes for everything that reads bytes.
//! - [`crash`]: numbered commits for tests that kill the server, and what must be there afterwards.
//! - [`indexes_equal_scan`]: compares every index row with the documents.
//! - [`strategies`]: random values for property tests.
//! - [`poll`]: futures that a test starts, looks at, and awaits by name.

pub mod crash;
pub mod dice;
pub mod entity_run;
pub mod entity_script;
pub mod fuzz;
pub mod golden;
pub mod history;
pub mod indexes_equal_scan;
pub mod notation;
pub mod oracle;
pub mod poll;
pub mod random_run;
pub mod script;
pub mod strategies;
pub mod world;
