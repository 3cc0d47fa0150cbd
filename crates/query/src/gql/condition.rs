//! Conditions: comparisons either way round, AND within OR, parentheses.

use model::Status;
use model::entity::query::{EntityFilter, PropertyOperator};
use model::entity::{EntityValue, Property};

use super::parser::Parser;
use super::token::TokenKind;

/// Conditions within parentheses within each other: as deep as entities nest, and far from the end of a stack.
const MAX_DEPTH: usize = 64;

impl Parser<'_> {
    /// `a = 1 OR b = 2 AND c = 3`
    pub(super) fn condition(&mut self) -> Result<EntityFilter, Status> {
        let mut filters = vec![self.conjunction()?];
        while self.take_word("OR") {
            filters.push(self.conjunction()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { EntityFilter::Or(filters) })
    }

    /// `a = 1 AND b = 2`
    fn conjunction(&mut self) -> Result<EntityFilter, Status> {
        let mut filters = vec![self.simple()?];
        while self.take_word("AND") {
            filters.push(self.simple()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { EntityFilter::And(filters) })
    }

    /// `(a = 1)`, `a IS NULL`, `a = 1`, `1 = a`
    fn simple(&mut self) -> Result<EntityFilter, Status> {
        if self.take_symbol("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                let message = format!("Conditions nest deeper than {MAX_DEPTH} levels.");
                return Err(Status::invalid_argument(message));
            }
            let inner = self.condition()?;
            self.depth -= 1;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        if self.begins_value() {
            let value = self.value()?;
            let operator = self.backward()?;
            let name = self.property()?;
            return Ok(EntityFilter::Property { name, operator, value });
        }
        let name = self.property()?;
        if self.take_word("IS") {
            self.expect_word("NULL")?;
            let value = Property::from(EntityValue::Null);
            return Ok(EntityFilter::Property { name, operator: PropertyOperator::Equal, value });
        }
        let operator = self.forward()?;
        let value = self.value()?;
        Ok(EntityFilter::Property { name, operator, value })
    }

    /// The operator of `a < 1`, `a HAS ANCESTOR KEY(b, 1)`, `a NOT IN ARRAY(1, 2)`
    fn forward(&mut self) -> Result<PropertyOperator, Status> {
        if let Some(operator) = self.comparison() {
            return Ok(operator);
        }
        if self.take_word("CONTAINS") {
            return Ok(PropertyOperator::Equal);
        }
        if self.take_word("IN") {
            return Ok(PropertyOperator::In);
        }
        if self.take_word("NOT") {
            self.expect_word("IN")?;
            return Ok(PropertyOperator::NotIn);
        }
        if self.take_word("HAS") {
            self.expect_word("ANCESTOR")?;
            return Ok(PropertyOperator::HasAncestor);
        }
        Err(self.expected("a comparison"))
    }

    /// The operator of `1 < a`, `1 IN a`, `KEY(b, 1) HAS DESCENDANT a`, turned round
    fn backward(&mut self) -> Result<PropertyOperator, Status> {
        if let Some(operator) = self.comparison() {
            return Ok(match operator {
                PropertyOperator::LessThan => PropertyOperator::GreaterThan,
                PropertyOperator::LessThanOrEqual => PropertyOperator::GreaterThanOrEqual,
                PropertyOperator::GreaterThan => PropertyOperator::LessThan,
                PropertyOperator::GreaterThanOrEqual => PropertyOperator::LessThanOrEqual,
                same @ (PropertyOperator::Equal
                | PropertyOperator::NotEqual
                | PropertyOperator::In
                | PropertyOperator::NotIn
                | PropertyOperator::HasAncestor) => same,
            });
        }
        if self.take_word("IN") {
            return Ok(PropertyOperator::Equal);
        }
        if self.take_word("HAS") {
            self.expect_word("DESCENDANT")?;
            return Ok(PropertyOperator::HasAncestor);
        }
        Err(self.expected("a comparison"))
    }

    fn comparison(&mut self) -> Option<PropertyOperator> {
        let operator = match self.peek() {
            TokenKind::Symbol("=") => PropertyOperator::Equal,
            TokenKind::Symbol("!=") => PropertyOperator::NotEqual,
            TokenKind::Symbol("<") => PropertyOperator::LessThan,
            TokenKind::Symbol("<=") => PropertyOperator::LessThanOrEqual,
            TokenKind::Symbol(">") => PropertyOperator::GreaterThan,
            TokenKind::Symbol(">=") => PropertyOperator::GreaterThanOrEqual,
            _ => return None,
        };
        self.bump();
        Some(operator)
    }
}
