//! When a signed token is good.

use std::time::Duration;

use crate::jwt::Jwt;
use crate::moment::{LATEST, Moment};
use crate::refusal::Rejection;

/// The moment at which a token is looked at, and how far clocks may be off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) now: Moment,
    pub(crate) skew: i64,
}

/// Until when something that was proved is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The end that the token names.
    pub(crate) expires: Moment,
    /// The end that we hold it to: later by what clocks may be off.
    pub(crate) taken_until: Moment,
}

impl Times {
    pub(crate) fn new(micros: i64, skew: Duration) -> Self {
        let skew = i64::try_from(skew.as_secs()).unwrap_or(i64::MAX);
        Times { now: Moment::from_micros(micros), skew }
    }

    /// Checks `exp`, which must be there, and `nbf` and `iat`, where they are. A token from the future proves nothing:
    /// either it was made up, or a clock is so far off that nothing else can be told from it.
    pub(crate) fn check(&self, jwt: &Jwt<'_>) -> Result<Window, Rejection> {
        let expires = jwt.seconds("exp").ok_or(Rejection::Unproved)?.min(LATEST.0);
        for begin in ["nbf", "iat", "auth_time"] {
            match jwt.claims.get(begin) {
                None => (),
                Some(_) => {
                    let begin = jwt.seconds(begin).ok_or(Rejection::Unproved)?;
                    if begin > self.now.0.saturating_add(self.skew) {
                        return Err(Rejection::Unproved);
                    }
                }
            }
        }
        let taken_until = Moment(expires.saturating_add(self.skew));
        match self.now < taken_until {
            true => Ok(Window { expires: Moment(expires), taken_until }),
            false => Err(Rejection::Expired),
        }
    }
}
