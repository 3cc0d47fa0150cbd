//! Following: one strategy runs until it is done, told to stop, or fails; what passes is waited for.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::cache::{BATCH, BATCH_BYTES, Cache};
use crate::change::{Change, Row, name_below};
use crate::client::{Answer, Client};
use crate::comparison::{self, Plan};
use crate::cursor::Cursor;
use crate::failure::{Failure, Kind};
use crate::keeper::Keeper;
use crate::meters::{Meters, add};
use crate::retry::Backoff;
use crate::settings::{Differences, Event, Observer, Settings, Strategy};
use crate::stop::Stop;
use crate::taker::Taker;
use crate::time::Time;

/// Documents asked for at once. Production ends a query after a minute; this many come in less.
pub(crate) const PAGE: usize = 10_000;

/// A source being followed into a cache.
pub struct Follower {
    pub(crate) client: Client,
    pub(crate) keeper: Keeper,
    pub(crate) settings: Settings,
    pub(crate) observer: Observer,
    pub(crate) stop: Stop,
    backoff: Mutex<Backoff>,
    /// When all keys were compared last, or following began: streams and rounds that break off do not put it off.
    scanned: Mutex<Instant>,
}

/// Documents in the order of an answer.
pub(crate) struct Batch {
    /// Those that belong into the cache.
    pub(crate) rows: Vec<Row>,
    /// How many there were.
    pub(crate) read: usize,
    /// The name of the last; none at the end of the answer.
    pub(crate) last: Option<String>,
}

impl Follower {
    /// Brings together what following needs. The meters are the client's.
    ///
    /// # Errors
    ///
    /// The cache is another source's.
    pub fn new(
        client: Client,
        cache: Cache,
        taker: Option<Taker>,
        settings: Settings,
        observer: Observer,
        stop: Stop,
    ) -> Result<Follower, Failure> {
        if cache.source() != client.source() {
            let message = format!("the cache is one of `{}`, not of `{}`", cache.source(), client.source());
            return Err(Failure::new(Kind::Cache, message));
        }
        let keeper = Keeper::new(cache, taker, client.meters(), observer.clone());
        let backoff = Mutex::new(Backoff::new(settings.attempts));
        let scanned = Mutex::new(Instant::now());
        Ok(Follower { client, keeper, settings, observer, stop, backoff, scanned })
    }

    /// What has been done so far.
    pub fn meters(&self) -> Arc<Meters> {
        self.client.meters()
    }

    /// Follows until the end is asked for, or, with [`Settings::once`], until all is here.
    ///
    /// # Errors
    ///
    /// What cannot pass, or did not in the allowed number of attempts. The cache is good for going on from there.
    pub async fn run(&self) -> Result<(), Failure> {
        self.keeper.deliver().await?;
        loop {
            let done = match &self.settings.strategy {
                Strategy::Listen => self.listen().await,
                Strategy::Poll(poll) => self.poll(poll).await,
            };
            let paused = match done {
                Ok(()) => return Ok(()),
                Err(failure) => self.pause(failure).await,
            };
            match paused {
                Ok(()) => {}
                Err(failure) if failure.kind == Kind::Stopped && !self.settings.once => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn pause(&self, failure: Failure) -> Result<(), Failure> {
        let told = failure.clone();
        let pause = self.backoff.lock().expect("nobody panics while holding it").pause_after(failure)?;
        add(&self.client.meters().retries, 1);
        self.observer.tell(&Event::Pause { failure: &told, pause });
        self.stop.sleep(pause).await
    }

    /// The next failure is a first one.
    pub(crate) fn progress(&self) {
        self.backoff.lock().expect("nobody panics while holding it").progress();
    }

    pub(crate) async fn cursor(&self) -> Result<Cursor, Failure> {
        self.keeper.with(|cache| cache.cursor()).await
    }

    /// Applies a batch.
    pub(crate) async fn apply(&self, changes: Vec<Change>, cursor: Option<Cursor>) -> Result<(), Failure> {
        self.keeper.apply(changes, cursor).await?;
        self.progress();
        Ok(())
    }

    /// Up to a batch of documents; none at the end of the answer.
    pub(crate) async fn batch(&self, answer: &mut Answer) -> Result<Batch, Failure> {
        let root = self.client.source().root();
        let mut batch = Batch { rows: Vec::with_capacity(BATCH), read: 0, last: None };
        let mut bytes = 0;
        while batch.read < BATCH && bytes < BATCH_BYTES {
            let Some(document) = self.stop.or(answer.next(&self.client)).await? else { break };
            batch.read += 1;
            batch.last = Some(name_below(&document.name, &root)?.to_owned());
            if self.settings.strategy.admits(&document) {
                let row = Row::of(&document, &root)?;
                bytes += row.size();
                batch.rows.push(row);
            }
        }
        add(&self.client.meters().documents_read, batch.read);
        Ok(batch)
    }

    /// Compares all keys with the server's at a time, or at present, and makes the cache equal. Answers the time.
    pub(crate) async fn align(
        &self,
        why: &str,
        at: Option<Time>,
        pace: Option<u32>,
    ) -> Result<Time, Failure> {
        self.observer.tell(&Event::Comparing { why });
        let plan = Plan { at, pace, repair: true, all_keys: true, ..Plan::of(&self.settings.strategy) };
        let (differences, time) = self.compare(plan).await?;
        self.observer.tell(&Event::Compared(&differences));
        *self.scanned.lock().expect("nobody panics while holding it") = Instant::now();
        Ok(time)
    }

    /// True when it is time to compare all keys, whatever the numbers say.
    pub(crate) fn scan_is_due(&self) -> bool {
        self.scanned.lock().expect("nobody panics while holding it").elapsed() >= self.settings.scan_every
    }

    pub(crate) async fn compare(&self, plan: Plan) -> Result<(Differences, Time), Failure> {
        let compared =
            comparison::compare(&self.client, &self.keeper, &plan, &self.observer, &self.stop).await?;
        self.progress();
        Ok(compared)
    }
}
