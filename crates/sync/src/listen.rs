//! Listening: the server tells what changes, from the time of the first copy on, or from a token that a restart finds
//! in the cache.
//!
//! What the server tells is collected until it closes it with a boundary: only then is it the state of one time, and
//! goes into the cache in one transaction with the token. Before the target is current nothing does. When the server
//! cannot say what has changed (the token is too old, the numbers differ), keys are compared, and listening goes on
//! from the time of that comparison.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::listen_request::TargetChange as Asked;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::listen_response::ResponseType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::target::{
    QueryTarget, ResumeType, TargetType, query_target,
};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::target_change::TargetChangeType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    DocumentChange, ListenRequest, ListenResponse, Target, TargetChange,
};
use tonic::{Code, Status, Streaming};

use crate::cache::{BATCH, BATCH_BYTES};
use crate::change::{Change, Row, name_below};
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::follow::Follower;
use crate::meters::add;
use crate::settings::Event;
use crate::time::Time;

/// The one target of the stream.
const TARGET: i32 = 1;
/// Older than this, a token or a time may be unknown to the server (production keeps an hour): then comparing keys
/// costs less than hearing everything again.
const STALE: Duration = Duration::from_secs(50 * 60);
/// A boundary without changes is written down so often, to keep the token young.
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// After being lost twice in a row the next comparison waits so long.
const LOST_PAUSE: Duration = Duration::from_secs(30);
/// With `once`, being lost so often in a row is a failure.
const LOST_TOO_OFTEN: u32 = 3;

/// What a message has led to.
enum Step {
    Nothing,
    /// The cache is the state of this time.
    Boundary(Time),
    /// The server cannot say what has changed, and why.
    Lost(String),
}

/// One stream, and what has come on it since the last boundary.
struct Hearing<'a> {
    follower: &'a Follower,
    root: String,
    stream: Streaming<ListenResponse>,
    /// The target's state has been told in full once.
    current: bool,
    /// Everything is told anew: what is not among it is gone.
    all: bool,
    changes: Vec<Change>,
    bytes: usize,
    staged: bool,
    /// How many documents there are, as the server sometimes says.
    expected: Option<u64>,
    /// When the cursor was written last.
    noted: Option<Instant>,
}

impl Follower {
    /// Listens until all is here once, or for ever.
    pub(crate) async fn listen(&self) -> Result<(), Failure> {
        let (mut as_of, mut token) = match self.cursor().await? {
            Cursor::Following { as_of, token } if as_of.age(Time::now()) < STALE => (as_of, token),
            Cursor::Following { .. } => (self.align_and_note("the cache is old").await?, None),
            Cursor::Polling(_) => (self.align_and_note("the cache was kept by polling").await?, None),
            cursor @ (Cursor::Fresh | Cursor::Copying { .. }) => (self.copy(cursor).await?, None),
        };
        let mut lost = 0;
        loop {
            let why = match self.hear(as_of, token.take(), &mut lost).await {
                Ok(None) => return Ok(()),
                Ok(Some(why)) => why,
                Err(failure) if failure.kind == Kind::TooOld => failure.message,
                Err(failure) => return Err(failure),
            };
            lost += 1;
            if lost > 1 {
                self.observer
                    .tell(&Event::Warning("the server cannot say what changes, even after a comparison"));
                if self.settings.once && lost >= LOST_TOO_OFTEN {
                    return Err(Failure::new(Kind::Passing, format!("could not catch up: {why}")));
                }
                self.stop.sleep(LOST_PAUSE).await?;
            }
            as_of = self.align_and_note(&why).await?;
        }
    }

    async fn align_and_note(&self, why: &str) -> Result<Time, Failure> {
        let as_of = self.align(why, None, None).await?;
        self.apply(Vec::new(), Some(Cursor::Following { as_of, token: None })).await?;
        Ok(as_of)
    }

