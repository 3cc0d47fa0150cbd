//! Paths.

use std::sync::Arc;

use super::{not_found, wrong_arguments};
use crate::budget::Budget;
use crate::fault::Fault;
use crate::value::{Lookup, Map, Path, Value};

/// A method of a path.
pub(super) fn call(
    path: &Path,
    name: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    budget.work(path.weight())?;
    match (name, arguments) {
        ("bind", [Value::Map(map) | Value::Object(map)]) => bind(path, map),
        ("bind", _) => Err(wrong_arguments(name, arguments)),
        _ => Err(not_found("path", name)),
    }
}

/// Replaces `{x}` by what the map has for `x`. A path without such segments takes no names.
fn bind(path: &Path, map: &Map) -> Result<Value, Fault> {
    let placeholder = |segment: &str| Some(segment.strip_prefix('{')?.strip_suffix('}')?.to_owned());
    let mut bound = Vec::with_capacity(path.segments().len());
    let mut places = 0;
    for segment in path.segments() {
        let Some(name) = placeholder(segment) else {
            bound.push(Arc::clone(segment));
            continue;
        };
        places += 1;
        match map.get(&name)? {
            Lookup::Found(Value::String(text)) if !text.is_empty() && !text.contains('/') => bound.push(text),
            Lookup::Found(Value::Path(inner)) => bound.extend_from_slice(inner.segments()),
            Lookup::Found(other) => {
                return Err(Fault::error(format!("{other} cannot be a segment of a path.")));
            }
            Lookup::Absent => return Err(Fault::error(format!("Property {name} is undefined on object."))),
            Lookup::Unknown => return Err(Fault::unknown()),
        }
    }
    if places == 0 && !map.entries()?.is_empty() {
        return Err(Fault::error("The path has no segment like {name} that could be bound."));
    }
    Ok(Value::Path(Path::absolute(bound)))
}
