//! One stream of a listener.
//!
//! What the server tells is collected until it closes it with a boundary: only then is it the state of one time, and
//! goes into the cache in one transaction with the token. Before the target is current nothing does. A reset makes
//! void what came before it since the last boundary; after it everything is told anew, and what is not among it is gone.
//!
//! An existence filter says how many documents there are at its place in the stream. When that is not what is here with
//! all that was told so far, the names that it may carry find those that are gone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::listen_response::ResponseType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::target_change::TargetChangeType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    DocumentChange, ExistenceFilter, ListenResponse, TargetChange,
};
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

use crate::bloom::Bloom;
use crate::cache::{BATCH, BATCH_BYTES, Reconciled};
use crate::change::{Change, Row, name_below};
use crate::client::ANSWER_LIMIT;
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::follow::Follower;
use crate::meters::add;
use crate::settings::Event;
use crate::time::Time;

/// The one target of the stream.
pub(crate) const TARGET: i32 = 1;
/// A boundary without changes is written down so often, to keep the token young.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// A stream that has told everything, and on which nothing comes for so long, is opened again: perhaps nobody is there
/// any more, and in any case its token grows old. Production sends a boundary each minute.
const SILENCE_LIMIT: Duration = Duration::from_secs(5 * 60);

/// After so long a stream has proved that the server can say what changes. One boundary with the right number proves
/// little: a filter behind it may say otherwise, on each stream anew.
const PROVED: Duration = Duration::from_secs(5 * 60);

/// How a stream has ended, if it did not fail.
pub(crate) enum Heard {
    /// All is here, and that was all that was wanted.
    All,
    /// Nothing came for long.
    Silence,
    /// The server cannot say what has changed, and why.
    Lost(String),
}

/// What a message has led to.
enum Step {
    Nothing,
    /// The cache is the state of this time.
    Boundary(Time),
    Lost(String),
}

/// See the module.
pub(crate) struct Hearing<'a> {
    follower: &'a Follower,
    root: String,
    stream: Streaming<ListenResponse>,
    /// The target's state has been told in full once.
    current: bool,
    /// Everything is told anew: what is not among it is gone.
    all: bool,
    /// What has come since the last boundary, and is not put aside yet.
    changes: Vec<Change>,
    bytes: usize,
    staged: bool,
    /// When the numbers were found equal last.
    counted: Option<Instant>,
    /// When the cursor was written last.
    noted: Option<Instant>,
}

