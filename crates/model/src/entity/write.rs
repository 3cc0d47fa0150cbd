//! Mutations as the Datastore API names them, and their results.

use super::{Entity, EntityValue, Key, Property};
use crate::Timestamp;
use crate::field_path::FieldPath;

/// One mutation of a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    pub operation: MutationOperation,
    /// What the stored version must be for the mutation to apply.
    pub base: Option<Base>,
    pub on_conflict: OnConflict,
    /// The only properties to write; those that the entity lacks are deleted.
    pub mask: Option<Vec<FieldPath>>,
    pub transforms: Vec<PropertyTransform>,
}

/// What a mutation does.
#[derive(Clone, Debug, PartialEq)]
pub enum MutationOperation {
    /// The entity must not exist.
    Insert(Entity),
    /// The entity must exist.
    Update(Entity),
    Upsert(Entity),
    Delete(Key),
}

impl MutationOperation {
    /// The key of the entity that is changed.
    pub fn key(&self) -> &Key {
        match self {
            MutationOperation::Insert(entity)
            | MutationOperation::Update(entity)
            | MutationOperation::Upsert(entity) => &entity.key,
            MutationOperation::Delete(key) => key,
        }
    }

    /// The entity to be put; None for a delete.
    pub fn entity(&self) -> Option<&Entity> {
        match self {
            MutationOperation::Insert(entity)
            | MutationOperation::Update(entity)
            | MutationOperation::Upsert(entity) => Some(entity),
            MutationOperation::Delete(_) => None,
        }
    }

    /// What messages call the operation.
    pub fn verb(&self) -> &'static str {
        match self {
            MutationOperation::Insert(_) => "insert",
            MutationOperation::Update(_) => "update",
            MutationOperation::Upsert(_) => "upsert",
            MutationOperation::Delete(_) => "delete",
        }
    }
}

impl From<MutationOperation> for Mutation {
    /// The bare operation: no base, no mask, no transforms.
    fn from(operation: MutationOperation) -> Self {
        let on_conflict = OnConflict::default();
        Mutation { operation, base: None, on_conflict, mask: None, transforms: Vec::new() }
    }
}

/// A version that a mutation rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// 0: the entity must not exist. Versions are update times in microseconds.
    Version(i64),
    UpdateTime(Timestamp),
}

/// What a mutation does when the stored version is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// It is left out, and its result tells so; the others apply.
    #[default]
    KeepStored,
    /// The whole commit fails.
    Fail,
}

/// A change of one property that the server computes.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyTransform {
    pub path: FieldPath,
    pub kind: PropertyTransformKind,
}

/// How the property changes.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyTransformKind {
    RequestTime,
    Increment(EntityValue),
    Maximum(EntityValue),
    Minimum(EntityValue),
    AppendMissing(Vec<Property>),
    RemoveAll(Vec<Property>),
}

/// What one mutation answers.
#[derive(Clone, Debug, PartialEq)]
pub struct MutationResult {
    /// Only when the server allocated the id.
    pub key: Option<Key>,
    pub version: i64,
    pub conflict_detected: bool,
    /// None for deletes.
    pub update_time: Option<Timestamp>,
    pub create_time: Option<Timestamp>,
    pub transform_results: Vec<EntityValue>,
}

/// What a commit of mutations answers, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityCommitResult {
    pub commit_time: Timestamp,
    pub results: Vec<MutationResult>,
}
