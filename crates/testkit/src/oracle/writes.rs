//! What writes do, worked out field by field, straight from the facts.

use std::collections::BTreeMap;

use model::order::compare;
use model::write::{
    CommitResult, FieldTransform, Operation, Precondition, TransformKind, Write, WriteResult,
};
use model::{Code, DocumentPath, Fields, Status, Timestamp, Value};

use super::{Kept, Oracle};

/// The documents that a commit names, in the order it names them, and what becomes of each.
type States = Vec<(DocumentPath, Option<Kept>)>;

impl Oracle {
    pub(super) fn effect(
        &self,
        writes: &[Write],
        base: Timestamp,
        time: Timestamp,
    ) -> Result<(CommitResult, States), Status> {
        let mut order: Vec<DocumentPath> = Vec::new();
        let mut now: BTreeMap<DocumentPath, Option<Kept>> = BTreeMap::new();
        let mut made_anew: Vec<DocumentPath> = Vec::new();
        let mut results: Vec<WriteResult> = Vec::new();
        for write in writes {
            let path = &write.path;
            if !now.contains_key(path) {
                order.push(path.clone());
                now.insert(path.clone(), self.get(path, base).cloned());
            }
            let before = self.get(path, base);
            let state = now[path].clone();
            self.check(write, before, state.as_ref())?;
            let (state, transform_results) = match &write.operation {
                Operation::Verify => (state, Vec::new()),
                Operation::Delete => {
                    made_anew.push(path.clone());
                    (None, Vec::new())
                }
                Operation::Set { fields, mask, transforms } => {
                    let paths = mask.as_ref().map(|mask| mask.iter().map(|path| path.segments()).collect());
                    let mut fields = merged(state.as_ref(), fields, paths);
                    let answers = transforms.iter().map(|one| transform(&mut fields, one, time)).collect();
                    let before = before.filter(|_| !made_anew.contains(path));
                    let create_time = state.map_or(time, |state| state.create_time);
                    (Some(version(before, create_time, fields, time)), answers)
                }
            };
            now.insert(path.clone(), state);
            results.push(WriteResult { update_time: None, transform_results });
        }
        for (write, result) in writes.iter().zip(&mut results) {
            if write.operation != Operation::Delete {
                result.update_time = now[&write.path].as_ref().map(|kept| kept.update_time);
            }
        }
        let states = order.into_iter().map(|path| (path.clone(), now[&path].clone())).collect();
        Ok((CommitResult { commit_time: time, results }, states))
    }

    fn check(&self, write: &Write, before: Option<&Kept>, state: Option<&Kept>) -> Result<(), Status> {
        let name = self.database.document(&write.path);
        match (write.precondition, state) {
            (Precondition::None, _)
            | (Precondition::Exists(true), Some(_))
            | (Precondition::Exists(false), None) => Ok(()),
            (Precondition::Exists(false), Some(_)) => {
                Err(Status::new(Code::AlreadyExists, format!("Document already exists: {name}")))
            }
            (Precondition::Exists(true), None) if before.is_some() => Err(Status::invalid_argument(format!(
                "Document {name} is deleted by an earlier write of the same request."
            ))),
            (Precondition::Exists(true), None) => {
                Err(Status::not_found(format!("No document to update: {name}")))
            }
            (Precondition::UpdateTime(required), state) => {
                let stored = state.map_or(0, |kept| kept.update_time.micros());
                if state.is_some() && stored == required.micros() {
                    return Ok(());
                }
                Err(Status::failed_precondition(format!(
                    "the stored version ({stored}) does not match the required base version ({})",
                    required.micros()
                )))
            }
        }
    }
}

/// The version that results: that from before the commit, if nothing has changed since.
fn version(before: Option<&Kept>, create_time: Timestamp, fields: Fields, time: Timestamp) -> Kept {
    match before {
        Some(before) if format!("{:?}", before.fields) == format!("{fields:?}") => before.clone(),
        _ => Kept { create_time, update_time: time, fields },
    }
}

