//! Readers of what strangers send, for fuzzers: each takes any bytes, and panics when something is wrong.

pub use crate::webchannel::read_hostile as channel_requests;
