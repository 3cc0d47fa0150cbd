//! Who may do what: roles, security rules and listeners' rights, over the memory engine.
#![expect(
    clippy::unwrap_used,
    reason = "a test's panic is its report, in the parts that tests share as well"
)]

mod entities;
mod golden;
mod listening;
mod operations;
mod races;
mod random;
mod script;
/// Queries as text, as the tests of the query room write them.
#[path = "../../../query/tests/query/text.rs"]
mod text;
mod verified;
mod world;