impl<'a> Hearing<'a> {
    pub(crate) fn new(follower: &'a Follower, stream: Streaming<ListenResponse>) -> Hearing<'a> {
        Hearing {
            follower,
            root: follower.client.source().root(),
            stream,
            current: false,
            all: false,
            changes: Vec::new(),
            bytes: 0,
            staged: false,
            counted: None,
            noted: None,
        }
    }

    /// Listens until there is a reason to end. `lost` becomes 0 when the server has been right for
    /// long.
    pub(crate) async fn hear(mut self, lost: &mut u32) -> Result<Heard, Failure> {
        let settings = &self.follower.settings;
        let began = Instant::now();
        loop {
            let Some(message) = self.next().await? else { return Ok(Heard::Silence) };
            let as_of = match self.take(message).await? {
                Step::Nothing => continue,
                Step::Lost(why) => return Ok(Heard::Lost(why)),
                Step::Boundary(as_of) => as_of,
            };
            self.follower.client.meters().as_of.store(as_of.0, Ordering::Relaxed);
            self.follower.observer.tell(&Event::Current { as_of });
            if self.counted.is_none_or(|at| at.elapsed() >= settings.count_every) {
                if self.follower.numbers_differ(as_of).await? {
                    return Ok(Heard::Lost("the numbers differ".to_owned()));
                }
                self.counted = Some(Instant::now());
            }
            if began.elapsed() >= PROVED {
                *lost = 0;
            }
            if settings.once {
                return Ok(Heard::All);
            }
            if self.follower.scan_is_due() {
                self.follower.align("it is time to", Some(as_of), settings.scan_pace).await?;
            }
        }
    }

    /// The next message; none when a stream that has told everything once has been silent for long.
    async fn next(&mut self) -> Result<Option<ListenResponse>, Failure> {
        let told = self.current && self.noted.is_some();
        let limit = if told { SILENCE_LIMIT } else { ANSWER_LIMIT };
        let next = tokio::time::timeout(limit, self.stream.message());
        let next = self.follower.stop.or(async { Ok(next.await) }).await?;
        match next {
            Ok(Ok(Some(message))) => Ok(Some(message)),
            Ok(Ok(None)) => Err(Failure::new(Kind::Passing, "the server ended the stream")),
            Ok(Err(status)) => Err(self.follower.client.failure("could not listen", &status)),
            Err(_) if told => Ok(None),
            Err(_) => Err(Failure::too_slow("could not listen", limit)),
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
            Some(ResponseType::Filter(filter)) => self.filter(filter).await,
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
            self.put_aside().await?;
        }
        Ok(())
    }

    async fn put_aside(&mut self) -> Result<(), Failure> {
        let changes = std::mem::take(&mut self.changes);
        self.bytes = 0;
        self.staged = true;
        self.follower.keeper.with(move |cache| cache.stage(&changes)).await
    }

    async fn filter(&mut self, filter: ExistenceFilter) -> Result<Step, Failure> {
        let Ok(expected) = u64::try_from(filter.count) else { return Ok(Step::Nothing) };
        self.put_aside().await?;
        let names = filter.unchanged_names.as_ref().and_then(Bloom::of);
        let (root, all) = (self.root.clone(), self.all);
        let passes = move |name: &str| names.as_ref().is_none_or(|names| names.passes(&[&root, name]));
        match self.follower.keeper.with(move |cache| cache.reconcile(expected, passes, all)).await? {
            Reconciled::Bounded => {}
            Reconciled::Equal => self.counted = Some(Instant::now()),
            Reconciled::Differs { here } => {
                return Ok(Step::Lost(format!(
                    "the server counts {expected} documents, and {here} are here"
                )));
            }
        }
        Ok(Step::Nothing)
    }

    async fn target_change(&mut self, change: TargetChange) -> Result<Step, Failure> {
        match change.target_change_type() {
            TargetChangeType::Add | TargetChangeType::NoChange => {}
            TargetChangeType::Remove => return Err(self.removed(change)),
            TargetChangeType::Current => self.current = true,
            TargetChangeType::Reset => {
                (self.changes, self.bytes, self.staged) = (Vec::new(), 0, false);
                (self.all, self.current, self.counted) = (true, false, None);
                self.follower.keeper.with(|cache| cache.unstage()).await?;
            }
        }
        // Only what is said of all targets closes a state; a target's own time and token may be ahead of what was told.
        match (&change.read_time, change.target_ids.is_empty()) {
            (Some(time), true) if self.current => {
                self.boundary(Time::from_wire(time), change.resume_token.to_vec()).await
            }
            _ => Ok(Step::Nothing),
        }
    }

    /// The server has given the target up: for a reason that concerns the token, or for one that concerns us.
    fn removed(&self, change: TargetChange) -> Failure {
        match change.cause {
            Some(cause) => {
                let status = Status::new(Code::from(cause.code), cause.message);
                self.follower.client.failure("could not listen", &status)
            }
            None => Failure::new(Kind::Passing, "the server has stopped listening, without a reason"),
        }
    }

    /// All that has come since the last boundary goes into the cache, with the token.
    async fn boundary(&mut self, as_of: Time, token: Vec<u8>) -> Result<Step, Failure> {
        let nothing = self.changes.is_empty() && !self.staged && !self.all;
        if !nothing || self.noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY) {
            let token = (!token.is_empty()).then_some(token);
            let cursor = Cursor::Following { as_of, token };
            let changes = std::mem::take(&mut self.changes);
            self.follower.keeper.apply_staged(changes, self.all, cursor).await?;
            (self.bytes, self.staged, self.all, self.noted) = (0, false, false, Some(Instant::now()));
        }
        self.follower.progress();
        Ok(Step::Boundary(as_of))
    }
}
