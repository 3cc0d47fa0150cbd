//! Moments as Firestore keeps them: whole microseconds, written as RFC 3339.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

const MICROS: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, in microseconds since 1970. Its text has six digits of fraction always, so that text order is time
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The earliest that Firestore can store: 0001-01-01.
    pub const MIN: Time = Time(-62_135_596_800 * MICROS);
    /// The latest that Firestore can store: the end of 9999-12-31.
    pub const MAX: Time = Time(253_402_300_799 * MICROS + 999_999);

    /// What this machine's clock says.
    pub fn now() -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_micros()).unwrap_or(Time::MAX.0))
    }

    /// A moment of the wire; what lies outside of Firestore's years is moved to their edge.
    pub fn from_wire(stamp: &Timestamp) -> Time {
        let micros = stamp.seconds.saturating_mul(MICROS).saturating_add(i64::from(stamp.nanos) / 1_000);
        Time(micros).clamped()
    }

    /// As the wire has it.
    pub fn to_wire(self) -> Timestamp {
        let nanos = self.0.rem_euclid(MICROS) * 1_000;
        Timestamp {
            seconds: self.0.div_euclid(MICROS),
            nanos: i32::try_from(nanos).expect("less than a second of nanoseconds"),
        }
    }

    /// The moment so much earlier, but not before [`Time::MIN`].
    pub fn minus(self, span: std::time::Duration) -> Time {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Time(self.0.saturating_sub(micros)).clamped()
    }

    /// The moment so much later, but not after [`Time::MAX`].
    pub fn plus(self, span: std::time::Duration) -> Time {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Time(self.0.saturating_add(micros)).clamped()
    }

    /// How long ago this was at `now`; nothing for what lies ahead.
    pub fn age(self, now: Time) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(now.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// Reads `2026-11-21`, `2026-11-21T20:15:00Z` or the same with a fraction of a second.
    pub fn parse(text: &str) -> Option<Time> {
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (date, clock.strip_suffix('Z')?),
            None => (text, "00:00:00"),
        };
        let [year, month, day] = numbers(date, '-')?;
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let [hour, minute, second] = numbers(clock, ':')?;
        let fine = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !fine || fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let micros: i64 = format!("{fraction:0<9}").parse::<i64>().ok()? / 1_000;
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        Some(Time((days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second) * MICROS + micros))
    }

    fn clamped(self) -> Time {
        self.clamp(Time::MIN, Time::MAX)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MICROS);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let clock = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
        let micros = self.0.rem_euclid(MICROS);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
        true => part.parse().ok(),
        false => None,
    });
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// Years that begin in March have their leap day last, and eras of 400 years are all alike.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_moment_are_one_another() {
        let table = [
            ("0001-01-01T00:00:00.000000Z", Time::MIN),
            ("1969-12-31T23:59:59.999999Z", Time(-1)),
            ("1970-01-01T00:00:00.000000Z", Time(0)),
            ("2000-02-29T12:34:56.000001Z", Time(951_827_696_000_001)),
            ("2026-11-21T20:15:00.500000Z", Time(1_795_292_100_500_000)),
            ("9999-12-31T23:59:59.999999Z", Time::MAX),
        ];
        for (text, time) in table {
            assert_eq!(time.to_string(), text);
            assert_eq!(Time::parse(text), Some(time), "{text}");
            assert_eq!(Time::from_wire(&time.to_wire()), time, "{text}");
        }
    }

    #[test]
    fn every_day_of_two_centuries_has_one_name() {
        for days in -36_525..36_525 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(Time::parse("2026-11-21"), Time::parse("2026-11-21T00:00:00Z"));
        for text in [
            "",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "2026-11-21T20:15",
            "2026-11-21T20:15:00",
            "x-y-z",
            "2026-11-21T20:15:00.Z",
            "2026-11-21T24:00:00Z",
            "+026-11-21",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
