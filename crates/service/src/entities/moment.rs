//! When a read of entities reads.

use database::{ReadAt, TransactionMode};

use crate::Consistency;

/// The moment of a read.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityMoment {
    At(ReadAt),
    /// The newest state, or an older one if the server was told to imitate that.
    Eventual,
    NewTransaction(TransactionMode),
}

impl EntityMoment {
    /// The same moment for a reader who must not see anything stale.
    pub(super) fn strong(self) -> Consistency {
        match self {
            EntityMoment::At(at) => Consistency::At(at),
            EntityMoment::Eventual => Consistency::At(ReadAt::Now),
            EntityMoment::NewTransaction(mode) => Consistency::NewTransaction(mode),
        }
    }
}

impl From<ReadAt> for EntityMoment {
    fn from(at: ReadAt) -> Self {
        EntityMoment::At(at)
    }
}
