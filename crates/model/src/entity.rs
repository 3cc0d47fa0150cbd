//! Datastore's vocabulary: entities, their keys and values, what is done with them and asked of them.
//!
//! A database is in native mode (documents) or in datastore mode (entities). The two differ in values, in
//! their order and in what is indexed; what differs stands here, beside what it differs from. Suggested
//! reading: [`key`] and [`value`], [`order`] and [`encoding`], [`body`], then [`write`] and [`validate`].

pub mod body;
pub mod encoding;
pub mod indexed;
pub mod key;
pub mod mapping;
pub mod order;
pub mod query;
pub mod size;
pub mod validate;
pub mod value;
pub mod write;

mod escape;

pub use key::{Id, Key, Partition, PathElement, StoredKey};
pub use value::{EmbeddedEntity, Entity, EntityValue, Properties, Property, StoredEntity};
