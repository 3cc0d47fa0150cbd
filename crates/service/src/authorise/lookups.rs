//! Where the rules of one request look documents up: the view that a read sees, or both sides of a commit.

use std::time::Duration;

use bytes::Bytes;
use database::{PendingCommit, View};
use host::Host;
use model::{DocumentPath, Status};
use rules::{Documents, Position, Value};

/// How long the rules of one commit may take, in which all other commits of the database wait. (Of several commits that
/// take long one at a time has its turn, and the others' are between: see [`database::Guard`].) Each decision is bounded
/// by itself ([`rules::limits`]), and not broken off; this is for many of them in one commit, and what takes longer is
/// refused.
pub(super) const MAX_COMMIT_RULE_TIME: Duration = Duration::from_millis(500);

/// The documents of a view.
pub(super) struct Viewed<'a>(pub &'a View);

/// The documents before and after a commit.
pub(super) struct Committing<'a> {
    pub commit: &'a PendingCommit<'a>,
    pub clock: Clock<'a>,
}

/// Ends rules that take too long.
pub(super) struct Clock<'a> {
    host: &'a Host,
    until: Duration,
}

impl<'a> Clock<'a> {
    /// It runs from now on.
    pub fn start(host: &'a Host) -> Self {
        Clock { host, until: host.elapsed() + MAX_COMMIT_RULE_TIME }
    }

    /// PERMISSION_DENIED when the time is over.
    pub fn check(&self) -> Result<(), Status> {
        if self.host.elapsed() <= self.until {
            return Ok(());
        }
        let most = MAX_COMMIT_RULE_TIME.as_millis();
        let text =
            format!("The security rules of this commit take longer than {most} ms. Commit less at once.");
        Err(Status::permission_denied(text))
    }
}

impl Documents for Viewed<'_> {
    fn get(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        Ok(self.0.get(path)?.map(|document| document.body))
    }

    fn debug(&self, position: Position, value: &Value) {
        log(position, value);
    }
}

impl Documents for Committing<'_> {
    fn get(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        self.clock.check()?;
        self.commit.before(path)
    }

    fn get_after(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        self.clock.check()?;
        self.commit.after(path)
    }

    fn debug(&self, position: Position, value: &Value) {
        log(position, value);
    }
}

/// `debug()` of the language. As a text, so that the log escapes it: a value may be whatever a client sent.
fn log(position: Position, value: &Value) {
    tracing::info!(%position, value = value.to_string(), "a security rule shows a value");
}
