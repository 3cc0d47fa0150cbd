//! Tests of queries for entities from outside: GQL, plans as text, results against an oracle, what is read.

mod gql;
mod oracle;
mod random;
mod results;
mod show;
mod world;
