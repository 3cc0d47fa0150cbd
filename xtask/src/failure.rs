//! What a task says when it cannot go on: one text for the person at the terminal.

use std::fmt;

/// The reason why a task failed, ready to be printed.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// Turns an error of the system into a failure that says what was being done.
    pub fn doing<E: fmt::Display>(action: impl fmt::Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure(format!("could not {action}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
