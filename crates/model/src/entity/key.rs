//! Keys: a partition and a path of kinds with ids.

use std::sync::Arc;

/// Where keys live: project, database (`(default)` for the unnamed one) and namespace (empty for the default one).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub project: Arc<str>,
    pub database: Arc<str>,
    pub namespace: Arc<str>,
}

/// The name of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub partition: Partition,
    /// From the root down; never empty once checked.
    pub path: Vec<PathElement>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathElement {
    pub kind: String,
    /// None where the server is to allocate one: only in the last element.
    pub id: Option<Id>,
}

/// A number or a name; numbers sort first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Number(i64),
    Name(String),
}
