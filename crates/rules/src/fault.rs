//! Why an expression has no value.

use model::Status;
use model::body::BodyError;

use crate::issue::Span;

/// What stopped an expression.
#[derive(Debug)]
pub(crate) enum Fault {
    /// An error of the language: `&&`, `||` and other `allow`s go on.
    Error { text: String, at: Option<Span> },
    /// The answer differs between the documents that the query may return; goes on as an error does.
    Unknown { at: Option<Span> },
    /// A budget is used up: the request is denied, whatever else allows it.
    Exhausted(Exhausted),
    /// The documents cannot be read: there is no decision at all.
    Failed(Status),
}

/// Which budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Expressions,
    Work,
    MatchSteps,
}

impl Fault {
    pub fn error(text: impl Into<String>) -> Self {
        Fault::Error { text: text.into(), at: None }
    }

    pub fn unknown() -> Self {
        Fault::Unknown { at: None }
    }

    /// A stored body that does not decode.
    pub fn damage(error: BodyError) -> Self {
        Fault::Failed(Status::internal(format!("A stored document is damaged: {error}.")))
    }

    /// The same fault with a place, unless it has one from deeper inside.
    pub fn at(self, span: Span) -> Self {
        match self {
            Fault::Error { text, at } => Fault::Error { text, at: at.or(Some(span)) },
            Fault::Unknown { at } => Fault::Unknown { at: at.or(Some(span)) },
            Fault::Exhausted(_) | Fault::Failed(_) => self,
        }
    }

    /// True for what `&&` and `||` can make good.
    pub fn is_absorbed(&self) -> bool {
        match self {
            Fault::Error { .. } | Fault::Unknown { .. } => true,
            Fault::Exhausted(_) | Fault::Failed(_) => false,
        }
    }
}
