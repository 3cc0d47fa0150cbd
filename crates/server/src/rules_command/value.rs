//! Values of documents as cases write them: YAML's own, and those that it has no form for under a key with `$`.
//!
//! `{$timestamp: "2026-01-31T12:00:00Z"}`, `{$bytes: "aGk="}`, `{$reference: users/alice}`,
//! `{$geo: [50.1, 8.7]}`, `{$vector: [1, 2.5]}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::calendar::Date;
use model::{DatabaseName, DocumentPath, Fields, GeoPoint, Timestamp, Value};
use serde_json::Value as Json;

/// The fields of a map.
pub(super) fn fields(map: &serde_json::Map<String, Json>) -> Result<Fields, String> {
    map.iter().map(|(key, json)| Ok((key.clone(), value(json)?))).collect()
}

/// One value. Errors say what is wrong with it.
pub(super) fn value(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(double)) => Value::Double(double),
            (None, None) => return Err(format!("{number} is no number that a document can have")),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Json::Object(map) => match map.iter().next() {
            Some((key, inner)) if map.len() == 1 && key.starts_with('$') => special(key, inner)?,
            Some(_) | None => Value::Map(fields(map)?),
        },
    })
}

fn special(key: &str, json: &Json) -> Result<Value, String> {
    let wrong = || format!("{{{key}: {json}}} cannot be read");
    match key {
        "$timestamp" => json
            .as_str()
            .and_then(timestamp)
            .map(Value::Timestamp)
            .ok_or_else(|| format!("{json} is no time; write it like \"2026-01-31T12:00:00Z\"")),
        "$bytes" => {
            let bytes = json.as_str().and_then(|text| STANDARD.decode(text).ok());
            bytes.map(|bytes| Value::Bytes(bytes.into())).ok_or_else(wrong)
        }
        "$reference" => json.as_str().ok_or_else(wrong).and_then(reference),
        "$geo" => match numbers(json).as_deref() {
            Some(&[latitude, longitude]) => Ok(Value::GeoPoint(GeoPoint { latitude, longitude })),
            Some(_) | None => Err(format!("{json} is no place; write [latitude, longitude]")),
        },
        "$vector" => numbers(json).map(Value::Vector).ok_or_else(wrong),
        _ => Err(format!("`{key}` is unknown; there are $timestamp, $bytes, $reference, $geo and $vector")),
    }
}

/// A reference to a document of the database that cases are about.
pub(super) fn reference(path: &str) -> Result<Value, String> {
    let path = DocumentPath::new(path).ok_or_else(|| format!("`{path}` is no path of a document"))?;
    Ok(Value::Reference(database().document(&path)))
}

/// The database that cases are about.
pub(super) fn database() -> DatabaseName {
    DatabaseName::new("test", "(default)")
}

fn numbers(json: &Json) -> Option<Vec<f64>> {
    json.as_array()?.iter().map(Json::as_f64).collect()
}

/// Reads `2026-01-31T12:00:00.5Z`.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = numbers_of(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers_of(time, ':', [2, 2, 2])?;
    let date = Date { year, month, day };
    let legal = date.exists() && hour < 24 && minute < 60 && second < 60 && fraction.len() <= 9;
    let nanos: i32 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
    let seconds = ((date.since_epoch() * 24 + hour) * 60 + minute) * 60 + second;
    Timestamp::from_parts(seconds, nanos).filter(|_| legal && fraction.bytes().all(|b| b.is_ascii_digit()))
}

fn numbers_of(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_everywhere() {
        let table = [
            ("1970-01-01T00:00:00Z", Some((0, 0))),
            ("2026-01-31T12:00:01.5Z", Some((1_769_860_801, 500_000_000))),
            ("2026-02-30T12:00:00Z", None),
            ("2026-01-31T24:00:00Z", None),
            ("2026-01-31 12:00:00Z", None),
            ("2026-01-31T12:00:00", None),
            ("2026-01-31T12:00:00.+5Z", None),
            ("26-1-31T12:00:00Z", None),
        ];
        for (text, expected) in table {
            assert_eq!(timestamp(text).map(Timestamp::to_parts), expected, "{text}");
        }
    }
}
