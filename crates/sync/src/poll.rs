//! Polling: asking for what is new by a timestamp field, and being exact about it.
//!
//! ```text
//!             floor                    last
//!   ────────────┼────────────────────────┼───────────────▶  timestamp, and name among equals
//!    known      │ asked again, by key:   │ asked for whole
//!               │ what is late or changed│
//! ```
//! A document becomes visible a little after its timestamp was chosen. So a round looks back: `floor` is a margin
//! before the latest timestamp seen, and at least a margin before the time at which the last round began to read (a
//! writer whose clock is ahead must not hide what others write at the right time). Of what lies between the floor and
//! the latest seen only names and update times are asked for; what is new among them is then fetched.
//!
//! What comes later than the margin, and what is deleted, is found by comparing: numbers often, keys now and then.

use tokio::time::Instant;

use crate::cache::{BATCH, BATCH_BYTES};
use crate::change::{Change, Key, Row};
use crate::client::Answer;
use crate::comparison::fetch::{self, Fetching};
use crate::cursor::{Cursor, Polled};
use crate::failure::{Failure, Kind};
use crate::follow::{Follower, PAGE};
use crate::meters::add;
use crate::settings::{Event, Poll};
use crate::source::{Place, keys_only, timestamp_in};
use crate::time::Time;

impl Follower {
    /// Polls until all is here once, or for ever.
    pub(crate) async fn poll(&self, poll: &Poll) -> Result<(), Failure> {
        self.check_field(poll).await?;
        let (mut polled, of_one_time) = self.begin(poll).await?;
        if self.settings.once && of_one_time {
            return Ok(());
        }
        let mut counted = Instant::now();
        loop {
            let of_one_time = self.round(poll, &mut polled).await?;
            if self.settings.once && of_one_time {
                return Ok(());
            }
            if self.settings.once {
                self.align("to find deletions", None, None).await?;
                return Ok(());
            }
            if self.scan_is_due() {
                self.align("it is time to", None, self.settings.scan_pace).await?;
            } else if counted.elapsed() >= self.settings.count_every {
                self.compare_numbers(poll).await?;
                counted = Instant::now();
            }
            self.stop.sleep(poll.interval).await?;
        }
    }

    /// Where to go on from; copies first when nothing is here. Answers also whether the cache is now the state of one
    /// time, deletions included.
    async fn begin(&self, poll: &Poll) -> Result<(Polled, bool), Failure> {
        let (field, since) = (poll.field.clone(), poll.since);
        let from_the_beginning = Polled { field, since, last: None, safe: None, as_of: None };
        let (as_of, copied) = match self.cursor().await? {
            Cursor::Polling(polled) if polled.field == poll.field && polled.since == poll.since => {
                return Ok((polled, false));
            }
            // A part of the documents is only to be had in the order of time; and another part may be here.
            Cursor::Fresh | Cursor::Copying { .. } | Cursor::Following { .. } if poll.since > Time::MIN => {
                return Ok((from_the_beginning, false));
            }
            Cursor::Polling(_) => return Ok((from_the_beginning, false)),
            Cursor::Following { as_of, .. } => (as_of, false),
            Cursor::Fresh => (self.copy(Cursor::Fresh).await?, true),
            cursor @ Cursor::Copying { .. } => {
                let as_of = self.copy(cursor).await?;
                // It may have been begun as a listener's, which takes what lacks the field.
                self.compare_numbers(poll).await?;
                (as_of, true)
            }
        };
        // Who is ahead of the server's clock is read once more.
        let last = Some(Place { time: as_of, name: None });
        let polled = Polled { last, safe: Some(as_of), as_of: Some(as_of), ..from_the_beginning };
        self.apply(Vec::new(), Some(Cursor::Polling(polled.clone()))).await?;
        if copied {
            self.observer.tell(&Event::Current { as_of });
        }
        Ok((polled, copied))
    }

    /// One question for everything new. Answers whether the cache is now the state of one time, deletions included.
    async fn round(&self, poll: &Poll, polled: &mut Polled) -> Result<bool, Failure> {
        let first = polled.last.is_none();
        let began = match &polled.last {
            Some(last) => self.look_back(poll, polled, last).await?,
            None => self.begin_copy(poll).await?,
        };
        polled.safe = Some(began);
        // A first copy is read as of its beginning. A cache that another strategy has filled is not empty before it.
        let empty = first && self.keeper.with(|cache| Ok(cache.held().rows == 0)).await?;
        let mut at = first.then_some(began);
        loop {
            match self.look_ahead(poll, polled, at).await {
                Ok(true) => {}
                Ok(false) => break,
                // The copy takes longer than the server keeps the past.
                Err(failure) if failure.kind == Kind::TooOld && at.is_some() => at = None,
                Err(failure) => return Err(failure),
            }
        }
        polled.as_of = polled.safe;
        self.apply(Vec::new(), Some(Cursor::Polling(polled.clone()))).await?;
        self.observer.tell(&Event::Current { as_of: began });
        Ok(empty && at.is_some())
    }

    async fn begin_copy(&self, poll: &Poll) -> Result<Time, Failure> {
        let query = self.client.source().by_time(&poll.field, poll.since, None, None);
        let (total, now) = self.stop.or(self.client.count(query, None)).await?;
        self.observer.tell(&Event::CopyBegins { total });
        Ok(now)
    }