    /// Listens on one stream. Answers `None` when all is here and that was all that was wanted, or why the server
    /// cannot say what has changed.
    async fn hear(
        &self,
        as_of: Time,
        token: Option<Vec<u8>>,
        lost: &mut u32,
    ) -> Result<Option<String>, Failure> {
        self.keeper.with(|cache| cache.unstage()).await?;
        let request = self.target(as_of, token);
        let (sender, stream) = self.stop.or(self.client.listen(request)).await?;
        let mut hearing = Hearing {
            follower: self,
            root: self.client.source().root(),
            stream,
            current: false,
            all: false,
            changes: Vec::new(),
            bytes: 0,
            staged: false,
            expected: None,
            noted: None,
        };
        let heard = hearing.hear(lost).await;
        // The stream lives as long as somebody may still ask on it.
        drop(sender);
        heard
    }

    fn target(&self, as_of: Time, token: Option<Vec<u8>>) -> ListenRequest {
        let source = self.client.source();
        let query = QueryTarget {
            parent: source.parent(),
            query_type: Some(query_target::QueryType::StructuredQuery(source.query())),
        };
        let target = Target {
            target_id: TARGET,
            target_type: Some(TargetType::Query(query)),
            resume_type: Some(match token {
                Some(token) => ResumeType::ResumeToken(token.into()),
                None => ResumeType::ReadTime(as_of.to_wire()),
            }),
            ..Target::default()
        };
        ListenRequest {
            database: source.database_name(),
            target_change: Some(Asked::AddTarget(target)),
            ..ListenRequest::default()
        }
    }

    /// Compares how many documents there are at a time.
    async fn numbers_differ(&self, at: Time) -> Result<bool, Failure> {
        let held = self.keeper.with(|cache| Ok(cache.held())).await?;
        if held.evicted_until.is_some() {
            return Ok(false);
        }
        let (theirs, _) = self.stop.or(self.client.count(self.client.source().query(), Some(at))).await?;
        Ok(held.rows != theirs)
    }
}

