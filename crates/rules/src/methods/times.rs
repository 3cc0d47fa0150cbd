//! Timestamps and durations.

use model::calendar::Date;

use super::{not_found, wrong_arguments};
use crate::fault::Fault;
use crate::value::{Duration, Instant, NANOS, Value};

/// A method of a timestamp.
pub(super) fn call_timestamp(time: Instant, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    if !arguments.is_empty() {
        return Err(wrong_arguments(name, arguments));
    }
    let seconds = time.time_of_day().nanos() / NANOS;
    let number = match name {
        "year" => i128::from(time.date().year),
        "month" => i128::from(time.date().month),
        "day" => i128::from(time.date().day),
        "hours" => seconds / 3_600,
        "minutes" => seconds / 60 % 60,
        "seconds" => seconds % 60,
        "nanos" => time.nanos().rem_euclid(NANOS),
        "dayOfWeek" => i128::from(time.day_of_week()),
        "dayOfYear" => i128::from(time.day_of_year()),
        "toMillis" => time.nanos().div_euclid(NANOS / 1_000),
        "date" => return Ok(Value::Timestamp(time.midnight())),
        "time" => return Ok(Value::Duration(time.time_of_day())),
        _ => return Err(not_found("timestamp", name)),
    };
    integer(number)
}

/// A method of a duration.
pub(super) fn call_duration(duration: Duration, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    match (name, arguments) {
        // Both have the sign of the whole.
        ("seconds", []) => integer(duration.nanos() / NANOS),
        ("nanos", []) => integer(duration.nanos() % NANOS),
        ("seconds" | "nanos", _) => Err(wrong_arguments(name, arguments)),
        _ => Err(not_found("duration", name)),
    }
}

/// `timestamp.date(2020, 2, 29)`, `timestamp.value(1000)`
pub(super) fn timestamp_functions(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let instant = match (name, arguments) {
        ("date", [Value::Int(year), Value::Int(month), Value::Int(day)]) => {
            Instant::from_date(Date { year: *year, month: *month, day: *day })
        }
        ("value", [Value::Int(millis)]) => Instant::from_nanos(i128::from(*millis) * (NANOS / 1_000)),
        ("date" | "value", _) => return Err(wrong_arguments(name, arguments)),
        _ => return Err(not_found("timestamp", name)),
    };
    instant.map(Value::Timestamp).ok_or_else(|| Fault::error("There is no such time."))
}

/// `duration.value(1, 'w')`, `duration.time(1, 2, 3, 4)`, `duration.abs(d)`
pub(super) fn duration_functions(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let nanos = match (name, arguments) {
        ("value", [Value::Int(amount), Value::String(unit)]) => {
            let unit = match &**unit {
                "w" => 7 * 86_400 * NANOS,
                "d" => 86_400 * NANOS,
                "h" => 3_600 * NANOS,
                "m" => 60 * NANOS,
                "s" => NANOS,
                "ms" => NANOS / 1_000,
                "ns" => 1,
                _ => {
                    return Err(Fault::error(
                        "The unit of a duration is 'w', 'd', 'h', 'm', 's', 'ms' or 'ns'.",
                    ));
                }
            };
            i128::from(*amount) * unit
        }
        ("time", [Value::Int(hours), Value::Int(minutes), Value::Int(seconds), Value::Int(nanos)]) => {
            let seconds = i128::from(*hours) * 3_600 + i128::from(*minutes) * 60 + i128::from(*seconds);
            seconds * NANOS + i128::from(*nanos)
        }
        ("abs", [Value::Duration(duration)]) => duration.nanos().abs(),
        ("value" | "time" | "abs", _) => return Err(wrong_arguments(name, arguments)),
        _ => return Err(not_found("duration", name)),
    };
    Duration::from_nanos(nanos)
        .map(Value::Duration)
        .ok_or_else(|| Fault::error("The duration is out of range."))
}

fn integer(number: i128) -> Result<Value, Fault> {
    i64::try_from(number).map(Value::Int).map_err(|_| Fault::error("Integer overflow."))
}
