//! What one write makes of one document: masks, transforms, preconditions. Pure functions.

pub(crate) mod mutation;

use std::sync::Arc;

use model::body::{insert, remove};
use model::value::get_field;
use model::write::{FieldTransform, Precondition, TransformKind};
use model::{Code, DatabaseName, Fields, Status, Timestamp, Value, order, validate};

use crate::ready::{Ready, ReadyOperation, Whole};

/// The document as a write finds it.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) update_time: Timestamp,
}

/// What becomes of the document.
pub(crate) enum Effect<'a> {
    Keep,
    Set(Fields),
    SetWhole(&'a Arc<Whole>),
    Delete,
}

/// What becomes of reasons against a commit.
pub(crate) enum Refusals {
    /// The first ends it.
    AtOnce,
    /// The first is kept and all writes are worked out, for somebody else may refuse with less to tell.
    Noted(Option<Status>),
}

impl Refusals {
    fn note(&mut self, outcome: Result<(), Status>) -> Result<(), Status> {
        match (self, outcome) {
            (Refusals::Noted(first), Err(refusal)) => {
                first.get_or_insert(refusal);
                Ok(())
            }
            (Refusals::AtOnce | Refusals::Noted(_), outcome) => outcome,
        }
    }

    /// The first that was kept.
    pub(crate) fn into_result(self) -> Result<(), Status> {
        match self {
            Refusals::AtOnce | Refusals::Noted(None) => Ok(()),
            Refusals::Noted(Some(refusal)) => Err(refusal),
        }
    }
}

/// Applies `write` at `time`. `deleted_before` tells that an earlier write of the same commit deleted
/// the document. Answers the effect and the results of the transforms.
pub(crate) fn apply<'a>(
    write: &'a Ready,
    database: &DatabaseName,
    found: Option<Found<'_>>,
    deleted_before: bool,
    time: Timestamp,
    refusals: &mut Refusals,
) -> Result<(Effect<'a>, Vec<Value>), Status> {
    refusals.note(check_precondition(write, database, found, deleted_before))?;
    match &write.operation {
        ReadyOperation::Verify => Ok((Effect::Keep, Vec::new())),
        ReadyOperation::Delete => Ok((Effect::Delete, Vec::new())),
        ReadyOperation::Whole(whole) => Ok((Effect::SetWhole(whole), Vec::new())),
        ReadyOperation::Set { fields, mask, transforms } => {
            let mut result = match mask {
                None => fields.clone(),
                Some(mask) => {
                    let mut merged = found.map(|found| found.fields.clone()).unwrap_or_default();
                    for path in mask {
                        match get_field(fields, path.segments()) {
                            Some(value) => insert(&mut merged, path.segments(), value.clone()),
                            None => remove(&mut merged, path.segments()),
                        }
                    }
                    merged
                }
            };
            let results = transforms
                .iter()
                .map(|transform| apply_transform(&mut result, transform, time, refusals))
                .collect::<Result<_, _>>()?;
            refusals.note(validate::check_document_size(&database.document(&write.path), &result))?;
            Ok((Effect::Set(result), results))
        }
    }
}

fn check_precondition(
    write: &Ready,
    database: &DatabaseName,
    found: Option<Found<'_>>,
    deleted_before: bool,
) -> Result<(), Status> {
    let name = || database.document(&write.path);
    match write.precondition {
        Precondition::None => Ok(()),
        Precondition::Exists(false) => match found {
            None => Ok(()),
            Some(_) => Err(Status::new(Code::AlreadyExists, format!("Document already exists: {}", name()))),
        },
        Precondition::Exists(true) => match found {
            Some(_) => Ok(()),
            None if deleted_before => Err(Status::invalid_argument(format!(
                "Document {} is deleted by an earlier write of the same request.",
                name()
            ))),
            None => Err(Status::not_found(format!("No document to update: {}", name()))),
        },
        Precondition::UpdateTime(required) => {
            let stored = found.map_or(0, |found| found.update_time.micros());
            if found.is_some() && stored == required.micros() {
                return Ok(());
            }
            Err(Status::failed_precondition(format!(
                "the stored version ({stored}) does not match the required base version ({})",
                required.micros()
            )))
        }
    }
}

fn apply_transform(
    fields: &mut Fields,
    transform: &FieldTransform,
    time: Timestamp,
    refusals: &mut Refusals,
) -> Result<Value, Status> {
    let segments = transform.path.segments();
    let present = get_field(fields, segments);
    let (value, result) = match &transform.kind {
        TransformKind::RequestTime => {
            let stamp = Value::Timestamp(time.to_millis_precision());
            (stamp.clone(), stamp)
        }
        TransformKind::Increment(operand) => same(increment(present, operand)),
        TransformKind::Maximum(operand) => same(extreme(present, operand, std::cmp::Ordering::Greater)),
        TransformKind::Minimum(operand) => same(extreme(present, operand, std::cmp::Ordering::Less)),
        TransformKind::AppendMissing(operands) => {
            let mut elements = array(present);
            for operand in operands {
                if !elements.iter().any(|element| order::equal(element, operand)) {
                    elements.push(operand.clone());
                }
            }
            (Value::Array(elements), Value::Null)
        }
        TransformKind::RemoveAll(operands) => {
            let mut elements = array(present);
            elements.retain(|element| !operands.iter().any(|operand| order::equal(element, operand)));
            (Value::Array(elements), Value::Null)
        }
    };
    insert(fields, segments, value);
    let top = &fields[transform.path.first()];
    refusals.note(validate::check_top_level_value(transform.path.first(), top))?;
    Ok(result)
}

fn same(value: Value) -> (Value, Value) {
    (value.clone(), value)
}

fn array(present: Option<&Value>) -> Vec<Value> {
    match present {
        Some(Value::Array(elements)) => elements.clone(),
        _ => Vec::new(),
    }
}

/// Integers saturate; a double on either side makes a double.
fn increment(present: Option<&Value>, operand: &Value) -> Value {
    match (present, operand) {
        (Some(Value::Integer(a)), Value::Integer(b)) => Value::Integer(a.saturating_add(*b)),
        (Some(present @ (Value::Integer(_) | Value::Double(_))), operand) => {
            let sum = present.as_f64().zip(operand.as_f64()).map(|(a, b)| a + b);
            sum.map_or_else(|| operand.clone(), Value::Double)
        }
        (_, operand) => operand.clone(),
    }
}

/// The operand when it is `wanted` of the stored number (or there is none), else the stored one; NaN wins.
fn extreme(present: Option<&Value>, operand: &Value, wanted: std::cmp::Ordering) -> Value {
    match present {
        Some(present @ (Value::Integer(_) | Value::Double(_))) => {
            let operand_wins =
                operand.is_nan() || (!present.is_nan() && order::compare(operand, present) == wanted);
            if operand_wins { operand.clone() } else { present.clone() }
        }
        _ => operand.clone(),
    }
}
