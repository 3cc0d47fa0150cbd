//! What streams are told, over the memory engine.
#![expect(
    clippy::unwrap_used,
    reason = "a test's panic is its report, in the parts that tests share as well"
)]

mod client;
mod concurrent;
mod golden;
mod many;
mod random;
mod script;
/// Queries as text, as the tests of the query room write them.
#[path = "../../../query/tests/query/text.rs"]
mod text;
mod world;
