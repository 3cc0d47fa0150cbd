//! How long to wait before asking again.

use std::time::Duration;

use crate::failure::{Failure, Kind};

/// The pause after a first failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause, and at once the pause for a server that wants less.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double, each with a random part, so that clients who lost the same server do not come back in step.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    failures: u32,
    /// Failures in a row after which to give up; `None` is never.
    attempts: Option<u32>,
    /// A token that has just expired is worth one more try, with a fresh one.
    tried_new_token: bool,
}

impl Backoff {
    /// Gives up after so many failures in a row.
    pub fn new(attempts: Option<u32>) -> Backoff {
        Backoff { next: FIRST, failures: 0, attempts, tried_new_token: false }
    }

    /// Something was achieved: the next failure is a first one.
    pub fn progress(&mut self) {
        *self = Backoff::new(self.attempts);
    }

    /// How long to pause after `failure`.
    ///
    /// # Errors
    ///
    /// The failure, when asking again does not help or has not helped often enough.
    pub fn pause_after(&mut self, failure: Failure) -> Result<Duration, Failure> {
        if failure.kind == Kind::Unauthenticated && !self.tried_new_token {
            self.tried_new_token = true;
            return Ok(FIRST);
        }
        self.failures += 1;
        if !failure.kind.passes() {
            return Err(failure);
        }
        if self.attempts.is_some_and(|attempts| self.failures >= attempts) {
            let message = format!("{}; gave up after {} attempts", failure.message, self.failures);
            return Err(Failure { message, ..failure });
        }
        let longest = if failure.kind == Kind::Busy { LONGEST } else { self.next };
        self.next = (self.next * 2).min(LONGEST);
        Ok(longest / 2 + (longest / 2).mul_f64(random_part()))
    }
}

/// Anything from 0 to 1. Without randomness the pauses are just longer.
fn random_part() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: Kind) -> Failure {
        Failure::new(kind, "away")
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_are_never_the_same_for_all() {
        let mut backoff = Backoff::new(None);
        for seconds in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let pause = backoff.pause_after(failure(Kind::Passing)).expect("it goes on").as_secs_f64();
            assert!((seconds / 2.0..=seconds).contains(&pause), "{pause} of {seconds}");
        }
        backoff.progress();
        assert!(backoff.pause_after(failure(Kind::Passing)).expect("it goes on") <= FIRST);
    }

    #[test]
    fn a_busy_server_is_left_alone_at_once() {
        let pause = Backoff::new(None).pause_after(failure(Kind::Busy)).expect("it goes on");
        assert!(pause >= LONGEST / 2);
    }

    #[test]
    fn what_cannot_pass_is_final() {
        let table =
            [Kind::Denied, Kind::NotFound, Kind::Query, Kind::MissingIndex, Kind::Cache, Kind::DiskFull];
        for kind in table {
            assert!(Backoff::new(None).pause_after(failure(kind)).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn credentials_have_one_more_chance() {
        let mut backoff = Backoff::new(None);
        assert!(backoff.pause_after(failure(Kind::Unauthenticated)).is_ok());
        assert!(backoff.pause_after(failure(Kind::Unauthenticated)).is_err());
    }

    #[test]
    fn after_the_last_attempt_the_failure_is_told() {
        let mut backoff = Backoff::new(Some(2));
        assert!(backoff.pause_after(failure(Kind::Passing)).is_ok());
        let last = backoff.pause_after(failure(Kind::Passing)).expect_err("it gives up");
        assert_eq!((last.kind, last.message.as_str()), (Kind::Passing, "away; gave up after 2 attempts"));
    }
}
