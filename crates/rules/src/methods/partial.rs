//! Methods of values that are known in part: what can be said of every document of a query.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::order::TypeClass;

use crate::fault::Fault;
use crate::known::Known;
use crate::value::{Lookup, Map, Value};

/// A method of a map of which only some entries are known.
pub(super) fn call_map(
    known: &BTreeMap<Arc<str>, Value>,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Fault> {
    match (name, arguments) {
        ("get", [Value::String(key), _]) => known.get(key).cloned().ok_or_else(Fault::unknown),
        ("get", [Value::List(keys), default]) => {
            let mut value = Value::Map(Map::open(known.clone()));
            for key in keys.values() {
                let (Value::Map(map) | Value::Object(map), Value::String(key)) = (&value, key) else {
                    return if value.is_certain() { Ok(default.clone()) } else { Err(Fault::unknown()) };
                };
                value = match map.get(key)? {
                    Lookup::Found(value) => value,
                    Lookup::Absent => return Ok(default.clone()),
                    Lookup::Unknown => return Err(Fault::unknown()),
                };
            }
            Ok(value)
        }
        ("keys", []) => {
            let contains = known.keys().cloned().map(Value::String).collect();
            Ok(Value::Unknown(Arc::new(Known { contains, ..Known::of_class(TypeClass::Array) })))
        }
        _ => Err(Fault::unknown()),
    }
}

/// A method of a value of which some facts are known.
pub(super) fn call(known: &Known, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let elements = match arguments {
        [Value::List(list)] => list.values(),
        [Value::Set(set)] => set.values(),
        _ => return Err(Fault::unknown()),
    };
    let sure = match name {
        "hasAll" => elements.iter().all(|element| known.has(element) == Some(true)),
        "hasAny" => elements.iter().any(|element| known.has(element) == Some(true)),
        _ => false,
    };
    // Only a list can be known to contain something, so the method exists.
    if sure && known.class == Some(TypeClass::Array) { Ok(Value::Bool(true)) } else { Err(Fault::unknown()) }
}
