//! Writes of documents as mutations of entities.

use database::{CommitMode, Database};
use model::entity::mapping::{indexed_property_of, key_of, properties_of, value_of};
use model::entity::write::{
    Base, Mutation, MutationOperation, MutationResult, OnConflict, PropertyTransform, PropertyTransformKind,
};
use model::entity::{Entity, EntityValue, Property};
use model::write::{
    CommitResult, FieldTransform, Operation, Precondition, TransformKind, Write, WriteResult,
};
use model::{DatabaseName, Status, Value};

use crate::across::unsupported;

/// Commits all writes or none.
pub(crate) async fn commit(
    database: &Database,
    writes: Vec<Write>,
    transaction: Option<&[u8]>,
) -> Result<CommitResult, Status> {
    let mutations = writes.into_iter().map(|write| mutation(database.name(), write));
    let mutations = mutations.collect::<Result<_, _>>()?;
    let done = database.commit_entities(mutations, transaction, CommitMode::Transactional).await?;
    let results = done.results.into_iter().map(result).collect::<Result<_, _>>()?;
    Ok(CommitResult { commit_time: done.commit_time, results })
}

fn mutation(database: &DatabaseName, write: Write) -> Result<Mutation, Status> {
    let Write { path, operation, precondition } = write;
    let key = key_of(database, &path)?;
    let base = match precondition {
        Precondition::UpdateTime(time) => Some(Base::UpdateTime(time)),
        Precondition::None | Precondition::Exists(_) => None,
    };
    let on_conflict = if base.is_some() { OnConflict::Fail } else { OnConflict::default() };
    match operation {
        Operation::Set { fields, mask, transforms } => {
            let entity = Entity { key, properties: properties_of(&fields)? };
            let operation = match precondition {
                Precondition::None => MutationOperation::Upsert(entity),
                Precondition::Exists(false) => MutationOperation::Insert(entity),
                Precondition::Exists(true) | Precondition::UpdateTime(_) => MutationOperation::Update(entity),
            };
            let transforms = transforms.into_iter().map(transform).collect::<Result<_, _>>()?;
            Ok(Mutation { operation, base, on_conflict, mask, transforms })
        }
        Operation::Delete => match precondition {
            Precondition::None | Precondition::UpdateTime(_) => {
                let operation = MutationOperation::Delete(key);
                Ok(Mutation { operation, base, on_conflict, mask: None, transforms: Vec::new() })
            }
            Precondition::Exists(_) => Err(unsupported("The precondition `exists` of a delete")),
        },
        Operation::Verify => Err(unsupported("A write that only verifies")),
    }
}

fn transform(transform: FieldTransform) -> Result<PropertyTransform, Status> {
    let FieldTransform { path, kind } = transform;
    let operand = |value: &Value| indexed_property_of(value).map(|property| property.value);
    // Below a map nothing is indexed.
    let excluded = path.segments().len() > 1;
    let element =
        |value: &Value| indexed_property_of(value).map(|property| Property { excluded, ..property });
    let elements = |values: &[Value]| values.iter().map(element).collect::<Result<Vec<_>, Status>>();
    let kind = match kind {
        TransformKind::RequestTime => PropertyTransformKind::RequestTime,
        TransformKind::Increment(value) => PropertyTransformKind::Increment(operand(&value)?),
        TransformKind::Maximum(value) => PropertyTransformKind::Maximum(operand(&value)?),
        TransformKind::Minimum(value) => PropertyTransformKind::Minimum(operand(&value)?),
        TransformKind::AppendMissing(values) => PropertyTransformKind::AppendMissing(elements(&values)?),
        TransformKind::RemoveAll(values) => PropertyTransformKind::RemoveAll(elements(&values)?),
    };
    Ok(PropertyTransform { path, kind })
}

fn result(done: MutationResult) -> Result<WriteResult, Status> {
    let value = |value: EntityValue| value_of(&value.into());
    let transform_results = done.transform_results.into_iter().map(value).collect::<Result<_, _>>()?;
    Ok(WriteResult { update_time: done.update_time, transform_results })
}
