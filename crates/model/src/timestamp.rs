//! Instants with microsecond precision, the precision Firestore stores.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z; always within [`Timestamp::MIN`]..=[`Timestamp::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const MICROS: i64 = 1_000_000;

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800 * MICROS);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_800 * MICROS - 1);
    /// The epoch, which is also "before every commit".
    pub const ZERO: Timestamp = Timestamp(0);

    /// From microseconds since the epoch; `None` outside the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let stamp = Timestamp(micros);
        (Self::MIN..=Self::MAX).contains(&stamp).then_some(stamp)
    }

    /// From the wire form; nanoseconds below a microsecond are cut, as Firestore stores them.
    /// `None` when the seconds are out of range or the nanos are not in 0..1e9.
    pub fn from_parts(seconds: i64, nanos: i32) -> Option<Self> {
        if !(0..1_000_000_000).contains(&nanos) {
            return None;
        }
        seconds.checked_mul(MICROS)?.checked_add(i64::from(nanos) / 1_000).and_then(Self::from_micros)
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds (rounded down) and the nanoseconds above them: the wire form.
    pub fn to_parts(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(MICROS) * 1_000;
        (self.0.div_euclid(MICROS), i32::try_from(nanos).expect("below one second"))
    }

    /// The next representable instant, saturating at [`Timestamp::MAX`].
    pub fn next(self) -> Self {
        Timestamp((self.0 + 1).min(Self::MAX.0))
    }

    /// The instant one microsecond before, saturating at [`Timestamp::MIN`].
    pub fn previous(self) -> Self {
        Timestamp((self.0 - 1).max(Self::MIN.0))
    }

    /// This instant moved by `micros`, saturating at the ends of the range.
    pub fn saturating_add(self, micros: i64) -> Self {
        Timestamp(self.0.saturating_add(micros).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Cut to whole milliseconds, the precision of `REQUEST_TIME`.
    pub fn to_millis_precision(self) -> Self {
        Timestamp(self.0 - self.0.rem_euclid(1_000))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}
