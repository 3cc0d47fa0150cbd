//! Parts of a value: `a.b`, `a[b]`, `a[b:c]`.

use crate::budget::Budget;
use crate::fault::Fault;
use crate::value::{List, Lookup, Map, Value};

/// `object.name`
pub(super) fn member(object: &Value, name: &str) -> Result<Value, Fault> {
    match object {
        Value::Map(map) | Value::Object(map) => lookup(map, name),
        Value::Null => Err(Fault::error("Null value error.")),
        Value::Unknown(_) => Err(Fault::unknown()),
        _ => Err(undefined(name)),
    }
}

/// `object[key]`
pub(super) fn index(object: &Value, key: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    match (object, key) {
        (Value::Unknown(_), _) | (_, Value::Unknown(_)) => Err(Fault::unknown()),
        (Value::Map(map) | Value::Object(map), Value::String(key)) => lookup(map, key),
        (Value::List(list), Value::Int(at)) => {
            let at = usize::try_from(*at).map_err(|_| out_of_bounds())?;
            list.values().get(at).cloned().ok_or_else(out_of_bounds)
        }
        (Value::Path(path), Value::Int(at)) => {
            let at = usize::try_from(*at).map_err(|_| out_of_bounds())?;
            path.segments().get(at).cloned().map(Value::String).ok_or_else(out_of_bounds)
        }
        (Value::String(text), Value::Int(at)) => {
            budget.work(text.len() as u64)?;
            let at = usize::try_from(*at).map_err(|_| out_of_bounds())?;
            let found = text.chars().nth(at).ok_or_else(out_of_bounds)?;
            Ok(Value::string(found.to_string()))
        }
        (Value::Null, _) => Err(Fault::error("Null value error.")),
        _ => Err(Fault::error(format!(
            "Unsupported operation error. Received: {}[{}]. Expected: list[int], map[string], path[int], string[int].",
            object.type_name(),
            key.type_name()
        ))),
    }
}

/// `object[from:to]`. Production refuses `[0:0]` and what begins at the end.
pub(super) fn slice(object: &Value, from: &Value, to: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    if matches!(object, Value::Unknown(_)) || !from.is_certain() || !to.is_certain() {
        return Err(Fault::unknown());
    }
    let (Value::Int(from), Value::Int(to)) = (from, to) else {
        return Err(Fault::error("Both ends of a range must be ints."));
    };
    let range = |size: usize| {
        let (from, to) = (usize::try_from(*from).ok()?, usize::try_from(*to).ok()?);
        (from <= to && from < size && to <= size && to > 0).then_some(from..to)
    };
    budget.look_at(&[object])?;
    match object {
        Value::List(list) => {
            let range = range(list.values().len()).ok_or_else(out_of_bounds)?;
            Ok(Value::List(List::new(list.values()[range].to_vec())))
        }
        Value::String(text) => {
            let range = range(text.chars().count()).ok_or_else(out_of_bounds)?;
            let piece: String = text.chars().skip(range.start).take(range.len()).collect();
            Ok(Value::string(piece))
        }
        other => Err(Fault::error(format!("A {} has no ranges.", other.type_name()))),
    }
}

fn lookup(map: &Map, key: &str) -> Result<Value, Fault> {
    match map.get(key)? {
        Lookup::Found(value) => Ok(value),
        Lookup::Absent => Err(undefined(key)),
        Lookup::Unknown => Err(Fault::unknown()),
    }
}

fn undefined(name: &str) -> Fault {
    Fault::error(format!("Property {name} is undefined on object."))
}

fn out_of_bounds() -> Fault {
    Fault::error("Index value out of bounds.")
}
