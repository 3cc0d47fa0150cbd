//! Instants and durations with nanoseconds.

use std::fmt;

use model::Timestamp;
use model::calendar::Date;

pub(crate) const NANOS: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * NANOS;
/// 0001-01-01T00:00:00Z and the first nanosecond after 9999-12-31.
const FIRST: i128 = -62_135_596_800 * NANOS;
const END: i128 = 253_402_300_800 * NANOS;
/// Ten thousand years, as protobuf's durations.
const LONGEST: i128 = 315_576_000_000 * NANOS;

/// Nanoseconds since 1970-01-01T00:00:00Z, within the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i128);

/// Nanoseconds, at most ten thousand years either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i128);

impl Instant {
    pub(crate) fn of(time: Timestamp) -> Self {
        Instant(i128::from(time.micros()) * 1_000)
    }

    /// None outside the years 1 to 9999.
    pub(crate) fn from_nanos(nanos: i128) -> Option<Self> {
        (FIRST..END).contains(&nanos).then_some(Instant(nanos))
    }

    /// Midnight of a day; None when there is no such day.
    pub(crate) fn from_date(date: Date) -> Option<Self> {
        if !(1..=9999).contains(&date.year) || !date.exists() {
            return None;
        }
        Instant::from_nanos(i128::from(date.since_epoch()) * DAY)
    }

    /// Since the epoch.
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// Since midnight.
    pub(crate) fn time_of_day(self) -> Duration {
        Duration(self.0.rem_euclid(DAY))
    }

    pub(crate) fn midnight(self) -> Instant {
        Instant(self.0 - self.0.rem_euclid(DAY))
    }

    /// 1 is Monday.
    pub(crate) fn day_of_week(self) -> i64 {
        // The epoch was a Thursday.
        (self.days() + 3).rem_euclid(7) + 1
    }

    /// 1 is the first of January.
    pub(crate) fn day_of_year(self) -> i64 {
        self.days() - Date { year: self.date().year, month: 1, day: 1 }.since_epoch() + 1
    }

    pub(crate) fn date(self) -> Date {
        Date::after_epoch(self.days())
    }

    fn days(self) -> i64 {
        i64::try_from(self.0.div_euclid(DAY)).expect("some millions of days")
    }
}

impl Duration {
    /// None beyond ten thousand years.
    pub(crate) fn from_nanos(nanos: i128) -> Option<Self> {
        (-LONGEST..=LONGEST).contains(&nanos).then_some(Duration(nanos))
    }

    /// All of it in nanoseconds.
    pub fn nanos(self) -> i128 {
        self.0
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.date();
        let time = self.time_of_day().0;
        let (seconds, nanos) = (time / NANOS, time % NANOS);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{nanos:09}Z")
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (seconds, nanos) = (self.0.abs() / NANOS, self.0.abs() % NANOS);
        write!(f, "{sign}{seconds}.{nanos:09}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_are_inverse_over_an_era_and_beyond() {
        // The calendar repeats after 400 years.
        let last = Date { year: 402, month: 1, day: 1 };
        let mut expected = Date { year: 1, month: 1, day: 1 };
        let length = |date: Date| match date.month {
            2 if date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut midnight = FIRST;
        while expected != last {
            let instant = Instant::from_nanos(midnight).unwrap();
            assert_eq!(instant.date(), expected);
            assert_eq!(Instant::from_date(expected), Some(instant));
            midnight += DAY;
            expected.day += 1;
            if expected.day > length(expected) {
                expected = Date { day: 1, month: expected.month + 1, ..expected };
            }
            if expected.month > 12 {
                expected = Date { year: expected.year + 1, month: 1, day: 1 };
            }
        }
        assert_eq!(Instant::from_nanos(END - 1).unwrap().date(), Date { year: 9999, month: 12, day: 31 });
        assert_eq!(Instant::from_date(Date { year: 2019, month: 2, day: 29 }), None);
    }
}
