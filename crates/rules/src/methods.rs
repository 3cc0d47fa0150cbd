//! Methods of values and functions of namespaces, a file for each type.
//!
//! Arguments are wholly known; a receiver may be known in part, and then only [`partial`] has an answer.

mod collections;
mod hashing;
mod maps;
mod math;
mod partial;
mod paths;
mod strings;
mod times;

use crate::budget::Budget;
use crate::fault::Fault;
use crate::regex::Pattern;
use crate::value::Value;

/// `object.name(arguments)`; `pattern` is the first argument, if it is a regular expression of the source.
pub(crate) fn call(
    object: &Value,
    name: &str,
    arguments: &[Value],
    pattern: Option<&Pattern>,
    budget: &mut Budget,
) -> Result<Value, Fault> {
    match object {
        Value::Null => Err(Fault::error("Null value error.")),
        Value::String(text) => strings::call(text, name, arguments, pattern, budget),
        Value::Bytes(bytes) => strings::call_bytes(bytes, name, arguments, budget),
        Value::List(list) => collections::call_list(list, name, arguments, budget),
        Value::Set(set) => collections::call_set(set, name, arguments, budget),
        Value::Map(map) | Value::Object(map) => match map.known_entries() {
            Some(known) => partial::call_map(known, name, arguments),
            None => maps::call(map, name, arguments, budget),
        },
        Value::MapDiff(diff) => maps::call_diff(diff, name, arguments),
        Value::Timestamp(time) => times::call_timestamp(*time, name, arguments),
        Value::Duration(duration) => times::call_duration(*duration, name, arguments),
        Value::LatLng(point) => math::call_latlng(point, name, arguments),
        Value::Path(path) => paths::call(path, name, arguments, budget),
        Value::Unknown(known) => partial::call(known, name, arguments),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Err(not_found(object.type_name(), name)),
    }
}

/// `namespace.name(arguments)`
pub(crate) fn in_namespace(
    namespace: &str,
    name: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    match namespace {
        "duration" => times::duration_functions(name, arguments),
        "timestamp" => times::timestamp_functions(name, arguments),
        "math" => math::functions(name, arguments),
        "latlng" => math::latlng_functions(name, arguments),
        "hashing" => hashing::functions(name, arguments, budget),
        _ => Err(not_found(namespace, name)),
    }
}

/// The size of a collection as the language counts.
fn size(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn not_found(of: &str, name: &str) -> Fault {
    Fault::error(format!("Function not found error: Name: [{of}.{name}]."))
}

/// There is such a method, and it cannot be called with these.
fn wrong_arguments(name: &str, arguments: &[Value]) -> Fault {
    let types: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    Fault::error(format!(
        "Invalid argument provided to call. Function: [{name}], Argument: [{}]",
        types.join(", ")
    ))
}
