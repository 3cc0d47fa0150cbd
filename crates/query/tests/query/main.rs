//! Tests of the room from outside: plans as text, results against an oracle, what is read.

mod oracle;
mod planner;
mod results;
mod text;
mod world;
