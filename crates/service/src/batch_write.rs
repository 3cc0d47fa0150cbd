//! Writes, each on its own.

use std::collections::HashSet;

use model::limits::MAX_BATCH_WRITES;
use model::principal::Role;
use model::write::{Write, WriteResult};
use model::{DatabaseName, Status};

use crate::{Call, Service, preconditions};

/// The writes; one that could not even be read carries its refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchWrite {
    pub database: DatabaseName,
    pub writes: Vec<Result<Write, Status>>,
}

impl Service {
    /// Answers for each write in order. INVALID_ARGUMENT for the whole when a document is named twice
    /// or there are too many writes.
    pub async fn batch_write(
        &self,
        call: &Call,
        request: BatchWrite,
    ) -> Result<Vec<Result<WriteResult, Status>>, Status> {
        let BatchWrite { database, writes } = request;
        let permit = self.permit(call, &database, Role::User)?;
        permit.servers_only("Batch writes require admin authentication.")?;
        check(&writes)?;
        let database = self.database(&database)?;
        let now = self.now();
        let possible =
            |write: Write| preconditions::check(&database, std::slice::from_ref(&write), now).map(|()| write);
        let (readable, refusals) = split(writes.into_iter().map(|write| write.and_then(possible)));
        let mut done = database.batch_write(readable).await.into_iter();
        let answers = refusals.into_iter().map(|refusal| match refusal {
            Some(refusal) => Err(refusal),
            None => done.next().expect("there is one answer for each write"),
        });
        Ok(answers.collect())
    }
}

fn check(writes: &[Result<Write, Status>]) -> Result<(), Status> {
    if writes.len() > MAX_BATCH_WRITES {
        let text = format!("maximum {MAX_BATCH_WRITES} writes allowed per request");
        return Err(Status::invalid_argument(text));
    }
    let mut seen = HashSet::new();
    if writes.iter().flatten().any(|write| !seen.insert(&write.path)) {
        return Err(Status::invalid_argument(
            "the same document cannot be written more than once in a single request",
        ));
    }
    Ok(())
}

/// The writes that can be tried, and for each place in the request its refusal or None.
fn split(writes: impl Iterator<Item = Result<Write, Status>>) -> (Vec<Write>, Vec<Option<Status>>) {
    let mut readable = Vec::new();
    let refusals = writes.map(|write| match write {
        Ok(write) => {
            readable.push(write);
            None
        }
        Err(refusal) => Some(refusal),
    });
    let refusals = refusals.collect();
    (readable, refusals)
}
