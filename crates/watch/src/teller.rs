//! Tells one target what it needs to know at one time, in parts of bounded size.
//!
//! | what the client has | how |
//! |---|---|
//! | nothing | the whole result |
//! | the state at T, of a query without a limit | what the change log names since T, before and after |
//! | the state at T, of another query, or there are many commits since | the result at T against the result now |
//! | the state at T, of documents | each document at T and now |
//! | a state that cannot be read any more | RESET, then the whole result |

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::vec;

use database::{Database, View};
use model::{Document, DocumentPath, Status, Timestamp};
use query::{Execution, Matcher};

use crate::bloom::bloom;
use crate::event::{Bloom, ChangedDocument};
use crate::hubs::Options;
use crate::log::{FEW_COMMITS, MANY_COMMITS, changed_between, view_of_the_past};
use crate::mailbox::Item;
use crate::view::{Wanted, Watched};

/// Documents looked at in one part, and bytes of documents after which a part ends.
const PART_DOCUMENTS: usize = 256;
const PART_BYTES: usize = 256 * 1024;
/// Documents of an earlier result that are kept to compare with; beyond, everything is told anew.
const MAX_COMPARED: usize = 20_000;
/// Names in a filter; beyond, only their count is told.
const MAX_FILTERED: usize = 200_000;

/// See the module.
pub(crate) struct Teller {
    wanted: Wanted,
    options: Options,
    now: View,
    way: Way,
    tally: Tally,
    /// What the client has must be forgotten first.
    pub reset: bool,
}

/// How the rest is told.
enum Way {
    /// Every result, except those that the client has in the same version.
    Results {
        rows: Box<Execution>,
        had: HashMap<DocumentPath, Timestamp>,
    },
    /// What the client has and the result no longer does.
    Rest(vec::IntoIter<DocumentPath>),
    /// These documents, before and after.
    Changes {
        paths: vec::IntoIter<DocumentPath>,
        before: View,
    },
    /// Documents by name: all, or with a view of the past those that changed.
    Documents {
        next: usize,
        before: Option<View>,
    },
    Done,
}

#[derive(Default)]
struct Tally {
    entered: i64,
    left: i64,
}

/// A part of what is told.
pub(crate) struct Part {
    pub items: Vec<Item>,
    pub last: bool,
}