fn merged(state: Option<&Kept>, given: &Fields, mask: Option<Vec<&[String]>>) -> Fields {
    let Some(mask) = mask else { return given.clone() };
    let mut fields = state.map(|kept| kept.fields.clone()).unwrap_or_default();
    for path in mask {
        put(&mut fields, path, look(given, path).cloned());
    }
    fields
}

fn look<'a>(fields: &'a Fields, path: &[String]) -> Option<&'a Value> {
    match (path, fields.get(&path[0])) {
        ([_], found) => found,
        ([_, rest @ ..], Some(Value::Map(inner))) => look(inner, rest),
        (_, _) => None,
    }
}

/// Sets a field, making maps on the way; or removes it, making nothing.
fn put(fields: &mut Fields, path: &[String], value: Option<Value>) {
    let name = path[0].clone();
    match (path, value) {
        ([_], Some(value)) => drop(fields.insert(name, value)),
        ([_], None) => drop(fields.remove(&name)),
        ([_, rest @ ..], value) => {
            let mut inner = match fields.get(&name) {
                Some(Value::Map(inner)) => inner.clone(),
                Some(_) | None if value.is_none() => return,
                Some(_) | None => Fields::new(),
            };
            put(&mut inner, rest, value);
            fields.insert(name, Value::Map(inner));
        }
        ([], _) => unreachable!("a field path has a name"),
    }
}

fn transform(fields: &mut Fields, transform: &FieldTransform, time: Timestamp) -> Value {
    let path = transform.path.segments();
    let stored = look(fields, path).cloned();
    let number = stored.clone().filter(|value| matches!(value, Value::Integer(_) | Value::Double(_)));
    let elements = match stored {
        Some(Value::Array(elements)) => elements,
        Some(_) | None => Vec::new(),
    };
    let equal = |left: &Value, right: &Value| compare(left, right).is_eq();
    let (value, answer) = match &transform.kind {
        TransformKind::RequestTime => {
            let stamp = Value::Timestamp(time.to_millis_precision());
            (stamp.clone(), stamp)
        }
        TransformKind::Increment(by) => {
            let sum = match (number, by) {
                (None, by) => by.clone(),
                (Some(Value::Integer(a)), Value::Integer(b)) => {
                    let sum = i128::from(a) + i128::from(*b);
                    let bounded = sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
                    Value::Integer(i64::try_from(bounded).expect("it was bounded"))
                }
                (Some(a), b) => Value::Double(float(&a) + float(b)),
            };
            (sum.clone(), sum)
        }
        TransformKind::Maximum(other) | TransformKind::Minimum(other) => {
            let wants_greater = matches!(transform.kind, TransformKind::Maximum(_));
            let chosen = match number {
                None => other.clone(),
                Some(number) if float(&number).is_nan() || float(other).is_nan() => Value::Double(f64::NAN),
                Some(number) => {
                    let order = compare(other, &number);
                    let wins = if wants_greater { order.is_gt() } else { order.is_lt() };
                    if wins { other.clone() } else { number }
                }
            };
            (chosen.clone(), chosen)
        }
        TransformKind::AppendMissing(operands) => {
            let mut all = elements;
            for operand in operands {
                if all.iter().all(|element| !equal(element, operand)) {
                    all.push(operand.clone());
                }
            }
            (Value::Array(all), Value::Null)
        }
        TransformKind::RemoveAll(operands) => {
            let kept = elements.into_iter().filter(|element| !operands.iter().any(|o| equal(element, o)));
            (Value::Array(kept.collect()), Value::Null)
        }
    };
    put(fields, path, Some(value));
    answer
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Integer(integer) => *integer as f64,
        Value::Double(double) => *double,
        _ => unreachable!("operands of numeric transforms are numbers"),
    }
}
