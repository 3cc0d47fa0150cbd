//! A mutation as it waits for its turn.

use std::sync::Arc;

use model::entity::write::{Base, Mutation, MutationOperation, OnConflict, PropertyTransform};
use model::entity::{Entity, Key, Properties, size, validate};
use model::{DocumentPath, FieldPath, Status};

use super::{MADE_BEFORE, Whole};
use crate::index::{IndexSet, checked_entity_entries};
use crate::mode::Content;

/// A mutation of an entity whose key is complete.
pub(crate) struct ReadyMutation {
    pub(crate) key: Key,
    pub(crate) path: DocumentPath,
    pub(crate) existence: Existence,
    pub(crate) base: Option<Base>,
    pub(crate) on_conflict: OnConflict,
    pub(crate) operation: ReadyMutationOperation,
}

/// Whether the entity must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It must not: an insert.
    Missing,
    /// It must not, for its id has just been allocated.
    MissingForAllocated,
    /// It must: an update.
    Present,
    Either,
}

/// What a mutation does, as far as it is worked out.
pub(crate) enum ReadyMutationOperation {
    Whole(Arc<Whole>),
    Put { properties: Properties, mask: Option<Vec<FieldPath>>, transforms: Vec<PropertyTransform> },
    Delete,
}

impl ReadyMutation {
    /// Works out what can be for a database whose indexes are these. `allocated` tells that the key's id was.
    ///
    /// # Errors
    /// For an entity that is too big or is in too many indexes, whatever is stored, and for an incomplete key.
    pub(crate) fn new(mutation: Mutation, allocated: bool, indexes: &Arc<IndexSet>) -> Result<Self, Status> {
        let Mutation { operation, base, on_conflict, mask, transforms } = mutation;
        let existence = match &operation {
            MutationOperation::Insert(_) | MutationOperation::Upsert(_) if allocated => {
                Existence::MissingForAllocated
            }
            MutationOperation::Insert(_) => Existence::Missing,
            MutationOperation::Update(_) => Existence::Present,
            MutationOperation::Upsert(_) | MutationOperation::Delete(_) => Existence::Either,
        };
        let (key, properties) = match operation {
            MutationOperation::Insert(entity)
            | MutationOperation::Update(entity)
            | MutationOperation::Upsert(entity) => {
                let Entity { key, properties } = entity;
                (key, Some(properties))
            }
            MutationOperation::Delete(key) => (key, None),
        };
        let path = key.document_path().ok_or_else(|| Status::invalid_argument("Key path is empty."))?;
        let operation = match properties {
            None => ReadyMutationOperation::Delete,
            Some(properties) if mask.is_none() && transforms.is_empty() => {
                validate::check_entity_size(&key, &properties)?;
                if size::properties_size(&properties) <= MADE_BEFORE {
                    let entries = checked_entity_entries(indexes, &path, &properties)?;
                    let content = Content::Entity(Arc::new(properties));
                    ReadyMutationOperation::Whole(Arc::new(Whole::new(content, entries, indexes.clone())))
                } else {
                    ReadyMutationOperation::Put { properties, mask, transforms }
                }
            }
            Some(properties) => ReadyMutationOperation::Put { properties, mask, transforms },
        };
        Ok(ReadyMutation { key, path, existence, base, on_conflict, operation })
    }
}
