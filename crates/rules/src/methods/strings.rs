//! Strings and byte strings.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;

use super::{not_found, size, wrong_arguments};
use crate::budget::Budget;
use crate::fault::Fault;
use crate::limits::{MAX_DYNAMIC_REGEX_BYTES, MAX_DYNAMIC_REGEX_SOURCE};
use crate::regex::{Pattern, Purpose};
use crate::value::{List, Value};

/// A method of a string.
pub(super) fn call(
    text: &str,
    name: &str,
    arguments: &[Value],
    pattern: Option<&Pattern>,
    budget: &mut Budget,
) -> Result<Value, Fault> {
    budget.work(2 * text.len() as u64)?;
    match (name, arguments) {
        ("size", []) => Ok(size(text.chars().count())),
        // A letter may become three.
        ("lower", []) => Ok(Value::string(text.to_lowercase())),
        ("upper", []) => Ok(Value::string(text.to_uppercase())),
        ("trim", []) => Ok(Value::string(text.trim())),
        ("toUtf8", []) => Ok(Value::Bytes(Bytes::copy_from_slice(text.as_bytes()))),
        ("matches", [Value::String(source)]) => {
            with_pattern(pattern, source, Purpose::Whole, budget, |pattern, budget| {
                pattern.is_match(text, budget).map(Value::Bool)
            })
        }
        ("split", [Value::String(source)]) => {
            with_pattern(pattern, source, Purpose::Search, budget, |pattern, budget| {
                let pieces: Vec<Value> =
                    pattern.split(text, budget)?.into_iter().map(Value::string).collect();
                budget.work(48 * pieces.len() as u64)?;
                Ok(Value::List(List::new(pieces)))
            })
        }
        ("replace", [Value::String(source), Value::String(by)]) => {
            with_pattern(pattern, source, Purpose::Search, budget, |pattern, budget| {
                pattern.replace(text, by, budget).map(Value::string)
            })
        }
        ("size" | "lower" | "upper" | "trim" | "toUtf8" | "matches" | "split" | "replace", _) => {
            Err(wrong_arguments(name, arguments))
        }
        _ => Err(not_found("string", name)),
    }
}

/// Runs with the expression of the source, or with one that is compiled now.
fn with_pattern(
    compiled: Option<&Pattern>,
    source: &str,
    purpose: Purpose,
    budget: &mut Budget,
    run: impl FnOnce(&Pattern, &mut Budget) -> Result<Value, Fault>,
) -> Result<Value, Fault> {
    let made;
    let pattern = match compiled {
        Some(pattern) if pattern.purpose() == purpose => pattern,
        _ => {
            made = compile_now(source, purpose, budget)?;
            &made
        }
    };
    run(pattern, budget)
}

/// An expression that is not a literal may come from a client, so it is kept small.
fn compile_now(source: &str, purpose: Purpose, budget: &mut Budget) -> Result<Pattern, Fault> {
    // Building takes several times what the result does.
    budget.work(4 * MAX_DYNAMIC_REGEX_BYTES as u64)?;
    if source.len() > MAX_DYNAMIC_REGEX_SOURCE {
        let text = format!("A computed regular expression has at most {MAX_DYNAMIC_REGEX_SOURCE} bytes.");
        return Err(Fault::error(text));
    }
    Pattern::compile(source, purpose, MAX_DYNAMIC_REGEX_BYTES)
        .map_err(|why| Fault::error(format!("Invalid regular expression pattern: {why}.")))
}

/// A method of a byte string.
pub(super) fn call_bytes(
    bytes: &Bytes,
    name: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    budget.work(2 * bytes.len() as u64)?;
    match (name, arguments) {
        ("size", []) => Ok(size(bytes.len())),
        ("toBase64", []) => Ok(Value::string(URL_SAFE.encode(bytes))),
        ("toHexString", []) => {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            Ok(Value::string(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect::<String>()))
        }
        ("size" | "toBase64" | "toHexString", _) => Err(wrong_arguments(name, arguments)),
        _ => Err(not_found("bytes", name)),
    }
}
