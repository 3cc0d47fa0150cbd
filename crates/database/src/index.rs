//! Which indexes a database has, and which entries a document has in them.

mod declared;
mod entities;
mod entries;
mod set;

pub use declared::{
    Column, ColumnKind, DeclaredIndex, FieldOverride, IndexDefinition, IndexFile, IndexScope, IndexState,
    SingleFieldIndex,
};
pub(crate) use entries::{declared_entries, document_entries};
pub(crate) use set::EVERY_GROUP;
pub use set::{IndexSet, IndexSource, Scope};