    /// Reads the keys between the floor and the latest seen, and fetches what is new among them. Answers the time of
    /// that reading.
    async fn look_back(&self, poll: &Poll, polled: &Polled, last: &Place) -> Result<Time, Failure> {
        let latest = polled.safe.map_or(last.time, |safe| safe.min(last.time));
        let floor = Place { time: latest.minus(poll.margin).max(poll.since), name: None };
        let query = self.client.source().by_time(&poll.field, poll.since, Some(&floor), Some(last));
        let mut answer = self.stop.or(self.client.run_query(keys_only(query, None), None)).await?;
        loop {
            let keys = self.keys(&mut answer).await?;
            let at = answer.read_time()?;
            if keys.is_empty() {
                return Ok(at);
            }
            let unknown = self.keeper.with(move |cache| cache.unknown(&keys)).await?;
            for names in unknown.chunks(fetch::AT_ONCE) {
                let mut fetching = Fetching::begin(&self.client, &self.stop, names, at).await?;
                while let Some(changes) = fetching.batch().await? {
                    self.apply(changes, None).await?;
                }
            }
        }
    }

    async fn keys(&self, answer: &mut Answer) -> Result<Vec<Key>, Failure> {
        let root = self.client.source().root();
        let mut keys = Vec::with_capacity(BATCH);
        while keys.len() < BATCH {
            let Some(document) = self.stop.or(answer.next(&self.client)).await? else { break };
            keys.push(Key::of(&document, &root)?);
        }
        add(&self.client.meters().keys_read, keys.len());
        Ok(keys)
    }

    /// Reads a page of what lies behind the latest seen, as of a time or now. Answers whether there may be more.
    async fn look_ahead(&self, poll: &Poll, polled: &mut Polled, at: Option<Time>) -> Result<bool, Failure> {
        let mut query = self.client.source().by_time(&poll.field, poll.since, polled.last.as_ref(), None);
        query.limit = Some(i32::try_from(PAGE).expect("a page is small"));
        let mut answer = self.stop.or(self.client.run_query(query, at)).await?;
        let mut count = 0;
        let (mut rows, mut last) = self.placed(poll, &mut answer).await?;
        while let Some(place) = last {
            count += rows.len();
            polled.last = Some(place);
            let cursor = Cursor::Polling(polled.clone());
            let changes = rows.into_iter().map(Change::Set).collect();
            let (applied, next) =
                tokio::join!(self.apply(changes, Some(cursor)), self.placed(poll, &mut answer));
            applied?;
            (rows, last) = next?;
        }
        Ok(count == PAGE)
    }

    /// Up to a batch of documents, and the place of the last.
    async fn placed(&self, poll: &Poll, answer: &mut Answer) -> Result<(Vec<Row>, Option<Place>), Failure> {
        let root = self.client.source().root();
        let (mut rows, mut bytes, mut last) = (Vec::with_capacity(BATCH), 0, None);
        while rows.len() < BATCH && bytes < BATCH_BYTES {
            let Some(document) = self.stop.or(answer.next(&self.client)).await? else { break };
            let row = Row::of(&document, &root)?;
            let time = timestamp_in(&document.fields, &poll.field).ok_or_else(|| {
                let message =
                    format!("{} has no timestamp in `{}`, and was found by it", row.name, poll.field);
                Failure::new(Kind::Field, message)
            })?;
            last = Some(Place { time, name: Some(row.name.clone()) });
            bytes += row.size();
            rows.push(row);
        }
        add(&self.client.meters().documents_read, rows.len());
        Ok((rows, last))
    }

    /// A document without a timestamp in the field would never be seen: better to say so at the beginning.
    async fn check_field(&self, poll: &Poll) -> Result<(), Failure> {
        let Some(lacking) = self.lacking_field(poll).await? else { return Ok(()) };
        let example = self.example_of_another_type(poll).await?;
        let message = format!(
            "{lacking} documents have no timestamp in `{}`{example}; polling by it would never see them: use \
             --strategy listen or another --field, or leave them out with --some-lack-field",
            poll.field
        );
        if poll.some_lack_field {
            self.observer.tell(&Event::Warning(&message));
            return Ok(());
        }
        Err(Failure::new(Kind::Field, message))
    }

    /// How many documents have no timestamp in the field; `None` when all have one.
    async fn lacking_field(&self, poll: &Poll) -> Result<Option<u64>, Failure> {
        let source = self.client.source();
        let (all, at) = self.stop.or(self.client.count(source.query(), None)).await?;
        let with = source.by_time(&poll.field, Time::MIN, None, None);
        let (with, _) = self.stop.or(self.client.count(with, Some(at))).await?;
        Ok(all.checked_sub(with).filter(|lacking| *lacking > 0))
    }

    /// The first or last in the order of the field, if its type is another; what lacks the field has no place there.
    async fn example_of_another_type(&self, poll: &Poll) -> Result<String, Failure> {
        for descending in [false, true] {
            let query = self.client.source().edge(&poll.field, descending);
            let mut answer = self.stop.or(self.client.run_query(query, None)).await?;
            let Some(document) = self.stop.or(answer.next(&self.client)).await? else { continue };
            if timestamp_in(&document.fields, &poll.field).is_none() {
                let row = Row::of(&document, &self.client.source().root())?;
                return Ok(format!(", for example {}, where it is of another type", row.name));
            }
        }
        Ok(String::new())
    }

    /// Compares how many documents there are, and the keys when the numbers differ.
    async fn compare_numbers(&self, poll: &Poll) -> Result<(), Failure> {
        let query = self.client.source().by_time(&poll.field, poll.since, None, None);
        let (theirs, _) = self.stop.or(self.client.count(query, None)).await?;
        let held = self.keeper.with(|cache| Ok(cache.held())).await?;
        if held.evicted_until.is_none() && held.rows != theirs {
            self.align("the numbers differ", None, self.settings.scan_pace).await?;
        }
        if !poll.some_lack_field
            && let Some(lacking) = self.lacking_field(poll).await?
        {
            let message =
                format!("{lacking} documents have no timestamp in `{}`: they are not here", poll.field);
            self.observer.tell(&Event::Warning(&message));
        }
        Ok(())
    }
}
