//! Comparing the cache with the server, stretch of names by stretch: numbers first, then checksums over names and
//! update times, then the documents themselves, and each step only where the one before found a difference.
//!
//! The server cannot make checksums, so for the second step its keys are read (a name and its times, no fields).

pub(crate) mod fetch;

use self::fetch::Fetching;
use crate::cache::{BATCH, Checksum};
use crate::change::{Change, Key};
use crate::client::{Answer, Client};
use crate::failure::{Failure, Kind};
use crate::follow::PAGE;
use crate::keeper::Keeper;
use crate::meters::add;
use crate::settings::{Difference, Differences, Event, Observer, Strategy};
use crate::source::{Stretch, keys_only, timestamp_in};
use crate::stop::Stop;
use crate::time::Time;

/// Rows of one stretch.
const STRETCH: u64 = 5_000;

/// What to compare, and what to do about differences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// As of when; the present without it.
    pub(crate) at: Option<Time>,
    /// What was written later than this is ahead of the cache, not missing in it.
    pub(crate) known_until: Option<Time>,
    /// Read the keys of stretches whose numbers are equal as well.
    pub(crate) all_keys: bool,
    pub(crate) repair: bool,
    /// Keys in a second.
    pub(crate) pace: Option<u32>,
    /// Only documents with a timestamp in a field, and not before a time, belong to the cache.
    pub(crate) eligible: Option<(String, Time)>,
}

impl Plan {
    /// What belongs to a cache under a strategy.
    pub(crate) fn of(strategy: &Strategy) -> Plan {
        let eligible = match strategy {
            Strategy::Listen => None,
            Strategy::Poll(poll) => Some((poll.field.clone(), poll.since)),
        };
        Plan { eligible, ..Plan::default() }
    }
}

/// Compares, and repairs if the plan says so. Answers what differed, and as of when it began.
pub(crate) async fn compare(
    client: &Client,
    keeper: &Keeper,
    plan: &Plan,
    observer: &Observer,
    stop: &Stop,
) -> Result<(Differences, Time), Failure> {
    let at = match plan.at {
        Some(at) => at,
        None => present(client, stop).await?,
    };
    add(&client.meters().comparisons, 1);
    let mut comparison =
        Comparison { client, keeper, plan, observer, stop, at, found: Differences::default() };
    let in_stretches = !client.source().is_group() && !keeper.with(|cache| cache.has_numeric_ids()).await?;
    let mut after = None;
    loop {
        let to = match in_stretches {
            true => {
                let from: Option<String> = after.clone();
                keeper.with(move |cache| cache.name_after(from.as_deref(), STRETCH)).await?
            }
            // The server's order is not that of the file: one stretch, which is everything.
            false => None,
        };
        let stretch = Stretch { after, to: to.clone() };
        match comparison.stretch(&stretch).await {
            Ok(()) => {}
            // It takes longer than the server keeps the past. What changes behind its back, others tell.
            Err(failure) if failure.kind == Kind::TooOld && plan.at.is_none() => {
                comparison.at = present(client, stop).await?;
                comparison.stretch(&stretch).await?;
            }
            Err(failure) => return Err(failure),
        }
        match to {
            Some(to) => after = Some(to),
            None => return Ok((comparison.found, at)),
        }
    }
}

/// A time that the server has just read at.
async fn present(client: &Client, stop: &Stop) -> Result<Time, Failure> {
    Ok(stop.or(client.count(client.source().query(), None)).await?.1)
}

/// One under way.
struct Comparison<'a> {
    client: &'a Client,
    keeper: &'a Keeper,
    plan: &'a Plan,
    observer: &'a Observer,
    stop: &'a Stop,
    at: Time,
    found: Differences,
}

