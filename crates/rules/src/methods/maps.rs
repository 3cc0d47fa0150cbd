//! Maps and their differences.

use std::sync::Arc;

use super::{not_found, size, wrong_arguments};
use crate::budget::Budget;
use crate::fault::Fault;
use crate::order;
use crate::value::{List, Lookup, Map, MapDiff, Set, Value};

/// A method of a map that is wholly known.
pub(super) fn call(map: &Map, name: &str, arguments: &[Value], budget: &mut Budget) -> Result<Value, Fault> {
    match (name, arguments) {
        ("get", [Value::String(key), default]) => match map.get(key)? {
            Lookup::Found(value) => Ok(value),
            Lookup::Absent => Ok(default.clone()),
            Lookup::Unknown => Err(Fault::unknown()),
        },
        ("get", [Value::List(keys), default]) => get_nested(map, keys, default),
        ("size", []) => {
            budget.work(map.weight())?;
            Ok(size(map.entries()?.len()))
        }
        ("keys", []) => {
            budget.work(map.weight())?;
            let keys = map.entries()?.keys().cloned().map(Value::String);
            Ok(Value::List(List::new(keys.collect())))
        }
        ("values", []) => {
            budget.work(map.weight())?;
            if !map.is_certain() {
                return Err(Fault::unknown());
            }
            map.settle()?;
            Ok(Value::List(List::new(map.entries()?.values().cloned().collect())))
        }
        ("diff", [Value::Map(other) | Value::Object(other)]) => diff(map, other, budget),
        ("get" | "size" | "keys" | "values" | "diff", _) => Err(wrong_arguments(name, arguments)),
        _ => Err(not_found("map", name)),
    }
}

/// The value below several keys, going through maps only.
fn get_nested(map: &Map, keys: &List, default: &Value) -> Result<Value, Fault> {
    let mut value = Value::Map(map.clone());
    for key in keys.values() {
        let (Value::Map(inner) | Value::Object(inner), Value::String(key)) = (&value, key) else {
            return Ok(default.clone());
        };
        value = match inner.get(key)? {
            Lookup::Found(value) => value,
            Lookup::Absent => return Ok(default.clone()),
            Lookup::Unknown => return Err(Fault::unknown()),
        };
    }
    Ok(value)
}

fn diff(map: &Map, other: &Map, budget: &mut Budget) -> Result<Value, Fault> {
    if !map.is_certain() {
        return Err(Fault::unknown());
    }
    budget.work((map.weight() + other.weight()).saturating_mul(2))?;
    map.settle()?;
    other.settle()?;
    let (own, others) = (map.entries()?, other.entries()?);
    let keys = |keep: &dyn Fn(&Arc<str>) -> bool, of: &Map| -> Result<Set, Fault> {
        let kept = of.entries()?.keys().filter(|key| keep(key)).cloned();
        Ok(Set::new(kept.map(Value::String).collect()))
    };
    let same = |key: &Arc<str>| match (own.get(key), others.get(key)) {
        (Some(own), Some(other)) => Some(order::identical(own, other)),
        _ => None,
    };
    Ok(Value::MapDiff(Arc::new(MapDiff {
        added: keys(&|key| !others.contains_key(key), map)?,
        removed: keys(&|key| !own.contains_key(key), other)?,
        changed: keys(&|key| same(key) == Some(false), map)?,
        unchanged: keys(&|key| same(key) == Some(true), map)?,
    })))
}

/// A method of a difference.
pub(super) fn call_diff(diff: &MapDiff, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    if !arguments.is_empty() {
        return Err(wrong_arguments(name, arguments));
    }
    let set = match name {
        "addedKeys" => diff.added.clone(),
        "removedKeys" => diff.removed.clone(),
        "changedKeys" => diff.changed.clone(),
        "unchangedKeys" => diff.unchanged.clone(),
        "affectedKeys" => {
            let parts = [&diff.added, &diff.removed, &diff.changed];
            Set::new(parts.iter().flat_map(|part| part.values()).cloned().collect())
        }
        _ => return Err(not_found("map_diff", name)),
    };
    Ok(Value::Set(set))
}