impl Teller {
    /// Prepares to tell a target the state at `time`, to a client that has the state at `since`. Blocks.
    /// `cancelled` ends the reading.
    ///
    /// # Errors
    /// FAILED_PRECONDITION for a missing index, and what reading answers.
    pub fn new(
        database: &Database,
        wanted: Wanted,
        options: Options,
        time: Timestamp,
        since: Option<Timestamp>,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, Status> {
        let now = database.view_at(time)?.cancelled_by(cancelled.clone());
        let past = since.filter(|since| *since <= time);
        let before = past.and_then(|since| view_of_the_past(database, since));
        let before = before.map(|before| before.cancelled_by(cancelled));
        let reset = since.is_some() && before.is_none();
        let way = Way::Done;
        let mut teller = Teller { wanted, options, now, way, tally: Tally::default(), reset };
        teller.way = match teller.wanted.clone() {
            Wanted::Documents(_) => Way::Documents { next: 0, before },
            Wanted::Query(watched) => teller.way_of_query(database, &watched, before)?,
        };
        Ok(teller)
    }

    fn way_of_query(
        &mut self,
        database: &Database,
        watched: &Watched,
        before: Option<View>,
    ) -> Result<Way, Status> {
        let rows = Box::new(self.run(&watched.matcher, &self.now)?);
        let mut had = HashMap::new();
        if let Some(before) = before {
            if let Some(paths) = self.changed(database, watched, &before, FEW_COMMITS)? {
                return Ok(Way::Changes { paths, before });
            }
            match self.versions(&watched.matcher, &before)? {
                Some(versions) => had = versions,
                None => match self.changed(database, watched, &before, MANY_COMMITS)? {
                    Some(paths) => return Ok(Way::Changes { paths, before }),
                    None => self.reset = true,
                },
            }
        }
        Ok(Way::Results { rows, had })
    }

    /// What the log says has changed, if that is all there is to know and it is not too much.
    fn changed(
        &self,
        database: &Database,
        watched: &Watched,
        before: &View,
        commits: usize,
    ) -> Result<Option<vec::IntoIter<DocumentPath>>, Status> {
        if watched.is_window() {
            return Ok(None);
        }
        let covers = |path: &_| watched.matcher.covers(path);
        let (after, until) = (before.read_time(), self.now.read_time());
        let paths = changed_between(database, after, until, commits, covers)?;
        Ok(paths.map(Vec::into_iter))
    }

    fn run(&self, matcher: &Matcher, view: &View) -> Result<Execution, Status> {
        let plan = matcher.plan(view, self.options.missing_index)?;
        if let Some(index) = plan.suggested() {
            (self.options.suggest)(view.database(), index);
        }
        Ok(plan.execute(view))
    }

    /// The result at an earlier time; None when it is too large or cannot be had any more.
    fn versions(
        &self,
        matcher: &Matcher,
        before: &View,
    ) -> Result<Option<HashMap<DocumentPath, Timestamp>>, Status> {
        let Ok(plan) = matcher.plan(before, self.options.missing_index) else { return Ok(None) };
        let mut rows = plan.execute(before);
        let mut versions = HashMap::new();
        while let Some(document) = rows.next()? {
            if versions.len() == MAX_COMPARED {
                return Ok(None);
            }
            versions.insert(document.path, document.update_time);
        }
        Ok(Some(versions))
    }

    /// The next part. Blocks.
    ///
    /// # Errors
    /// What reading answers.
    pub fn next(&mut self) -> Result<Part, Status> {
        let mut items = Vec::new();
        let mut bytes = 0;
        for _ in 0..PART_DOCUMENTS {
            if bytes >= PART_BYTES || matches!(self.way, Way::Done) {
                break;
            }
            let Some(item) = self.step()? else { continue };
            if let Item::Upsert(document) | Item::Left(document) = &item {
                bytes += document.document().body.len() + document.document().path.as_str().len();
            }
            items.push(item);
        }
        Ok(Part { items, last: matches!(self.way, Way::Done) })
    }

    /// Looks at one document.
    fn step(&mut self) -> Result<Option<Item>, Status> {
        match &mut self.way {
            Way::Results { rows, had } => {
                let Some(document) = rows.next()? else {
                    let mut rest: Vec<_> = std::mem::take(had).into_keys().collect();
                    rest.sort_unstable();
                    self.way = Way::Rest(rest.into_iter());
                    return Ok(None);
                };
                match had.remove(&document.path) {
                    Some(version) if version == document.update_time => return Ok(None),
                    Some(_) => {}
                    None => self.tally.entered += 1,
                }
                Ok(Some(Item::Upsert(ChangedDocument::new(document))))
            }
            Way::Rest(rest) => {
                let Some(path) = rest.next() else {
                    self.way = Way::Done;
                    return Ok(None);
                };
                self.tally.left += 1;
                let exists = self.now.get(&path)?.is_some();
                Ok(Some(if exists { Item::Removed(path) } else { Item::Deleted(path) }))
            }
            Way::Changes { paths, before } => {
                let Some(path) = paths.next() else {
                    self.way = Way::Done;
                    return Ok(None);
                };
                let (old, new) = (before.get(&path)?, self.now.get(&path)?);
                self.compared(path, old, new)
            }
            Way::Documents { next, before } => {
                let Wanted::Documents(paths) = &self.wanted else {
                    return Err(Status::internal("documents are told to a target of documents"));
                };
                let Some(path) = paths.get(*next) else {
                    self.way = Way::Done;
                    return Ok(None);
                };
                *next += 1;
                let new = self.now.get(path)?;
                let Some(before) = before else {
                    return Ok(Some(upsert_or_delete(path, new)));
                };
                let old = before.get(path)?;
                if version(&old) == version(&new) {
                    return Ok(None);
                }
                self.tally.add(old.is_some(), new.is_some());
                Ok(Some(upsert_or_delete(path, new)))
            }
            Way::Done => Ok(None),
        }
    }

    /// What became of a document in a query without a limit.
    fn compared(
        &mut self,
        path: DocumentPath,
        old: Option<Document>,
        new: Option<Document>,
    ) -> Result<Option<Item>, Status> {
        let Wanted::Query(watched) = &self.wanted else {
            return Err(Status::internal("a change log is told to a target of a query"));
        };
        if version(&old) == version(&new) {
            return Ok(None);
        }
        let matches = |document: &Option<Document>| match document {
            Some(document) => watched.matcher.place(document).map(|place| place.is_some()),
            None => Ok(false),
        };
        let (was, is) = (matches(&old)?, matches(&new)?);
        self.tally.add(was, is);
        Ok(match new {
            Some(new) if is => Some(Item::Upsert(ChangedDocument::new(watched.matcher.project(new)?))),
            Some(new) if was => Some(Item::Left(ChangedDocument::new(watched.matcher.project(new)?))),
            None if was => Some(Item::Deleted(path)),
            Some(_) | None => None,
        })
    }

    /// After the last part: the count and the names of the target's documents, if a client that had
    /// `expected` of them cannot have all right now. Blocks.
    ///
    /// # Errors
    /// What reading answers.
    pub fn filter(&self, expected: i32) -> Result<Option<(i32, Option<Bloom>)>, Status> {
        if self.reset {
            return Ok(None);
        }
        let has = i64::from(expected) + self.tally.entered - self.tally.left;
        let count = match &self.wanted {
            Wanted::Query(watched) => watched.matcher.count(&self.now, self.options.missing_index)?,
            Wanted::Documents(_) => self.names()?.len() as u64,
        };
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        if i64::from(count) == has {
            return Ok(None);
        }
        let few = usize::try_from(count).is_ok_and(|count| count <= MAX_FILTERED);
        let names = if few { Some(bloom(self.now.database(), &self.names()?)) } else { None };
        Ok(Some((count, names)))
    }

    /// The documents that the target has.
    fn names(&self) -> Result<Vec<DocumentPath>, Status> {
        let mut names = Vec::new();
        match &self.wanted {
            Wanted::Documents(paths) => {
                for path in paths.iter() {
                    names.extend(self.now.get(path)?.map(|document| document.path));
                }
            }
            Wanted::Query(watched) => {
                let mut rows =
                    watched.matcher.plan(&self.now, self.options.missing_index)?.execute(&self.now);
                while let Some(document) = rows.next()? {
                    names.push(document.path);
                }
            }
        }
        Ok(names)
    }
}

impl Tally {
    fn add(&mut self, was: bool, is: bool) {
        self.entered += i64::from(is && !was);
        self.left += i64::from(was && !is);
    }
}

fn version(document: &Option<Document>) -> Option<Timestamp> {
    document.as_ref().map(|document| document.update_time)
}

fn upsert_or_delete(path: &DocumentPath, document: Option<Document>) -> Item {
    document
        .map_or_else(|| Item::Deleted(path.clone()), |document| Item::Upsert(ChangedDocument::new(document)))
}