impl Hearing<'_> {
    async fn hear(&mut self, lost: &mut u32) -> Result<Option<String>, Failure> {
        let (mut counted, mut scanned): (Option<Instant>, _) = (None, Instant::now());
        let settings = &self.follower.settings;
        loop {
            let message = self.next().await?;
            let as_of = match self.take(message).await? {
                Step::Nothing => continue,
                Step::Lost(why) => return Ok(Some(why)),
                Step::Boundary(as_of) => as_of,
            };
            self.follower.client.meters().as_of.store(as_of.0, Ordering::Relaxed);
            self.follower.observer.tell(&Event::Current { as_of });
            if counted.is_none_or(|at| at.elapsed() >= settings.count_every) {
                if self.follower.numbers_differ(as_of).await? {
                    return Ok(Some("the numbers differ".to_owned()));
                }
                counted = Some(Instant::now());
                *lost = 0;
            }
            if settings.once {
                return Ok(None);
            }
            if scanned.elapsed() >= settings.scan_every {
                self.follower.align("it is time to", Some(as_of), settings.scan_pace).await?;
                scanned = Instant::now();
            }
        }
    }

    async fn next(&mut self) -> Result<ListenResponse, Failure> {
        let client = &self.follower.client;
        let stream = &mut self.stream;
        let next =
            async { stream.message().await.map_err(|status| client.failure("could not listen", &status)) };
        match self.follower.stop.or(next).await? {
            Some(message) => Ok(message),
            None => Err(Failure::new(Kind::Passing, "the server ended the stream")),
        }
    }

    async fn take(&mut self, message: ListenResponse) -> Result<Step, Failure> {
        match message.response_type {
            Some(ResponseType::TargetChange(change)) => self.target_change(change).await,
            Some(ResponseType::DocumentChange(change)) => {
                if let Some(change) = self.document_change(change)? {
                    self.collect(change).await?;
                }
                Ok(Step::Nothing)
            }
            Some(ResponseType::DocumentDelete(gone)) => self.gone(&gone.document).await,
            Some(ResponseType::DocumentRemove(gone)) => self.gone(&gone.document).await,
            Some(ResponseType::Filter(filter)) => {
                self.expected = u64::try_from(filter.count).ok();
                Ok(Step::Nothing)
            }
            None => Ok(Step::Nothing),
        }
    }

    async fn gone(&mut self, name: &str) -> Result<Step, Failure> {
        let change = Change::Delete(name_below(name, &self.root)?.to_owned());
        self.collect(change).await?;
        Ok(Step::Nothing)
    }

    fn document_change(&self, change: DocumentChange) -> Result<Option<Change>, Failure> {
        let Some(document) = &change.document else { return Ok(None) };
        if change.target_ids.contains(&TARGET) {
            return Row::of(document, &self.root).map(|row| Some(Change::Set(row)));
        }
        match change.removed_target_ids.contains(&TARGET) {
            true => Ok(Some(Change::Delete(name_below(&document.name, &self.root)?.to_owned()))),
            false => Ok(None),
        }
    }

    /// Keeps a change until the boundary; many wait on disk.
    async fn collect(&mut self, change: Change) -> Result<(), Failure> {
        if let Change::Set(row) = &change {
            add(&self.follower.client.meters().documents_read, 1);
            self.bytes += row.size();
        }
        self.changes.push(change);
        if self.changes.len() >= BATCH || self.bytes >= BATCH_BYTES {
            let changes = std::mem::take(&mut self.changes);
            self.bytes = 0;
            self.staged = true;
            self.follower.keeper.with(move |cache| cache.stage(&changes)).await?;
        }
        Ok(())
    }

    async fn target_change(&mut self, change: TargetChange) -> Result<Step, Failure> {
        match change.target_change_type() {
            TargetChangeType::Add => Ok(Step::Nothing),
            TargetChangeType::Remove => self.removed(change),
            TargetChangeType::Current => {
                self.current = true;
                Ok(Step::Nothing)
            }
            TargetChangeType::Reset => {
                (self.changes, self.bytes, self.staged) = (Vec::new(), 0, false);
                (self.all, self.current) = (true, false);
                self.follower.keeper.with(|cache| cache.unstage()).await?;
                Ok(Step::Nothing)
            }
            TargetChangeType::NoChange => match (&change.read_time, change.target_ids.is_empty()) {
                (Some(time), true) if self.current => {
                    let as_of = Time::from_wire(time);
                    self.boundary(as_of, change.resume_token.to_vec()).await
                }
                _ => Ok(Step::Nothing),
            },
        }
    }

    /// The server has given the target up: for a reason that concerns the token, or for one that concerns us.
    fn removed(&self, change: TargetChange) -> Result<Step, Failure> {
        let Some(cause) = change.cause else {
            return Err(Failure::new(Kind::Passing, "the server has stopped listening, without a reason"));
        };
        let status = Status::new(Code::from(cause.code), cause.message);
        let failure = self.follower.client.failure("could not listen", &status);
        let token = status.message().contains("resume token");
        match failure.kind {
            Kind::TooOld => Ok(Step::Lost("the token is too old".to_owned())),
            Kind::Query if token => Ok(Step::Lost("the server does not know the token".to_owned())),
            _ => Err(failure),
        }
    }

    /// All that has come since the last boundary goes into the cache, with the token.
    async fn boundary(&mut self, as_of: Time, token: Vec<u8>) -> Result<Step, Failure> {
        let nothing = self.changes.is_empty() && !self.staged && !self.all;
        if nothing && self.noted.is_some_and(|at| at.elapsed() < NOTE_EVERY) {
            self.follower.progress();
        } else {
            let token = (!token.is_empty()).then_some(token);
            let cursor = Cursor::Following { as_of, token };
            let changes = std::mem::take(&mut self.changes);
            self.follower.keeper.apply_staged(changes, self.all, cursor).await?;
            self.follower.progress();
            (self.bytes, self.staged, self.all, self.noted) = (0, false, false, Some(Instant::now()));
        }
        let held = self.follower.keeper.with(|cache| Ok(cache.held())).await?;
        match self.expected.take() {
            Some(expected) if held.evicted_until.is_none() && held.rows != expected => {
                Ok(Step::Lost(format!("the server counts {expected} documents, and {} are here", held.rows)))
            }
            Some(_) | None => Ok(Step::Boundary(as_of)),
        }
    }
}
