//! Days of the proleptic Gregorian calendar, counted from 1970-01-01.

/// Days from 0000-03-01 to 1970-01-01, and those of four hundred years, after which the calendar repeats.
const TO_EPOCH: i64 = 719_468;
const ERA: i64 = 146_097;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl Date {
    /// The date that is so many days after 1970-01-01; before it, if negative.
    pub fn after_epoch(days: i64) -> Self {
        // In eras of 400 years, which begin with a March so that the leap day is last.
        let days = days + TO_EPOCH;
        let era = days.div_euclid(ERA);
        let day_of_era = days.rem_euclid(ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Date { year: era * 400 + year_of_era + i64::from(month <= 2), month, day }
    }

    /// Days from 1970-01-01 to this one. The day of a month that has fewer counts on into the next.
    pub fn since_epoch(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = (self.month + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + self.day - 1;
        era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - TO_EPOCH
    }

    /// True for a day that there is. Years are within a million million of now.
    pub fn exists(self) -> bool {
        // First what keeps the sums below in range, whatever is asked.
        (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && Date::after_epoch(self.since_epoch()) == self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_in_month(year: i64, month: i64) -> i64 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    #[test]
    fn every_day_of_all_years_follows_the_one_before() {
        let mut expected = Date { year: 1, month: 1, day: 1 };
        let (first, last) = (expected.since_epoch(), Date { year: 9999, month: 12, day: 31 }.since_epoch());
        assert_eq!((first, last), (-719_162, 2_932_896));
        for days in first..=last {
            assert_eq!(Date::after_epoch(days), expected);
            assert_eq!(expected.since_epoch(), days);
            expected.day += 1;
            if expected.day > days_in_month(expected.year, expected.month) {
                expected = Date { day: 1, month: expected.month + 1, ..expected };
            }
            if expected.month > 12 {
                expected = Date { year: expected.year + 1, month: 1, day: 1 };
            }
        }
    }

    #[test]
    fn days_that_no_month_has_do_not_exist() {
        for year in [1900, 2000, 2019, 2024] {
            for month in (-1..=14).chain([i64::MIN, i64::MAX]) {
                for day in (-1..=33).chain([i64::MIN, i64::MAX]) {
                    let is_month = (1..=12).contains(&month);
                    let exists = is_month && (1..=days_in_month(year, month)).contains(&day);
                    let date = Date { year, month, day };
                    assert_eq!(date.exists(), exists, "{date:?}");
                }
            }
        }
    }
}
