//! How to follow, and what is told on the way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::Document;

use crate::cache::Applied;
use crate::failure::Failure;
use crate::source::timestamp_in;
use crate::time::Time;

/// How a source is followed.
#[derive(Clone, Debug)]
pub struct Settings {
    pub strategy: Strategy,
    /// Copy or catch up, deletions included, then end.
    pub once: bool,
    /// How often the number of documents is compared with the server's; a difference leads to a comparison of keys.
    pub count_every: Duration,
    /// How often all keys are compared, whatever the numbers say.
    pub scan_every: Duration,
    /// Keys of such a comparison in a second; `None` is as fast as they come.
    pub scan_pace: Option<u32>,
    /// Failures in a row after which to give up; `None` is never.
    pub attempts: Option<u32>,
}

impl Settings {
    /// Listening without an end, with the usual intervals.
    pub fn listening() -> Settings {
        Settings {
            strategy: Strategy::Listen,
            once: false,
            count_every: Duration::from_secs(5 * 60),
            scan_every: Duration::from_secs(24 * 3_600),
            scan_pace: Some(5_000),
            attempts: None,
        }
    }
}

/// How changes are found.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// The server tells.
    Listen,
    /// Ask for what is new by a timestamp field.
    Poll(Poll),
}

/// See [`Strategy::Poll`].
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    pub field: String,
    /// Earlier timestamps are out of scope.
    pub since: Time,
    /// A document may become visible so much later than its timestamp says, and is found at once all the same.
    pub margin: Duration,
    pub interval: Duration,
    /// Leave out documents without a timestamp in `field`, instead of refusing to begin.
    pub some_lack_field: bool,
}

impl Strategy {
    /// True when a document belongs into a cache that is kept so.
    pub(crate) fn admits(&self, document: &Document) -> bool {
        match self {
            Strategy::Listen => true,
            Strategy::Poll(poll) => {
                timestamp_in(&document.fields, &poll.field).is_some_and(|time| time >= poll.since)
            }
        }
    }
}

/// Something worth telling.
#[derive(Debug)]
pub enum Event<'a> {
    /// A first copy of so many documents begins, or goes on.
    CopyBegins { total: u64 },
    /// A batch was applied.
    Applied(Applied),
    /// The cache is the server's state of this time.
    Current { as_of: Time },
    /// A failure that passes, and the pause after it.
    Pause { failure: &'a Failure, pause: Duration },
    /// A comparison of keys begins, and why.
    Comparing { why: &'a str },
    /// What came of it.
    Compared(&'a Differences),
    /// One document that differs.
    Differs { how: Difference, name: &'a str },
    /// Something is not as it should be, and nothing is lost.
    Warning(&'a str),
}

/// How the cache differs from the server in one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// On the server and not here.
    Missing,
    /// Here and not on the server.
    Extra,
    /// Here in another version.
    Stale,
    /// Written after what the cache is a copy of: it will come by itself.
    Ahead,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Differences {
    pub missing: u64,
    pub extra: u64,
    pub stale: u64,
    pub ahead: u64,
    pub repaired: u64,
    /// Stretches of names that were compared, and those of them that differed.
    pub stretches: u64,
    pub stretches_differing: u64,
    pub keys: u64,
}

impl Differences {
    /// True when the cache is what it should be.
    pub fn none(&self) -> bool {
        self.missing + self.extra + self.stale == 0
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::Missing => "missing",
            Difference::Extra => "extra",
            Difference::Stale => "stale",
            Difference::Ahead => "ahead",
        })
    }
}

/// Is told of events, from any thread, and must not take long.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Observer {
    pub fn new(tell: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(tell))
    }

    /// Listens to nothing.
    pub fn deaf() -> Observer {
        Observer::new(|_| ())
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        (self.0)(event);
    }
}
