//! What is bound to the parameters of a GQL query.

use model::Status;
use model::entity::query::{GqlParameter, GqlQuery};

/// The bindings of one query, and which of them it has used.
pub(super) struct Bindings<'q> {
    query: &'q GqlQuery,
    used: Vec<bool>,
}

impl<'q> Bindings<'q> {
    /// # Errors
    /// INVALID_ARGUMENT for names that nobody may bind.
    pub fn new(query: &'q GqlQuery) -> Result<Self, Status> {
        for name in query.named.keys() {
            if name.len() > 4 && name.starts_with("__") && name.ends_with("__") {
                let message = format!("The GQL query parameter name {name:?} is reserved.");
                return Err(Status::invalid_argument(message));
            }
        }
        Ok(Bindings { query, used: vec![false; query.positional.len()] })
    }

    /// What `@name` stands for.
    pub fn named(&self, name: &str) -> Result<&'q GqlParameter, Status> {
        let absent = || Status::invalid_argument(format!("Absent named binding: {name}."));
        self.query.named.get(name).ok_or_else(absent)
    }

    /// What `@1` stands for.
    pub fn positional(&mut self, position: usize) -> Result<&'q GqlParameter, Status> {
        let absent = || Status::invalid_argument(format!("Absent positional binding: {position}."));
        let at = position.checked_sub(1).ok_or_else(absent)?;
        let bound = self.query.positional.get(at).ok_or_else(absent)?;
        self.used[at] = true;
        Ok(bound)
    }

    /// Refuses a literal where all values are to be bound.
    pub fn literal(&self, literal: impl std::fmt::Display) -> Result<(), Status> {
        if self.query.allow_literals {
            return Ok(());
        }
        Err(Status::invalid_argument(format!("Disallowed literal: {literal}.")))
    }

    /// To ask at the end: every position must have been used.
    pub fn check_used(&self) -> Result<(), Status> {
        match self.used.iter().position(|used| !used) {
            Some(at) => Err(Status::invalid_argument(format!("Unused positional binding: {}.", at + 1))),
            None => Ok(()),
        }
    }
}
