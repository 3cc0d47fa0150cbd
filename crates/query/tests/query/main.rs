//! Tests of the room from outside: plans as text, results against an oracle, what is read.

mod cost;
mod matcher;
mod oracle;
mod planner;
mod refusals;
mod results;
mod running;
mod text;
mod world;
