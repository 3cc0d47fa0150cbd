//! What one mutation makes of one entity: existence, bases, masks, transforms. Pure functions.

use std::cmp::Ordering;

use model::entity::body::{get, insert, remove};
use model::entity::order::{compare_numbers, equal_in_transforms};
use model::entity::validate::{KEY_PROPERTY, check_entity_size, check_properties};
use model::entity::write::{Base, OnConflict, PropertyTransform, PropertyTransformKind};
use model::entity::{EntityValue, Id, Key, Properties, Property};
use model::{Code, FieldPath, Status, Timestamp};

use crate::error::CONTENTION;
use crate::ready::{Existence, ReadyMutation};

/// Whether the entity may be changed, as far as its existence decides. `present` tells whether it is there now.
pub(crate) fn check_existence(mutation: &ReadyMutation, present: bool) -> Result<(), Status> {
    match (mutation.existence, present) {
        (Existence::Either, _) => Ok(()),
        (Existence::Missing | Existence::MissingForAllocated, false) | (Existence::Present, true) => Ok(()),
        (Existence::Missing, true) => {
            let text = format!("entity already exists: {}", entity_ref(&mutation.key));
            Err(Status::new(Code::AlreadyExists, text))
        }
        // Somebody chose the very id in between: the next attempt gets another one.
        (Existence::MissingForAllocated, true) => Err(Status::aborted(CONTENTION)),
        (Existence::Present, false) => {
            Err(Status::not_found(format!("no entity to update: {}", text_format(&mutation.key))))
        }
    }
}

/// Whether the mutation conflicts with the stored version, and so is left out. An error when it must not be left out,
/// or rests on a version that never was.
pub(crate) fn conflicts(mutation: &ReadyMutation, stored: Option<Timestamp>) -> Result<bool, Status> {
    let Some(base) = mutation.base else { return Ok(false) };
    let version = stored.map_or(0, Timestamp::micros);
    let required = match base {
        Base::Version(required) if stored.is_some() && required > version => {
            let text = "Invalid base version, it is greater than the stored version";
            return Err(Status::invalid_argument(format!("{text}: {}", text_format(&mutation.key))));
        }
        Base::Version(required) => required,
        Base::UpdateTime(time) => time.micros(),
    };
    let same = required == version && (stored.is_some() || matches!(base, Base::Version(_)));
    match mutation.on_conflict {
        _ if same => Ok(false),
        OnConflict::KeepStored => Ok(true),
        OnConflict::Fail => Err(Status::failed_precondition(format!(
            "the stored version ({version}) does not match the required base version ({required})"
        ))),
    }
}

/// The properties that a put leaves, with the results of its transforms.
pub(crate) fn put(
    mutation: &ReadyMutation,
    (properties, mask): (&Properties, Option<&[FieldPath]>),
    transforms: &[PropertyTransform],
    found: Option<&Properties>,
    time: Timestamp,
) -> Result<(Properties, Vec<EntityValue>), Status> {
    let mut result = match mask {
        None => properties.clone(),
        Some(mask) => merged(properties, mask, found),
    };
    let results = transforms.iter().map(|transform| apply_transform(&mut result, transform, time)).collect();
    check_properties(&result)?;
    check_entity_size(&mutation.key, &result)?;
    Ok((result, results))
}

fn merged(properties: &Properties, mask: &[FieldPath], found: Option<&Properties>) -> Properties {
    let mut merged = found.cloned().unwrap_or_default();
    for path in mask.iter().filter(|path| path.segments() != [KEY_PROPERTY]) {
        match get(properties, path.segments()) {
            Some(property) => insert(&mut merged, path.segments(), property.clone()),
            None => remove(&mut merged, path.segments()),
        }
    }
    merged
}