impl Comparison<'_> {
    async fn stretch(&mut self, stretch: &Stretch) -> Result<(), Failure> {
        self.found.stretches += 1;
        let asked = stretch.clone();
        let local = self.keeper.with(move |cache| cache.local(&asked)).await?;
        if !self.plan.all_keys {
            let query = self.client.source().stretch(stretch);
            let (count, _) = self.stop.or(self.client.count(query, Some(self.at))).await?;
            if count == local.count {
                return Ok(());
            }
        }
        if self.read_keys(stretch).await? == local.checksum {
            return Ok(());
        }
        self.found.stretches_differing += 1;
        self.lacking().await?;
        self.surplus(stretch).await
    }

    /// Notes all keys of a stretch, and answers what they come to.
    async fn read_keys(&mut self, stretch: &Stretch) -> Result<Checksum, Failure> {
        self.keeper.with(|cache| cache.forget_seen()).await?;
        let mut checksum = Checksum::default();
        let mut after = stretch.after.clone();
        loop {
            let rest = Stretch { after: after.clone(), to: stretch.to.clone() };
            let field = self.plan.eligible.as_ref().map(|(field, _)| field.as_str());
            let mut query = keys_only(self.client.source().stretch(&rest), field);
            query.limit = Some(i32::try_from(PAGE).expect("a page is small"));
            let mut answer = self.stop.or(self.client.run_query(query, Some(self.at))).await?;
            let mut read = 0;
            while let Some((count, keys)) = self.batch(&mut answer, &mut after).await? {
                read += count;
                for key in &keys {
                    checksum.add(&key.name, key.update_time);
                }
                self.keeper.with(move |cache| cache.note_seen(&keys)).await?;
                self.keep_pace(count).await?;
            }
            if read < PAGE {
                return Ok(checksum);
            }
        }
    }

    /// Up to a batch of keys: how many came, and those of them that belong to the cache. `None` at the end.
    async fn batch(
        &mut self,
        answer: &mut Answer,
        after: &mut Option<String>,
    ) -> Result<Option<(usize, Vec<Key>)>, Failure> {
        let root = self.client.source().root();
        let mut keys = Vec::with_capacity(BATCH);
        let mut count = 0;
        while count < BATCH {
            let Some(document) = self.stop.or(answer.next(self.client)).await? else { break };
            count += 1;
            let key = Key::of(&document, &root)?;
            *after = Some(key.name.clone());
            let belongs = match &self.plan.eligible {
                None => true,
                Some((field, since)) => {
                    timestamp_in(&document.fields, field).is_some_and(|time| time >= *since)
                }
            };
            if belongs {
                keys.push(key);
            }
        }
        self.found.keys += count as u64;
        add(&self.client.meters().keys_read, count);
        Ok((count > 0).then_some((count, keys)))
    }

    async fn keep_pace(&self, keys: usize) -> Result<(), Failure> {
        match self.plan.pace {
            Some(pace) if pace > 0 => {
                let seconds = keys as f64 / f64::from(pace);
                self.stop.sleep(std::time::Duration::from_secs_f64(seconds)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the server has and the cache has not, or in another version.
    async fn lacking(&mut self) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let lacking = self.keeper.with(move |cache| cache.lacking(&from, fetch::AT_ONCE)).await?;
            let Some((last, _)) = lacking.last() else { return Ok(()) };
            after.clone_from(&last.name);
            for (key, known) in &lacking {
                let ahead = self.plan.known_until.is_some_and(|until| key.update_time > until);
                let how = match (ahead, known) {
                    (true, _) => Difference::Ahead,
                    (false, true) => Difference::Stale,
                    (false, false) => Difference::Missing,
                };
                self.differs(how, &key.name);
            }
            if self.plan.repair {
                let names: Vec<_> = lacking.into_iter().map(|(key, _)| key.name).collect();
                let mut fetching = Fetching::begin(self.client, self.stop, &names, self.at).await?;
                while let Some(changes) = fetching.batch().await? {
                    self.repair(changes).await?;
                }
            }
        }
    }

    /// What the cache has and the server has not.
    async fn surplus(&mut self, stretch: &Stretch) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let (asked, from) = (stretch.clone(), after.clone());
            let surplus = self.keeper.with(move |cache| cache.surplus(&asked, &from, BATCH)).await?;
            let Some(last) = surplus.last() else { return Ok(()) };
            after.clone_from(last);
            for name in &surplus {
                self.differs(Difference::Extra, name);
            }
            if self.plan.repair {
                self.repair(surplus.into_iter().map(Change::Delete).collect()).await?;
            }
        }
    }

    fn differs(&mut self, how: Difference, name: &str) {
        match how {
            Difference::Missing => self.found.missing += 1,
            Difference::Extra => self.found.extra += 1,
            Difference::Stale => self.found.stale += 1,
            Difference::Ahead => self.found.ahead += 1,
        }
        self.observer.tell(&Event::Differs { how, name });
    }

    async fn repair(&mut self, changes: Vec<Change>) -> Result<(), Failure> {
        let applied = self.keeper.apply(changes, None).await?;
        self.found.repaired += (applied.set + applied.deleted) as u64;
        Ok(())
    }
}
