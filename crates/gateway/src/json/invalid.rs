//! What is wrong with a request's JSON, in production's words.

use model::Status;

/// Mistakes told at once; there may be one for each of a million fields.
const MAX_VIOLATIONS: usize = 50;

/// All that is wrong; at least one thing is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(super) violations: Vec<Violation>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Where, as in `document.fields[0].value`; empty for the outermost message.
    pub(super) field: String,
    pub(super) description: String,
}

impl Invalid {
    /// The text is no JSON.
    pub(super) fn payload(what: &str) -> Self {
        Self::plain(format!("Invalid JSON payload received. {what}"))
    }

    /// Wrong as a whole.
    pub(super) fn plain(description: String) -> Self {
        Invalid { violations: vec![Violation { field: String::new(), description }] }
    }

    /// A name that means nothing at `place`, or cannot have what it has.
    pub(super) fn name(place: &str, name: &str, why: &str) -> Violation {
        let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
        let description = format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: {why}");
        Violation { field: place.to_owned(), description }
    }

    /// A value that does not have the type of `place`.
    pub(super) fn value(place: &str, kind: &str, value: &str) -> Violation {
        let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
        let description = format!("Invalid value{at} ({kind}), {value}");
        Violation { field: place.to_owned(), description }
    }

    /// The text that the client sees.
    pub(crate) fn message(&self) -> String {
        let descriptions: Vec<_> = self.violations.iter().map(|one| one.description.as_str()).collect();
        descriptions.join("\n")
    }
}

/// Keeps what is wrong, up to a limit.
#[derive(Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, violation: Violation) {
        if self.0.len() < MAX_VIOLATIONS {
            self.0.push(violation);
        }
    }

    /// An error, unless nothing was wrong.
    pub(super) fn outcome(self) -> Result<(), Invalid> {
        if self.0.is_empty() { Ok(()) } else { Err(Invalid { violations: self.0 }) }
    }
}

impl From<Violation> for Invalid {
    fn from(violation: Violation) -> Self {
        Invalid { violations: vec![violation] }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Status::invalid_argument(invalid.message())
    }
}
