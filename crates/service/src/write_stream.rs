//! Write streams: commits one after the other, each durable before the next begins.
//!
//! ```text
//!   begin(writes) ──► a task commits ──► Log: answers 1 2 3 … ──► next()
//!                                         ╰ kept until the client acknowledges them by a token
//! ```
//! A client that lost its connection does not know what became of its last writes. It names the stream
//! and the last token it has seen, and hears every answer after that. So a commit goes on when its
//! client is gone, and what the client has not acknowledged is kept for a while (see [`log`]).

mod log;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::principal::Role;
use model::write::{CommitResult, Write};
use model::{DatabaseName, Principal, Status};

use crate::{Call, Commit, Service};
use log::Log;

pub(crate) use log::WriteStreams;

/// What one commit may take.
const COMMIT_TIME: Duration = Duration::from_secs(300);

/// A stream that one client holds. Dropped, it can be resumed for a while.
pub struct WriteStream {
    service: Arc<Service>,
    principal: Principal,
    log: Arc<Log>,
    /// Which of those who held the stream one after the other this is.
    holder: u64,
    /// The number of the last answer given out.
    told: u64,
}

/// The stream that a client wants to go on with.
#[derive(Clone, Copy, Debug)]
pub struct ResumeWrites<'a> {
    pub id: &'a str,
    /// The token of the last answer that the client has seen.
    pub token: &'a [u8],
}

/// What one commit did, and the token that acknowledges this answer and all before it.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteAnswer {
    pub token: Bytes,
    pub result: Arc<CommitResult>,
}

impl Service {
    /// Opens a stream of writes to `database`, or goes on with one.
    ///
    /// # Errors
    /// NOT_FOUND for a database that does not exist; PERMISSION_DENIED for accounts without a role, and end users who
    /// would make a database (their writes are decided on one by one); ABORTED for a stream of another caller, or one
    /// that is not known any more; INVALID_ARGUMENT for a token that was never given out.
    pub fn write_stream(
        self: &Arc<Self>,
        principal: &Principal,
        database: &DatabaseName,
        resume: Option<ResumeWrites<'_>>,
    ) -> Result<WriteStream, Status> {
        if !principal.is_end_user() {
            self.authority.permit(principal, database, Role::User)?;
        }
        self.reach(principal, database)?;
        self.database(database)?;
        let now = self.host.elapsed();
        let (log, told) = match resume {
            None => (self.write_streams.open(database, principal, self.host.secret(), now), 0),
            Some(resume) => {
                let told = read_token(resume.token)?;
                (self.write_streams.find(database, principal, resume.id, told, now)?, told)
            }
        };
        let holder = log.take_over();
        Ok(WriteStream { service: self.clone(), principal: principal.clone(), log, holder, told })
    }
}

impl WriteStream {
    /// The name under which it can be resumed.
    pub fn id(&self) -> &str {
        self.log.id()
    }

    /// The token of the last answer given out.
    pub fn token(&self) -> Bytes {
        token(self.told)
    }

    /// The client has seen the answer with this token and all before it; empty, it says nothing.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a token that was never given out.
    pub fn acknowledge(&mut self, token: &[u8]) -> Result<(), Status> {
        if token.is_empty() {
            return Ok(());
        }
        let seen = read_token(token)?;
        if seen > self.told {
            return Err(no_token());
        }
        self.log.forget_to(seen);
        Ok(())
    }

    /// Begins a commit, which goes on even when the stream is dropped. The commit before must have
    /// been answered ([`WriteStream::is_busy`]).
    pub fn begin(&mut self, writes: Vec<Write>) {
        let running = self.log.begin();
        let service = self.service.clone();
        let database = self.log.database().clone();
        let call = Call { deadline: Instant::now() + COMMIT_TIME, principal: self.principal.clone() };
        tokio::spawn(async move {
            let outcome = service.commit(&call, Commit { database, writes, transaction: None }).await;
            running.finished(outcome);
        });
    }

    /// True while [`WriteStream::next`] has, or will have, something to tell.
    pub fn is_busy(&self) -> bool {
        self.log.is_busy(self.told)
    }

    /// The next answer, waited for as long as the commit takes. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// The refusal of the commit, which ends the stream; ABORTED when the stream was resumed elsewhere.
    pub async fn next(&mut self) -> Result<WriteAnswer, Status> {
        let result = self.log.after(self.told, self.holder).await?;
        self.told += 1;
        Ok(WriteAnswer { token: token(self.told), result })
    }

    /// The client says that it is done: there is nothing to resume. Answers the last token.
    pub fn close(&mut self) -> Bytes {
        self.service.write_streams.remove(&self.log);
        token(self.told + 1)
    }
}

impl Drop for WriteStream {
    fn drop(&mut self) {
        self.service.write_streams.left(&self.log, self.holder, self.service.host.elapsed());
    }
}

/// Tokens are the numbers of answers.
fn token(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn read_token(token: &[u8]) -> Result<u64, Status> {
    token.try_into().map(u64::from_be_bytes).map_err(|_| no_token())
}

fn no_token() -> Status {
    Status::invalid_argument("The stream token is not one of this stream.")
}
