//! `irori sync` as a process, against a server that is one.
//!
//! The binary is built when it is not given: `IRORI` names the server's, `IRORI_SYNC` the one that follows.

mod follower;
mod mistakes;
mod output;
mod program;
mod server;
mod soak;
mod steady;
mod strategies;
mod writer;
