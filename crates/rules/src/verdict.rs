//! What the rules answer.

use std::fmt;

use crate::issue::Position;
use crate::request::Method;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied(Denial),
}

/// Why not. For the developer: a client learns `Missing or insufficient permissions.` and no more.
///
/// Prints as the emulator words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Of each `allow` that was tried, in order; empty when none is for this path and method.
    pub reasons: Vec<Reason>,
}

/// Why one `allow` did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub method: Method,
    /// Of the `allow`.
    pub allow: Position,
    /// Of the expression that failed.
    pub expression: Option<Position>,
    pub why: Why,
}

/// How an `allow` can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The condition is false.
    False,
    /// It has no value; the text says why.
    Error(String),
    /// It depends on what the query leaves open.
    Unproved,
}

impl Verdict {
    /// True for [`Verdict::Allowed`].
    pub fn is_allowed(&self) -> bool {
        *self == Verdict::Allowed
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reasons.is_empty() {
            return f.write_str("\nNo matching allow statements");
        }
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        write!(f, "\n{}", reasons.join(", "))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.why, &self.expression) {
            (Why::False, _) => f.write_str("false")?,
            (Why::Error(text), _) => f.write_str(text)?,
            (Why::Unproved, Some(position)) => write!(f, "evaluation error at {position}")?,
            (Why::Unproved, None) => f.write_str("evaluation error")?,
        }
        write!(f, " for '{}' @ L{}", self.method.name(), self.allow.line)
    }
}
