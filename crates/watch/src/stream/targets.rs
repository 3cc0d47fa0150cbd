//! The targets of one stream.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Code, DatabaseName, Status, Timestamp};

use crate::mailbox::Slot;
use crate::right::Right;
use crate::stream::telling::Entry;
use crate::target::{MAX_TARGET_DOCUMENTS, MAX_TARGETS, Resume, Target, TargetKind};
use crate::token;
use crate::view::{Wanted, Watched};

/// In the order they were added.
#[derive(Default)]
pub(super) struct Targets {
    list: Vec<Active>,
    ids: Ids,
    last_slot: Slot,
}

/// A target that is, or waits to be.
pub(super) struct Active {
    pub slot: Slot,
    pub id: i32,
    wanted: Wanted,
    once: bool,
    right: Option<Arc<dyn Right>>,
    /// What leaves it is not shown.
    discreet: bool,
    progress: Progress,
}

enum Progress {
    /// Nothing has been done for it.
    Waiting(Box<Begin>),
    /// The hub leaves in the mailbox what concerns it.
    Joined,
}

/// How a target is to begin.
struct Begin {
    since: Option<Timestamp>,
    expected: Option<i32>,
}

/// Who chooses the ids of targets.
#[derive(Default)]
enum Ids {
    #[default]
    Open,
    Client,
    /// The server; the last one it chose.
    Server(i32),
}

impl Targets {
    /// The id of a target to be added: the client's, or the next.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for ids that no client uses.
    pub fn choose_id(&mut self, id: i32) -> Result<i32, Status> {
        self.ids.choose(id)
    }

    pub fn has_id(&self, id: i32) -> bool {
        self.list.iter().any(|target| target.id == id)
    }

    /// Adds a target whose id has been chosen; it waits.
    ///
    /// # Errors
    /// Why the target cannot be.
    pub fn add(
        &mut self,
        database: &DatabaseName,
        id: i32,
        target: Target,
        right: Option<Arc<dyn Right>>,
    ) -> Result<(), Status> {
        if self.list.len() >= MAX_TARGETS {
            let text = format!("A stream can have at most {MAX_TARGETS} targets.");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        let wanted = wanted(database, target.what)?;
        let since = target.resume.map_or(Ok(None), since)?;
        let begin = Begin { since, expected: target.expected_count };
        self.last_slot += 1;
        let (slot, progress) = (self.last_slot, Progress::Waiting(Box::new(begin)));
        let once = target.once;
        self.list.push(Active { slot, id, wanted, once, right, discreet: false, progress });
        Ok(())
    }

    /// Takes out the targets that `which` names.
    pub fn remove(&mut self, which: impl Fn(&Active) -> bool) -> Vec<Active> {
        self.list.extract_if(.., |target| which(target)).collect()
    }

    /// The id of a target that still is.
    pub fn id_of(&self, slot: Slot) -> Option<i32> {
        self.list.iter().find(|target| target.slot == slot).map(|target| target.id)
    }

    pub fn has_joined(&self) -> bool {
        self.list.iter().any(Active::is_joined)
    }

    pub fn has_waiting(&self) -> bool {
        self.list.iter().any(|target| !target.is_joined())
    }

    /// The first that waits.
    pub fn next_waiting(&self) -> Option<Entry> {
        self.list.iter().find_map(|target| match &target.progress {
            Progress::Joined => None,
            Progress::Waiting(begin) => {
                let (since, expected) = (begin.since, begin.expected);
                Some(target.entry(since, expected))
            }
        })
    }

    /// True when a target of that id has not been told of yet.
    pub fn is_waiting(&self, id: i32) -> bool {
        self.list.iter().any(|target| target.id == id && !target.is_joined())
    }

    /// Those that have joined, to be told what happened since that time.
    pub fn joined(&self, since: Option<Timestamp>) -> Vec<Entry> {
        self.list.iter().filter(|target| target.is_joined()).map(|target| target.entry(since, None)).collect()
    }

    /// The rights of those that have joined.
    pub fn rights(&self) -> HashMap<Slot, Arc<dyn Right>> {
        let joined = self.list.iter().filter(|target| target.is_joined());
        joined.filter_map(|target| Some((target.slot, target.right.clone()?))).collect()
    }

    /// True when what leaves that target is not shown.
    pub fn is_discreet(&self, slot: Slot) -> bool {
        self.list.iter().any(|target| target.slot == slot && target.discreet)
    }

    pub fn set_discreet(&mut self, slot: Slot, discreet: bool) {
        let target = self.list.iter_mut().find(|target| target.slot == slot);
        target.into_iter().for_each(|target| target.discreet = discreet);
    }

    /// Notes that a target has joined, with what it watches, shared with others; false when it is no more.
    pub fn join(&mut self, slot: Slot, wanted: Wanted) -> bool {
        let Some(target) = self.list.iter_mut().find(|target| target.slot == slot) else { return false };
        target.wanted = wanted;
        target.progress = Progress::Joined;
        true
    }
}

impl Active {
    fn entry(&self, since: Option<Timestamp>, expected: Option<i32>) -> Entry {
        let Active { slot, id, .. } = *self;
        let (wanted, right) = (self.wanted.clone(), self.right.clone());
        Entry { slot, id, wanted, since, expected, right, discreet: false }
    }

    pub fn is_joined(&self) -> bool {
        matches!(self.progress, Progress::Joined)
    }

    /// True when it was to be answered once.
    pub fn is_single(&self) -> bool {
        self.once
    }
}

impl Ids {
    /// The id of a new target.
    fn choose(&mut self, id: i32) -> Result<i32, Status> {
        match (&*self, id) {
            (_, ..0) => Err(Status::invalid_argument(format!("Target ID {id} is negative."))),
            (Ids::Open | Ids::Client, 1..) => {
                *self = Ids::Client;
                Ok(id)
            }
            (Ids::Open, 0) => {
                *self = Ids::Server(1);
                Ok(1)
            }
            (Ids::Server(last), 0) => {
                let next =
                    last.checked_add(1).ok_or_else(|| Status::invalid_argument("Too many targets."))?;
                *self = Ids::Server(next);
                Ok(next)
            }
            (Ids::Client, 0) | (Ids::Server(_), 1..) => Err(Status::invalid_argument(
                "A stream's target IDs are chosen either by the client or by the server, not by both.",
            )),
        }
    }
}

fn wanted(database: &DatabaseName, what: TargetKind) -> Result<Wanted, Status> {
    match what {
        TargetKind::Query(query) => {
            Ok(Wanted::Query(Watched::new(query::prepare(&query, database)?.matcher()?)))
        }
        TargetKind::Documents(mut paths) => {
            if paths.len() > MAX_TARGET_DOCUMENTS {
                let text = format!("A target can name at most {MAX_TARGET_DOCUMENTS} documents.");
                return Err(Status::invalid_argument(text));
            }
            paths.sort_unstable();
            paths.dedup();
            Ok(Wanted::Documents(paths.into()))
        }
        TargetKind::Refused(cause) => Err(cause),
    }
}

/// The time whose state a client has.
fn since(resume: Resume) -> Result<Option<Timestamp>, Status> {
    match resume {
        Resume::Token(token) if token.is_empty() => Ok(None),
        Resume::Token(token) => token::read(&token).map(Some),
        Resume::ReadTime(time) => Ok(Some(time)),
    }
}
