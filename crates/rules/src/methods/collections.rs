//! Lists and sets.

use super::{not_found, size, wrong_arguments};
use crate::budget::Budget;
use crate::evaluate::text_of;
use crate::fault::Fault;
use crate::value::{List, Set, Value};

/// A method of a list.
pub(super) fn call_list(
    list: &List,
    name: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    match (name, arguments) {
        ("size", []) => Ok(size(list.values().len())),
        ("hasAll" | "hasAny" | "hasOnly", [Value::List(_) | Value::Set(_)]) => {
            let set = sorted(list, budget)?;
            relation(&set, name, &arguments[0], budget).map(Value::Bool)
        }
        ("toSet", []) => sorted(list, budget).map(Value::Set),
        ("concat", [Value::List(other)]) => {
            budget.work(list.weight() + other.weight())?;
            Ok(Value::List(List::new([list.values(), other.values()].concat())))
        }
        ("removeAll", [Value::List(other)]) => {
            budget.work(list.weight())?;
            budget.sort(list.weight())?;
            let removed = sorted(other, budget)?;
            let left = list.values().iter().filter(|value| !removed.contains(value));
            Ok(Value::List(List::new(left.cloned().collect())))
        }
        ("join", [Value::String(separator)]) => join(list, separator, budget),
        ("size" | "hasAll" | "hasAny" | "hasOnly" | "toSet" | "concat" | "removeAll" | "join", _) => {
            Err(wrong_arguments(name, arguments))
        }
        _ => Err(not_found("list", name)),
    }
}

/// A method of a set.
pub(super) fn call_set(
    set: &Set,
    name: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    match (name, arguments) {
        ("size", []) => Ok(size(set.values().len())),
        ("hasAll" | "hasAny" | "hasOnly", [Value::List(_) | Value::Set(_)]) => {
            relation(set, name, &arguments[0], budget).map(Value::Bool)
        }
        ("union" | "intersection" | "difference", [Value::Set(other)]) => {
            budget.sort(set.weight() + other.weight())?;
            budget.work(set.weight() + other.weight())?;
            let own = set.values().iter();
            let values = match name {
                "union" => own.chain(other.values()).cloned().collect(),
                "intersection" => own.filter(|value| other.contains(value)).cloned().collect(),
                _ => own.filter(|value| !other.contains(value)).cloned().collect(),
            };
            Ok(Value::Set(Set::new(values)))
        }
        ("size" | "hasAll" | "hasAny" | "hasOnly" | "union" | "intersection" | "difference", _) => {
            Err(wrong_arguments(name, arguments))
        }
        _ => Err(not_found("set", name)),
    }
}

/// `hasAll`, `hasAny` or `hasOnly` with a list or a set.
fn relation(set: &Set, name: &str, other: &Value, budget: &mut Budget) -> Result<bool, Fault> {
    let other = match other {
        Value::List(list) => sorted(list, budget)?,
        Value::Set(other) => other.clone(),
        _ => return Err(wrong_arguments(name, std::slice::from_ref(other))),
    };
    budget.sort(set.weight() + other.weight())?;
    Ok(match name {
        "hasAll" => other.is_subset(set),
        "hasOnly" => set.is_subset(&other),
        _ => other.values().iter().any(|value| set.contains(value)),
    })
}

fn sorted(list: &List, budget: &mut Budget) -> Result<Set, Fault> {
    budget.sort(list.weight())?;
    budget.work(list.weight())?;
    Ok(Set::new(list.values().to_vec()))
}

fn join(list: &List, separator: &str, budget: &mut Budget) -> Result<Value, Fault> {
    budget.work(list.weight().saturating_add(list.values().len() as u64 * separator.len() as u64))?;
    let texts: Option<Vec<String>> = list.values().iter().map(text_of).collect();
    match texts {
        Some(texts) => Ok(Value::string(texts.join(separator))),
        None => Err(Fault::error("Only strings, numbers, bools, nulls and paths can be joined.")),
    }
}