fn apply_transform(
    properties: &mut Properties,
    transform: &PropertyTransform,
    time: Timestamp,
) -> EntityValue {
    let segments = transform.path.segments();
    let present = get(properties, segments);
    // What was kept out of indexes stays out.
    let excluded = present.is_some_and(|property| property.excluded);
    let present = present.map(|property| &property.value);
    let (value, result) = match &transform.kind {
        PropertyTransformKind::RequestTime => same(EntityValue::Timestamp(time.to_millis_precision())),
        PropertyTransformKind::Increment(operand) => same(increment(present, operand)),
        PropertyTransformKind::Maximum(operand) => same(extreme(present, operand, Ordering::Greater)),
        PropertyTransformKind::Minimum(operand) => same(extreme(present, operand, Ordering::Less)),
        PropertyTransformKind::AppendMissing(operands) => {
            let mut elements = array(present);
            for operand in operands {
                if !elements.iter().any(|element| equal_in_transforms(&element.value, &operand.value)) {
                    elements.push(operand.clone());
                }
            }
            (EntityValue::Array(elements), EntityValue::Null)
        }
        PropertyTransformKind::RemoveAll(operands) => {
            let mut elements = array(present);
            elements.retain(|element| {
                !operands.iter().any(|operand| equal_in_transforms(&element.value, &operand.value))
            });
            (EntityValue::Array(elements), EntityValue::Null)
        }
    };
    let excluded = excluded && !matches!(value, EntityValue::Array(_));
    insert(properties, segments, Property { value, excluded, meaning: 0 });
    result
}

fn same(value: EntityValue) -> (EntityValue, EntityValue) {
    (value.clone(), value)
}

fn array(present: Option<&EntityValue>) -> Vec<Property> {
    match present {
        Some(EntityValue::Array(elements)) => elements.clone(),
        _ => Vec::new(),
    }
}

/// Integers saturate; a double on either side makes a double; what is no number is replaced.
fn increment(present: Option<&EntityValue>, operand: &EntityValue) -> EntityValue {
    use EntityValue as V;
    match (present, operand) {
        (Some(V::Integer(a)), V::Integer(b)) => V::Integer(a.saturating_add(*b)),
        (Some(V::Integer(a)), V::Double(b)) => V::Double(*a as f64 + b),
        (Some(V::Double(a)), V::Integer(b)) => V::Double(a + *b as f64),
        (Some(V::Double(a)), V::Double(b)) => V::Double(a + b),
        (_, operand) => operand.clone(),
    }
}

/// The operand when it is `wanted` of the stored number (or there is none), else the stored one; NaN wins.
fn extreme(present: Option<&EntityValue>, operand: &EntityValue, wanted: Ordering) -> EntityValue {
    let is_nan = |value: &EntityValue| matches!(value, EntityValue::Double(number) if number.is_nan());
    let Some(present) = present else { return operand.clone() };
    match compare_numbers(operand, present) {
        Some(_) if is_nan(present) => present.clone(),
        Some(order) if is_nan(operand) || order == wanted => operand.clone(),
        Some(_) => present.clone(),
        None => operand.clone(),
    }
}

/// `EntityRef{partitionRef=p, path=/A/x/N/1L}`, as production names an entity that exists.
fn entity_ref(key: &Key) -> String {
    let mut path = String::new();
    for step in &key.path {
        let id = match &step.id {
            Some(Id::Number(number)) => format!("{number}L"),
            Some(Id::Name(name)) => name.clone(),
            None => String::new(),
        };
        path.push_str(&format!("/{}/{id}", step.kind));
    }
    format!("EntityRef{{partitionRef={}, path={path}}}", key.partition.project)
}

/// A key in protobuf's text format, as production names an entity that does not exist.
fn text_format(key: &Key) -> String {
    let mut path = String::new();
    for step in &key.path {
        let id = match &step.id {
            Some(Id::Number(number)) => format!("    id: {number}\n"),
            Some(Id::Name(name)) => format!("    name: {name:?}\n"),
            None => String::new(),
        };
        path.push_str(&format!("  Element {{\n    type: {:?}\n{id}  }}\n", step.kind));
    }
    format!("app: {:?}\npath <\n{path}>\n", key.partition.project)
}
