//! The messages of the App Engine services: the fields that this server reads or writes, with their numbers.
//!
//! The protocol has more; fields that stand in no table here are skipped when read, and never written.

pub(super) mod datastore;
pub(super) mod entity;
pub(super) mod memcache;
pub(super) mod remote_api;
