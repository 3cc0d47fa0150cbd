//! The operations on entities, for databases in datastore mode.
//!
//! A file for each, as above: authorise, do, result. Accounts come in by their roles; end users have no way
//! to entities, as in production. What may be stale is asked of `eventual` (see there) and of nothing else.

mod aggregate;
mod authorise;
mod commit;
mod eventual;
mod ids;
mod lookup;
mod moment;
mod query;
mod transactions;

pub use aggregate::{AggregateEntities, EntityFigures};
pub use commit::{CommitEntities, EntityCommitMode};
pub(crate) use eventual::Eventual;
pub use lookup::{LookedUp, Lookup};
pub use moment::EntityMoment;
pub use query::{Asked, EntityAnswer, QueryEntities};
