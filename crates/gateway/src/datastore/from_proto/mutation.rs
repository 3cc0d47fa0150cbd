//! Mutations of a commit.

use model::entity::write::{
    Base, Mutation, MutationOperation, OnConflict, PropertyTransform, PropertyTransformKind,
};
use model::{DatabaseName, FieldPath, Status};
use wire::datastore::mutation::{ConflictDetectionStrategy, ConflictResolutionStrategy, Operation};
use wire::datastore::property_transform::{ServerValue, TransformType};
use wire::datastore::{self as proto};

use super::{key, value};

/// One mutation.
pub(crate) fn mutation(database: &DatabaseName, mutation: proto::Mutation) -> Result<Mutation, Status> {
    let base = base(mutation.conflict_detection_strategy)?;
    let on_conflict = on_conflict(mutation.conflict_resolution_strategy, base.is_some())?;
    let operation = operation(database, mutation.operation)?;
    let mask = super::mask(mutation.property_mask)?;
    let transforms = mutation.property_transforms.into_iter().map(|one| transform(database, one));
    let transforms = transforms.collect::<Result<_, _>>()?;
    Ok(Mutation { operation, base, on_conflict, mask, transforms })
}

fn operation(database: &DatabaseName, operation: Option<Operation>) -> Result<MutationOperation, Status> {
    let entity = |entity| value::entity(database, entity);
    Ok(match operation {
        Some(Operation::Insert(inserted)) => MutationOperation::Insert(entity(inserted)?),
        Some(Operation::Update(updated)) => MutationOperation::Update(entity(updated)?),
        Some(Operation::Upsert(upserted)) => MutationOperation::Upsert(entity(upserted)?),
        Some(Operation::Delete(deleted)) => MutationOperation::Delete(key::key(database, deleted)),
        None => return Err(Status::invalid_argument("Mutation is missing operation.")),
    })
}

fn base(strategy: Option<ConflictDetectionStrategy>) -> Result<Option<Base>, Status> {
    Ok(match strategy {
        Some(ConflictDetectionStrategy::BaseVersion(version)) => Some(Base::Version(version)),
        Some(ConflictDetectionStrategy::UpdateTime(stamp)) => {
            Some(Base::UpdateTime(crate::from_proto::timestamp(stamp)?))
        }
        None => None,
    })
}

fn on_conflict(strategy: i32, detected: bool) -> Result<OnConflict, Status> {
    let (on_conflict, is_set) = match ConflictResolutionStrategy::try_from(strategy) {
        Ok(ConflictResolutionStrategy::StrategyUnspecified) | Err(_) => (OnConflict::KeepStored, false),
        Ok(ConflictResolutionStrategy::ServerValue) => (OnConflict::KeepStored, true),
        Ok(ConflictResolutionStrategy::Fail) => (OnConflict::Fail, true),
    };
    if is_set && !detected {
        let text = "cannot set a conflict resolution strategy if no detection strategy was set";
        return Err(Status::invalid_argument(text));
    }
    Ok(on_conflict)
}

fn transform(
    database: &DatabaseName,
    transform: proto::PropertyTransform,
) -> Result<PropertyTransform, Status> {
    let path = FieldPath::parse(&transform.property)?;
    let name = &transform.property;
    let operand = |operand| value::property(database, name, operand).map(|property| property.value);
    let elements = |array| value::elements(database, name, array);
    let kind = match transform.transform_type {
        Some(TransformType::SetToServerValue(value)) => match ServerValue::try_from(value) {
            Ok(ServerValue::RequestTime) => PropertyTransformKind::RequestTime,
            Ok(ServerValue::Unspecified) | Err(_) => {
                let text = "ServerValue type must be specified for set_to_server_value transformation.";
                return Err(Status::invalid_argument(text));
            }
        },
        Some(TransformType::Increment(by)) => PropertyTransformKind::Increment(operand(by)?),
        Some(TransformType::Maximum(with)) => PropertyTransformKind::Maximum(operand(with)?),
        Some(TransformType::Minimum(with)) => PropertyTransformKind::Minimum(operand(with)?),
        Some(TransformType::AppendMissingElements(array)) => {
            PropertyTransformKind::AppendMissing(elements(array)?)
        }
        Some(TransformType::RemoveAllFromArray(array)) => PropertyTransformKind::RemoveAll(elements(array)?),
        None => {
            let text = "Operation type must be specified for field transformation.";
            return Err(Status::invalid_argument(text));
        }
    };
    Ok(PropertyTransform { path, kind })
}
