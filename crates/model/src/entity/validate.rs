//! What entities and mutations may hold, with production's texts for what they may not.

mod key;
mod value;

use std::collections::HashMap;

use super::write::{Base, Mutation, MutationOperation, OnConflict, PropertyTransform, PropertyTransformKind};
use super::{Entity, EntityValue, Key, size};
use crate::field_path::is_reserved_field;
use crate::limits::{MAX_REQUEST_BYTES, MAX_TRANSFORMS_PER_DOCUMENT};
use crate::{DatabaseName, FieldPath, Status};

pub use key::{KeyUse, check_database, check_key, check_namespace};
pub use value::{check_filter_value, check_properties, check_property_name};

/// Bytes of one entity by the storage-size formula (limits page).
pub const MAX_ENTITY_BYTES: usize = 1_048_572;
/// The pseudo property that stands for the key.
pub const KEY_PROPERTY: &str = "__key__";

/// Checks what can be told of the mutations of one commit to `database` without looking at stored entities.
/// `atomic` tells a transactional commit, which alone may name a key more than once.
pub fn check_mutations(mutations: &[Mutation], database: &DatabaseName, atomic: bool) -> Result<(), Status> {
    let mut before: HashMap<&Key, &Mutation> = HashMap::new();
    let mut transforms: HashMap<&Key, usize> = HashMap::new();
    let mut bytes = 0;
    for mutation in mutations {
        check_mutation(mutation, database)?;
        let key = mutation.operation.key();
        if let Some(entity) = mutation.operation.entity() {
            bytes += size::entity_size(&entity.key, &entity.properties);
        }
        if !key.is_complete() {
            continue;
        }
        if let Some(before) = before.insert(key, mutation) {
            check_sequence(before, mutation, atomic)?;
        }
        if !mutation.transforms.is_empty() {
            let count = transforms.entry(key).or_insert(0);
            *count += mutation.transforms.len();
            check_transform_count(*count)?;
        }
    }
    if bytes > MAX_REQUEST_BYTES {
        return Err(Status::invalid_argument("datastore transaction or write too big."));
    }
    Ok(())
}

/// Checks the size of a whole entity, as it is to be stored.
pub fn check_entity_size(key: &Key, properties: &super::Properties) -> Result<(), Status> {
    if size::entity_size(key, properties) > MAX_ENTITY_BYTES {
        return Err(Status::invalid_argument("entity is too big"));
    }
    Ok(())
}

fn check_mutation(mutation: &Mutation, database: &DatabaseName) -> Result<(), Status> {
    let key = mutation.operation.key();
    let wanted = match mutation.operation {
        MutationOperation::Insert(_) | MutationOperation::Upsert(_) => KeyUse::Put,
        MutationOperation::Update(_) | MutationOperation::Delete(_) => KeyUse::Change,
    };
    check_key(key, wanted)?;
    check_database(key, database)?;
    if let Some(Entity { properties, .. }) = mutation.operation.entity() {
        check_properties(properties)?;
    } else if !mutation.transforms.is_empty() {
        return Err(Status::invalid_argument("Delete mutation cannot have PropertyTransforms."));
    } else if mutation.mask.is_some() {
        return Err(Status::invalid_argument("Delete mutation cannot have a property mask."));
    }
    check_base(mutation, key)?;
    mutation.mask.iter().flatten().try_for_each(check_mask_path)?;
    check_transform_count(mutation.transforms.len())?;
    mutation.transforms.iter().try_for_each(check_transform)
}

fn check_base(mutation: &Mutation, key: &Key) -> Result<(), Status> {
    let Some(base) = mutation.base else {
        return match mutation.on_conflict {
            OnConflict::KeepStored => Ok(()),
            OnConflict::Fail => Err(Status::invalid_argument(
                "cannot set a conflict resolution strategy if no detection strategy was set",
            )),
        };
    };
    if !key.is_complete() {
        return Err(Status::invalid_argument("conflict detection is not allowed for incomplete keys"));
    }
    match (base, &mutation.operation) {
        (Base::Version(version), _) if version < 0 => {
            Err(Status::invalid_argument(format!("Invalid base_version: {version}, it should be >= 0")))
        }
        (Base::Version(1..) | Base::UpdateTime(_), MutationOperation::Insert(_)) => {
            Err(Status::invalid_argument("Cannot insert an entity with a base version greater than zero"))
        }
        (Base::Version(0), MutationOperation::Update(_)) => {
            Err(Status::invalid_argument("Cannot update an entity with a base version set to zero"))
        }
        (Base::Version(_) | Base::UpdateTime(_), _) => Ok(()),
    }
}

fn check_mask_path(path: &FieldPath) -> Result<(), Status> {
    match path.segments().iter().find(|name| is_reserved_field(name) && *name != KEY_PROPERTY) {
        Some(name) => {
            Err(Status::invalid_argument(format!("The property_mask.property.name \"{name}\" is reserved.")))
        }
        None => Ok(()),
    }
}

fn check_transform(transform: &PropertyTransform) -> Result<(), Status> {
    if let Some(name) = transform.path.segments().iter().find(|name| is_reserved_field(name)) {
        return Err(Status::invalid_argument(format!("Invalid property path member name \"{name}\".")));
    }
    match &transform.kind {
        PropertyTransformKind::RequestTime => Ok(()),
        PropertyTransformKind::Increment(operand)
        | PropertyTransformKind::Maximum(operand)
        | PropertyTransformKind::Minimum(operand) => match operand {
            EntityValue::Integer(_) | EntityValue::Double(_) => Ok(()),
            _ => Err(Status::invalid_argument("Input must be int64 or double.")),
        },
        PropertyTransformKind::AppendMissing(elements) | PropertyTransformKind::RemoveAll(elements) => {
            value::check_elements(transform.path.first(), elements)
        }
    }
}

fn check_transform_count(count: usize) -> Result<(), Status> {
    if count > MAX_TRANSFORMS_PER_DOCUMENT {
        return Err(Status::invalid_argument(format!(
            "cannot apply more than {MAX_TRANSFORMS_PER_DOCUMENT} property transforms to a single entity"
        )));
    }
    Ok(())
}

/// Two mutations of one entity, the second right after the first.
fn check_sequence(first: &Mutation, second: &Mutation, atomic: bool) -> Result<(), Status> {
    use MutationOperation as O;
    if !atomic {
        return Err(Status::invalid_argument(
            "A non-transactional commit may not contain multiple mutations affecting the same entity.",
        ));
    }
    let legal = match (&first.operation, &second.operation) {
        (O::Insert(_) | O::Update(_) | O::Upsert(_), O::Insert(_)) | (O::Delete(_), O::Update(_)) => false,
        (O::Delete(_), O::Insert(_)) | (_, O::Upsert(_) | O::Delete(_)) => true,
        (O::Insert(_) | O::Update(_) | O::Upsert(_), O::Update(_)) => true,
    };
    if !legal {
        let (first, second) = (first.operation.verb(), second.operation.verb());
        return Err(Status::invalid_argument(format!(
            "Cannot {first} then {second} an entity in the same request."
        )));
    }
    if first.base != second.base {
        return Err(Status::invalid_argument(
            "Mutations for the same entity must have the same base version.",
        ));
    }
    Ok(())
}
