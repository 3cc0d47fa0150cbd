//! Which indexes a database has, and which entries a document or an entity has in them.

mod declared;
mod entities;
mod entries;
mod set;

use model::{DocumentPath, Status};

use crate::keys::DatabaseNumber;
use crate::mode::Content;

pub use declared::{
    Column, ColumnKind, DeclaredIndex, FieldOverride, IndexDefinition, IndexFile, IndexScope, IndexState,
    SingleFieldIndex,
};
pub(crate) use entities::checked_entity_entries;
pub(crate) use set::EVERY_GROUP;
pub use set::{IndexSet, IndexSource, Scope};

/// The keys of all index entries of a row. Not sorted.
pub(crate) fn content_entries(indexes: &IndexSet, path: &DocumentPath, content: &Content) -> Vec<Vec<u8>> {
    match content {
        Content::Document(fields) => entries::document_entries(indexes, path, fields),
        Content::Entity(properties) => entities::entity_entries(indexes, path, properties),
    }
}

/// The keys of the entries of a row in one declared index, if it is in the index's group.
pub(crate) fn content_entries_in(
    index: &DeclaredIndex,
    number: DatabaseNumber,
    path: &DocumentPath,
    content: &Content,
) -> Vec<Vec<u8>> {
    match content {
        Content::Document(fields) => entries::declared_entries(number, index, path, fields),
        Content::Entity(properties) => entities::declared_entity_entries(number, index, path, properties),
    }
}

/// Refuses a row that would have more index entries than the API allows.
pub(crate) fn check_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    content: &Content,
) -> Result<(), Status> {
    match content {
        Content::Document(fields) => entries::check_entry_count(fields),
        Content::Entity(properties) => entities::check_entries(indexes, path, properties),
    }
}
