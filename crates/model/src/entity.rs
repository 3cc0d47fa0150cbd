//! Datastore's vocabulary: entities, their keys and values, what is done with them and asked of them.
//!
//! A database is in native mode (documents) or in datastore mode (entities). The two differ in values, in
//! their order and in what is indexed; what differs stands here, beside what it differs from.

pub mod key;
pub mod query;
pub mod value;
pub mod write;

pub use key::{Id, Key, Partition, PathElement};
pub use value::{EmbeddedEntity, Entity, EntityValue, Properties, Property};
