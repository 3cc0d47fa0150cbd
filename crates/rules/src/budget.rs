//! What one decision may spend.

use crate::fault::{Exhausted, Fault};
use crate::limits::{MAX_EXPRESSIONS, MAX_MATCH_STEPS, MAX_WORK};
use crate::value::Value;

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget {
    expressions: u32,
    work: u64,
    match_steps: u32,
}

impl Budget {
    pub fn new() -> Self {
        Budget { expressions: MAX_EXPRESSIONS, work: MAX_WORK, match_steps: MAX_MATCH_STEPS }
    }

    /// Pays for the evaluation of one expression.
    pub fn expression(&mut self) -> Result<(), Fault> {
        let left = self.expressions.checked_sub(1).ok_or(Fault::Exhausted(Exhausted::Expressions))?;
        self.expressions = left;
        Ok(())
    }

    /// Pays for so many bytes that are looked at or made.
    pub fn work(&mut self, bytes: u64) -> Result<(), Fault> {
        self.work = self.work.checked_sub(bytes).ok_or(Fault::Exhausted(Exhausted::Work))?;
        Ok(())
    }

    /// Bytes of work that are left.
    pub fn left(&self) -> usize {
        usize::try_from(self.work).unwrap_or(usize::MAX)
    }

    /// Pays for a look at the whole of these values.
    pub fn look_at(&mut self, values: &[&Value]) -> Result<(), Fault> {
        values.iter().try_for_each(|value| self.work(value.weight()))
    }

    /// Pays for sorting values.
    pub fn sort(&mut self, weight: u64) -> Result<(), Fault> {
        let rounds = u64::from(weight.max(2).ilog2());
        self.work(weight.saturating_mul(rounds))
    }

    /// Pays for trying a `match`.
    pub fn match_step(&mut self) -> Result<(), Fault> {
        self.match_steps = self.match_steps.checked_sub(1).ok_or(Fault::Exhausted(Exhausted::MatchSteps))?;
        Ok(())
    }

    /// Begins the next disjunct of a query: expressions are counted anew.
    pub fn refill_expressions(&mut self) {
        self.expressions = MAX_EXPRESSIONS;
    }
}
