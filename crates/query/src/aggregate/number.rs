//! Adding numbers the way production does: integers exactly, doubles as IEEE says.

use model::Value;

/// What has been added so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Total {
    /// Exact: 2^63 integers would be needed to leave it.
    integers: i128,
    doubles: f64,
    has_doubles: bool,
    numbers: u64,
}

impl Total {
    /// Adds a number; everything else is ignored.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::Integer(integer) => self.integers += i128::from(*integer),
            Value::Double(double) => {
                self.doubles += double;
                self.has_doubles = true;
            }
            _ => return,
        }
        self.numbers += 1;
    }

    /// An integer if only integers were added and their sum is one; otherwise a double.
    pub fn sum(&self) -> Value {
        match (self.has_doubles, i64::try_from(self.integers)) {
            (false, Ok(sum)) => Value::Integer(sum),
            _ => Value::Double(self.as_double()),
        }
    }

    /// A double; null when no number was added.
    pub fn average(&self) -> Value {
        match self.numbers {
            0 => Value::Null,
            numbers => Value::Double(self.as_double() / numbers as f64),
        }
    }

    fn as_double(&self) -> f64 {
        // -0.0 + 0.0 is 0.0: a sum without integers keeps the sign of its doubles.
        if self.integers == 0 && self.has_doubles {
            self.doubles
        } else {
            self.integers as f64 + self.doubles
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[Value]) -> Total {
        let mut total = Total::default();
        values.iter().for_each(|value| total.add(value));
        total
    }

    #[test]
    fn integers_overflow_into_a_double_only_at_the_end() {
        let max = Value::Integer(i64::MAX);
        let there_and_back = total(&[max.clone(), Value::Integer(1), Value::Integer(-101)]);
        assert_eq!(there_and_back.sum(), Value::Integer(i64::MAX - 100));
        assert_eq!(total(&[max.clone(), max]).sum(), Value::Double(2.0 * i64::MAX as f64));
    }

    #[test]
    fn doubles_and_nan_spread_and_other_types_do_not_count() {
        assert_eq!(total(&[Value::Integer(1), Value::Double(0.5)]).sum(), Value::Double(1.5));
        assert_eq!(total(&[Value::Integer(1), Value::from("x"), Value::Null]).sum(), Value::Integer(1));
        assert_eq!(total(&[Value::Integer(1), Value::from("x")]).average(), Value::Double(1.0));
        assert!(total(&[Value::Integer(1), Value::Double(f64::NAN)]).sum().is_nan());
        let infinite = [Value::Double(f64::INFINITY), Value::Double(f64::NEG_INFINITY)];
        assert!(total(&infinite).average().is_nan());
    }

    #[test]
    fn nothing_sums_to_zero_and_has_no_average() {
        assert_eq!(total(&[]).sum(), Value::Integer(0));
        assert_eq!(total(&[Value::from("x")]).average(), Value::Null);
    }
}
