//! Instants and spans of time as JSON has them: `2026-01-02T03:04:05.678901Z`, `1.5s`.

use std::fmt::Write;

use model::calendar::Date;

const DAY: i64 = 86_400;
/// The years 1 to 9999, in seconds since 1970.
const MIN_SECONDS: i64 = -62_135_596_800;
const MAX_SECONDS: i64 = 253_402_300_799;
/// Ten thousand years, the most that a span may be.
const MAX_SPAN: i64 = 315_576_000_000;

const BAD_FORMAT: &str =
    "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.";
const BAD_MOMENT: &str = "Timestamp value exceeds limits";
const BAD_SPAN: &str = "Illegal duration format; duration must end with 's'";
const LONG_SPAN: &str = "Duration value exceeds limits";

/// Reads an instant: seconds since 1970, and nanoseconds above them. Errors say why not.
pub(super) fn read_moment(text: &str) -> Result<(i64, i32), &'static str> {
    let (seconds, nanos) = moment(text).ok_or(BAD_FORMAT)?;
    if (MIN_SECONDS..=MAX_SECONDS).contains(&seconds) { Ok((seconds, nanos)) } else { Err(BAD_MOMENT) }
}

fn moment(text: &str) -> Option<(i64, i32)> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let date = Date { year, month, day };
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let mut time = time.splitn(3, ':');
    let (hour, minute, second) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?, time.next()?);
    let (second, fraction) = second.split_once('.').map_or((second, None), |(s, f)| (s, Some(f)));
    let second = digits(second, 2)?;
    let nanos = fraction.map_or(Some(0), nanos)?;
    let is_legal = date.exists() && hour < 24 && minute < 60 && second < 60;
    let seconds = date.since_epoch() * DAY + hour * 3_600 + minute * 60 + second;
    is_legal.then_some((seconds - offset(zone)?, nanos))
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok())?
}

/// The nanoseconds of a fraction; digits below them are cut.
fn nanos(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    padded.parse().ok()
}

/// Seconds that a zone is ahead: `Z`, `+02:00`.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes()[0] {
        b'Z' | b'z' => return (zone.len() == 1).then_some(0),
        b'-' => -1,
        _ => 1,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Writes an instant with as many digits as it needs: none, three, six or nine.
pub(super) fn push_moment(out: &mut String, seconds: i64, nanos: i32) {
    let Date { year, month, day } = Date::after_epoch(seconds.div_euclid(DAY));
    let in_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
    let why = "a string takes what is written";
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}").expect(why);
    push_fraction(out, nanos);
    out.push('Z');
}

/// Reads a span: seconds and nanoseconds, both with its sign. Errors say why not.
pub(super) fn read_span(text: &str) -> Result<(i64, i32), &'static str> {
    let number = text.strip_suffix('s').ok_or(BAD_SPAN)?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let is_whole = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = whole.parse().ok().filter(|_| is_whole).ok_or(BAD_SPAN)?;
    let nanos = fraction.map_or(Some(0), nanos).ok_or(BAD_SPAN)?;
    if seconds <= MAX_SPAN { Ok((sign * seconds, sign as i32 * nanos)) } else { Err(LONG_SPAN) }
}

/// Writes a span.
pub(super) fn push_span(out: &mut String, seconds: i64, nanos: i32) {
    if seconds < 0 || nanos < 0 {
        out.push('-');
    }
    write!(out, "{}", seconds.unsigned_abs()).expect("a string takes what is written");
    push_fraction(out, nanos);
    out.push('s');
}

fn push_fraction(out: &mut String, nanos: i32) {
    let nanos = nanos.unsigned_abs();
    let (digits, fraction) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (3, nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => (6, nanos / 1_000),
        _ => (9, nanos),
    };
    write!(out, ".{fraction:0digits$}").expect("a string takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: i64, nanos: i32) -> String {
        let mut out = String::new();
        push_moment(&mut out, seconds, nanos);
        out
    }

    #[test]
    fn instants_are_exact_in_both_directions() {
        let table = [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
            ("2026-11-21T17:15:05.123456Z", 1_795_281_305, 123_456_000),
            ("2000-02-29T12:00:00.500Z", 951_825_600, 500_000_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400, 0),
            ("0001-01-01T00:00:00Z", MIN_SECONDS, 0),
            ("9999-12-31T23:59:59.999999Z", MAX_SECONDS, 999_999_000),
        ];
        for (text, seconds, nanos) in table {
            assert_eq!(read_moment(text), Ok((seconds, nanos)), "{text}");
            assert_eq!(written(seconds, nanos), text);
        }
    }

    #[test]
    fn zones_are_taken_off_and_digits_below_a_nanosecond_cut() {
        let table = [
            ("1970-01-01T02:00:00+02:00", (0, 0)),
            ("1969-12-31T18:30:00.25-05:30", (0, 250_000_000)),
            ("1970-01-01t00:00:00.1234567891z", (0, 123_456_789)),
        ];
        for (text, expected) in table {
            assert_eq!(read_moment(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        let texts = [
            "",
            "now",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-1-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00+2:00",
            "2026-01-01T00:00:00+é",
            "+026-01-01T00:00:00Z",
        ];
        for text in texts {
            assert_eq!(read_moment(text), Err(BAD_FORMAT), "{text}");
        }
        for text in ["0000-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(read_moment(text), Err(BAD_MOMENT), "{text}");
        }
    }

    #[test]
    fn spans_are_exact_in_both_directions() {
        let table = [("0s", 0, 0), ("0.008s", 0, 8_000_000), ("-1.500s", -1, -500_000_000), ("3s", 3, 0)];
        for (text, seconds, nanos) in table {
            assert_eq!(read_span(text), Ok((seconds, nanos)), "{text}");
            let mut out = String::new();
            push_span(&mut out, seconds, nanos);
            assert_eq!(out, text);
        }
        for text in ["", "s", "1", "1.s", "+1s", "--1s", "1e3s"] {
            assert_eq!(read_span(text), Err(BAD_SPAN), "{text}");
        }
        assert_eq!(read_span("315576000001s"), Err(LONG_SPAN));
    }
}
