//! Tests of queries for entities from outside: GQL, plans as text, results against an oracle, what is read.

mod cost;
mod gql;
mod oracle;
mod planner;
mod random;
mod refusals;
mod results;
mod show;
mod world;
