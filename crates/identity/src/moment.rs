//! Moments to the second, as the register writes them: `2026-11-21T20:15:00Z`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::calendar::Date;
use serde::{Deserialize, Serialize};

const DAY: i64 = 24 * 3_600;

/// Seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub(crate) i64);

impl Moment {
    /// The second in which `micros` since the epoch lie.
    pub fn from_micros(micros: i64) -> Self {
        Moment(micros.div_euclid(1_000_000))
    }

    /// So much later, or as late as can be.
    pub fn after(self, span: Duration) -> Self {
        Moment(self.0.saturating_add(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)).min(LATEST.0))
    }
}

/// The last moment that can be written: the end of the year 9999.
pub(crate) const LATEST: Moment = Moment(253_402_300_799);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = Date::after_epoch(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| format!("`{text}` is no moment; write one like 2026-11-21T20:15:00Z"))
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> String {
        moment.to_string()
    }
}

fn read(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let shape = "0000-00-00T00:00:00Z".as_bytes();
    let fits =
        |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    if bytes.len() != shape.len() || !bytes.iter().zip(shape).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let date = Date { year: number(0, 4)?, month: number(5, 7)?, day: number(8, 10)? };
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let good = date.exists() && hour < 24 && minute < 60 && second < 60;
    good.then(|| Moment(date.since_epoch() * DAY + hour * 3_600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_292_100, "2026-11-21T20:15:00Z"),
            (LATEST.0, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Moment(seconds)));
        }
        for text in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21 20:15:00Z",
            "２026-11-21T20:15:00",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert_eq!(Moment(5).after(Duration::MAX), LATEST);
    }
}
