//! Why a benchmark could not be made: one text for the person at the terminal.

use std::fmt;

/// The reason, ready to be printed.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// Turns an error into a failure that says what was being done.
    pub fn doing<E: fmt::Display>(action: impl fmt::Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure(format!("could not {action}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Failure(format!("a call was answered with {:?}: {}", status.code(), status.message()))
    }
}

impl From<model::Status> for Failure {
    fn from(status: model::Status) -> Self {
        Failure(format!("the database answered {status}"))
    }
}

impl From<storage::StorageError> for Failure {
    fn from(error: storage::StorageError) -> Self {
        Failure(format!("the engine answered: {error}"))
    }
}
