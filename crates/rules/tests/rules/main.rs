//! Tests of the language from outside: verdict tables, decisions, proofs of queries, diagnostics, properties.

mod bounds;
mod coverage;
mod decisions;
mod diagnostics;
mod proofs;
mod properties;
mod verdicts;
mod world;
