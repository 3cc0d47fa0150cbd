//! Listening: the server tells what changes, from the time of the first copy on, or from a token that a restart finds
//! in the cache.
//!
//! What is told on a stream is `hearing`'s business. When the server cannot say what has changed (the token is too old,
//! the numbers differ), keys are compared, and listening goes on from the time of that comparison.

use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::ListenRequest;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::Target;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::listen_request::TargetChange as Asked;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::target::{
    QueryTarget, ResumeType, TargetType, query_target,
};

use crate::cache::Held;
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::follow::Follower;
use crate::hearing::{Heard, Hearing, TARGET};
use crate::settings::Event;
use crate::time::Time;

/// Older than this, a token or a time may be unknown to the server (production keeps an hour): then comparing keys
/// costs less than hearing everything again.
const STALE: Duration = Duration::from_secs(50 * 60);
/// After being lost twice in a row the next comparison waits so long, and from then on twice as long each time, since
/// Google counts each name of a comparison as a read.
const LOST_PAUSE: Duration = Duration::from_secs(30);
const LOST_LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// With `once`, being lost so often in a row is a failure.
const LOST_TOO_OFTEN: u32 = 3;

impl Follower {
    /// Listens until all is here once, or for ever.
    pub(crate) async fn listen(&self) -> Result<(), Failure> {
        match self.cursor().await? {
            Cursor::Following { as_of, .. } if as_of.age(Time::now()) < STALE => {}
            Cursor::Following { .. } => self.align_and_note("the cache is old").await?,
            Cursor::Polling(_) => self.align_and_note("the cache was kept by polling").await?,
            cursor @ (Cursor::Fresh | Cursor::Copying { .. }) => {
                self.copy(cursor).await?;
            }
        }
        let (mut lost, mut pause) = (0, LOST_PAUSE);
        loop {
            let why = match self.hear(&mut lost).await {
                Ok(Heard::All) => return Ok(()),
                Ok(Heard::Silence) => {
                    lost = 0;
                    continue;
                }
                Ok(Heard::Lost(why)) => why,
                Err(failure) if failure.kind == Kind::TooOld => failure.message,
                Err(failure) => return Err(failure),
            };
            lost += 1;
            if lost > 1 {
                self.observer
                    .tell(&Event::Warning("the server cannot say what changes, even after a comparison"));
                if self.settings.once && lost >= LOST_TOO_OFTEN {
                    return Err(Failure::new(Kind::Disagrees, format!("could not catch up: {why}")));
                }
                self.stop.sleep(pause).await?;
                pause = (2 * pause).min(LOST_LONGEST_PAUSE);
            } else {
                pause = LOST_PAUSE;
            }
            self.align_and_note(&why).await?;
        }
    }

    async fn align_and_note(&self, why: &str) -> Result<(), Failure> {
        let as_of = self.align(why, None, None).await?;
        self.apply(Vec::new(), Some(Cursor::Following { as_of, token: None })).await
    }

    /// Listens on one stream, from where the cache is. `lost` becomes 0 when the server has been right for long.
    async fn hear(&self, lost: &mut u32) -> Result<Heard, Failure> {
        let told = self.keeper.with(|cache| {
            cache.unstage()?;
            Ok((cache.cursor()?, cache.held()))
        });
        let (cursor, held) = told.await?;
        let (sender, stream) = self.stop.or(self.client.listen(self.target(cursor, held))).await?;
        let heard = Hearing::new(self, stream).hear(lost).await;
        // The stream lives as long as somebody may still ask on it.
        drop(sender);
        heard
    }

    fn target(&self, cursor: Cursor, held: Held) -> ListenRequest {
        let source = self.client.source();
        let query = QueryTarget {
            parent: source.parent(),
            query_type: Some(query_target::QueryType::StructuredQuery(source.query())),
        };
        let resume_type = match cursor {
            Cursor::Following { token: Some(token), .. } => Some(ResumeType::ResumeToken(token.into())),
            Cursor::Following { as_of, token: None } => Some(ResumeType::ReadTime(as_of.to_wire())),
            Cursor::Fresh | Cursor::Copying { .. } | Cursor::Polling(_) => None,
        };
        // Who says how many documents he has gets the names of those that are left when the server has others.
        let expected_count = held.evicted_until.is_none().then(|| i32::try_from(held.rows).ok()).flatten();
        let target = Target {
            target_id: TARGET,
            target_type: Some(TargetType::Query(query)),
            resume_type,
            expected_count,
            ..Target::default()
        };
        ListenRequest {
            database: source.database_name(),
            target_change: Some(Asked::AddTarget(target)),
            ..ListenRequest::default()
        }
    }

    /// Compares how many documents there are at a time.
    pub(crate) async fn numbers_differ(&self, at: Time) -> Result<bool, Failure> {
        let held = self.keeper.with(|cache| Ok(cache.held())).await?;
        if held.evicted_until.is_some() {
            return Ok(false);
        }
        let (theirs, _) = self.stop.or(self.client.count(self.client.source().query(), Some(at))).await?;
        Ok(held.rows != theirs)
    }
}
