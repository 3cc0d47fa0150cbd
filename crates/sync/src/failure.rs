//! What can go wrong, by what the one who runs it should do.

use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};

/// Why synchronisation ended, or paused. The message is for people and says what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
}

/// The kinds of [`Failure`], each with an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file or a socket of this machine.
    Local,
    /// Nobody can be asked now: worth asking again.
    Passing,
    /// The server wants less: worth asking again after a long pause.
    Busy,
    /// The server does not know who asks.
    Unauthenticated,
    /// The server knows, and says no; or the credentials are unreadable.
    Denied,
    NotFound,
    /// The query is refused.
    Query,
    /// The query is fine, and needs an index.
    MissingIndex,
    /// The read time or resume token lies before what the server keeps, or says nothing to it.
    TooOld,
    /// What the server tells does not come to what it counts, again and again.
    Disagrees,
    /// Documents lack the timestamp that polling goes by.
    Field,
    /// The file is no cache, or the cache of something else, or in use.
    Cache,
    /// The disk is full.
    DiskFull,
    /// What takes the changes (`--exec`, `--jsonl`) failed.
    Taker,
    /// Told to stop before the work was done.
    Stopped,
}

impl Kind {
    /// The exit code of a program that ends with this. 2 is clap's, for mistakes on the command line, and 10 says
    /// that `verify` found differences.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Local => 1,
            Kind::Unauthenticated | Kind::Denied => 3,
            Kind::NotFound => 4,
            Kind::Query | Kind::Field | Kind::TooOld => 5,
            Kind::MissingIndex => 6,
            Kind::Passing | Kind::Busy | Kind::Disagrees => 7,
            Kind::Cache => 8,
            Kind::DiskFull => 9,
            Kind::Taker => 11,
            Kind::Stopped => 12,
        }
    }

    /// True when asking again later may help.
    pub fn passes(self) -> bool {
        match self {
            Kind::Passing | Kind::Busy => true,
            Kind::Local
            | Kind::Unauthenticated
            | Kind::Denied
            | Kind::NotFound
            | Kind::Query
            | Kind::MissingIndex
            | Kind::TooOld
            | Kind::Disagrees
            | Kind::Field
            | Kind::Cache
            | Kind::DiskFull
            | Kind::Taker
            | Kind::Stopped => false,
        }
    }
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into() }
    }

    /// For `map_err`: a file or socket of this machine did not do its part.
    pub(crate) fn doing(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Failure {
        move |error| {
            let kind = match error.kind() {
                std::io::ErrorKind::StorageFull => Kind::DiskFull,
                _ => Kind::Local,
            };
            Failure::new(kind, format!("could not {what}: {error}"))
        }
    }

    /// Nothing came in time.
    pub(crate) fn too_slow(doing: &str, limit: Duration) -> Failure {
        Failure::new(Kind::Passing, format!("{doing}: nothing came for {} seconds", limit.as_secs()))
    }

    pub(crate) fn stopped() -> Failure {
        Failure::new(Kind::Stopped, "stopped before the work was done; start it again to go on from there")
    }

    /// What a status of the server means. `doing` says what was asked.
    pub(crate) fn of_status(doing: &str, status: &Status) -> Failure {
        let kind = kind_of(status);
        let advice = match kind {
            Kind::Unauthenticated => {
                "; the server does not accept these credentials: give a valid key with --credentials, and check \
                 this machine's clock"
            }
            Kind::Denied => "; the account needs a role that may read the database",
            Kind::MissingIndex => "; make the index, then start again: nothing is lost",
            Kind::Local
            | Kind::Passing
            | Kind::Busy
            | Kind::NotFound
            | Kind::Query
            | Kind::TooOld
            | Kind::Disagrees
            | Kind::Field
            | Kind::Cache
            | Kind::DiskFull
            | Kind::Taker
            | Kind::Stopped => "",
        };
        let source = std::error::Error::source(status).map(|error| format!(": {}", deepest(error)));
        let source = source.unwrap_or_default();
        Failure::new(
            kind,
            format!("{doing}: {} ({:?}){source}{advice}", status.message().trim_end(), status.code()),
        )
    }
}

/// The innermost reason of an error, which for a lost connection is the only part that says something.
pub(crate) fn deepest<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last
}

fn kind_of(status: &Status) -> Kind {
    match status.code() {
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::Denied,
        Code::NotFound => Kind::NotFound,
        Code::ResourceExhausted => Kind::Busy,
        Code::FailedPrecondition | Code::InvalidArgument | Code::OutOfRange => {
            let text = status.message();
            // The texts are production's; there is no machine-readable reason for either.
            if text.contains("too old") || text.contains("resume token") {
                Kind::TooOld
            } else if text.contains("requires a") && text.contains("index") {
                Kind::MissingIndex
            } else {
                Kind::Query
            }
        }
        Code::AlreadyExists | Code::Unimplemented => Kind::Query,
        // Nobody fails with `Ok`; somebody may end something with it.
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Kind::Passing,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_final_or_passes() {
        let table = [
            (Status::unavailable("away"), Kind::Passing),
            (Status::resource_exhausted("quota"), Kind::Busy),
            (Status::permission_denied("Missing or insufficient permissions."), Kind::Denied),
            (
                Status::failed_precondition("The query requires an index. You can create it here: https://x"),
                Kind::MissingIndex,
            ),
            (
                Status::failed_precondition("The query requires a COLLECTION_GROUP_ASC index for …"),
                Kind::MissingIndex,
            ),
            (Status::failed_precondition("The requested 'read_time' is too old."), Kind::TooOld),
            (Status::invalid_argument("bad resume token"), Kind::TooOld),
            (Status::new(Code::Ok, ""), Kind::Passing),
            (Status::invalid_argument("order by clause cannot be …"), Kind::Query),
            (Status::data_loss("damage"), Kind::Passing),
        ];
        for (status, kind) in table {
            assert_eq!(Failure::of_status("could not ask", &status).kind, kind, "{status:?}");
        }
    }

    #[test]
    fn a_missing_index_keeps_its_link() {
        let status =
            Status::failed_precondition("The query requires an index. You can create it here: https://x/y");
        let failure = Failure::of_status("could not read", &status);
        assert!(failure.message.contains("https://x/y") && failure.message.contains("make the index"));
    }
}
