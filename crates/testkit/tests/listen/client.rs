//! A client that folds a stream as the web SDK does (`WatchChangeAggregator` and `RemoteStore`), and complains of
//! what no server should say.
//!
//! What a message says is pending until a boundary: a target change without ids and with a read time. Only then the
//! client shows it, and only that survives the end of a stream, with the token that came by then.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;

use bytes::Bytes;
use model::{Code, Document, DocumentPath, Status, Timestamp};

use crate::message::{Kind, Message};

pub type Documents = BTreeMap<DocumentPath, Document>;

/// What the client keeps of a target.
#[derive(Debug, Default)]
pub struct Target {
    /// As of the last boundary.
    pub shown: Documents,
    pub token: Option<Bytes>,
    /// The time of that boundary.
    pub as_of: Timestamp,
    /// It was complete at the last boundary, so `shown` must be what a query finds then.
    pub complete: bool,
    /// It names one document: a count of 0 says that this does not exist.
    pub single: bool,
    /// To be listened to anew without a token, because a filter did not fit.
    pub mismatched: bool,
    /// The server ends it by itself, once it was complete.
    pub once: bool,
    /// The client wants no more of it.
    pub over: bool,
    pending: Documents,
    pending_token: Option<Bytes>,
    current: bool,
    /// Requests that were not answered yet; until then messages about the target are of an earlier life.
    unanswered: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Client {
    pub targets: BTreeMap<i32, Target>,
    /// Of the last boundary that was shown, on any stream.
    pub shown_at: Timestamp,
    /// Of the last boundary of this stream.
    boundary: Timestamp,
    /// The newest version that came since.
    newest: Timestamp,
    pub counts: Counts,
}

/// What has happened, to see that a test meets everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub boundaries: usize,
    pub resets: usize,
    pub filters: usize,
    pub mismatches: usize,
    pub refusals: usize,
    pub removals: usize,
    pub deletions: usize,
}

/// What the client has to do after a message.
#[derive(Debug, PartialEq)]
pub enum Step {
    Nothing,
    /// Everything is as it was at this time.
    Boundary(Timestamp),
    /// The server refuses a target.
    Refused(i32, Status),
}

impl Client {
    /// The target was asked for on the present stream, with what the client knows of it.
    pub fn added(&mut self, id: i32, single: bool, once: bool) {
        let target = self.targets.entry(id).or_default();
        (target.single, target.once, target.over) = (single, once, false);
        target.unanswered += 1;
        target.current = false;
        target.pending = target.shown.clone();
        target.pending_token = None;
    }

    /// The server was told that the target is no longer wanted.
    pub fn removed(&mut self, id: i32) {
        let target = self.targets.get_mut(&id).expect("only known targets are removed");
        target.unanswered += 1;
        target.over = true;
    }

    /// The stream is gone, and with it whatever no boundary has made whole.
    pub fn disconnected(&mut self) {
        self.targets.retain(|_, target| !target.over);
        (self.boundary, self.newest) = (Timestamp::ZERO, Timestamp::ZERO);
        for target in self.targets.values_mut() {
            target.unanswered = 0;
            target.current = false;
            target.complete = false;
        }
    }

    /// A filter did not fit: forgets all of the target, which is to be asked for anew.
    pub fn start_over(&mut self, id: i32) {
        let target = self.targets.get_mut(&id).expect("only known targets are asked for anew");
        (target.mismatched, target.complete, target.token) = (false, false, None);
        target.shown.clear();
    }

    /// Forgets some documents, as if they had been lost from the cache; the token stays.
    pub fn lose(&mut self, id: i32, keep: impl Fn(&DocumentPath) -> bool) {
        // The SDK trusts a filter that counts one document of one.
        if let Some(target) = self.targets.get_mut(&id).filter(|target| !target.single) {
            target.shown.retain(|path, _| keep(path));
        }
    }

    /// True when nothing that was asked for is unanswered or incomplete.
    pub fn is_settled(&self) -> bool {
        self.targets.values().all(|target| target.unanswered == 0 && target.complete && !target.mismatched)
    }

    /// Takes one message.
    ///
    /// # Errors
    /// What a server must not say.
    pub fn receive(&mut self, message: Message) -> Result<Step, String> {
        match message {
            Message::Targets { kind, ids, cause, token, read_time } => {
                self.target_change(kind, &ids, cause, token, read_time)
            }
            Message::Changed { document, targets, removed } => self.changed(&document, &targets, &removed),
            Message::Gone { path, targets, deleted } => self.gone(&path, &targets, deleted),
            Message::Filter { target, count, names } => self.filter(
                target,
                count,
                names.as_ref().map(|names| move |path: &DocumentPath| names.may_hold(path)),
            ),
        }
    }

    fn target_change(
        &mut self,
        kind: Kind,
        ids: &[i32],
        cause: Option<Status>,
        token: Option<Bytes>,
        read_time: Option<Timestamp>,
    ) -> Result<Step, String> {
        if let (Kind::NoChange, [], Some(time)) = (kind, ids, read_time) {
            return self.boundary(time, token);
        }
        if kind != Kind::Remove && cause.is_some() {
            return Err(format!("{kind:?} has a cause: {cause:?}"));
        }
        if ids.is_empty() && kind != Kind::NoChange {
            return Err(format!("{kind:?} of no target"));
        }
        for id in ids {
            // One that ends by itself may have ended just before the client gave it up: both are answered.
            if kind == Kind::Remove && !self.targets.contains_key(id) {
                continue;
            }
            let target =
                self.targets.get_mut(id).ok_or_else(|| format!("{kind:?} of unknown target {id}"))?;
            if let Some(token) = token.clone().filter(|_| target.is_active()) {
                target.pending_token = Some(token);
            }
            match kind {
                Kind::NoChange => {}
                Kind::Add => target.answered(*id)?,
                Kind::Current if target.is_active() => {
                    if target.current {
                        return Err(format!("target {id} is CURRENT twice"));
                    }
                    target.current = true;
                }
                Kind::Reset if target.is_active() => {
                    self.counts.resets += 1;
                    target.pending.clear();
                    target.current = false;
                }
                Kind::Current | Kind::Reset => {}
                Kind::Remove => return self.remove(ids, cause),
            }
        }
        Ok(Step::Nothing)
    }

    fn remove(&mut self, ids: &[i32], cause: Option<Status>) -> Result<Step, String> {
        let [id] = ids else { return Err(format!("REMOVE of {ids:?}")) };
        let target = self.targets.get_mut(id).expect("looked up by the caller");
        // Of one that the client has given up, it does not care why.
        if let Some(cause) = cause.filter(|_| !target.over) {
            self.counts.refusals += 1;
            self.targets.remove(id);
            return Ok(Step::Refused(*id, cause));
        }
        if target.unanswered == 0 && !(target.once && target.current) {
            return Err(format!("target {id} was removed and nobody asked for it"));
        }
        target.unanswered = target.unanswered.saturating_sub(1);
        if target.unanswered == 0 && (target.over || target.once) {
            self.targets.remove(id);
        }
        Ok(Step::Nothing)
    }

    fn boundary(&mut self, time: Timestamp, token: Option<Bytes>) -> Result<Step, String> {
        if time < self.boundary {
            return Err(format!("a boundary at {time:?} after one at {:?}", self.boundary));
        }
        if time < self.newest {
            return Err(format!("a boundary at {time:?} after a version of {:?}", self.newest));
        }
        self.boundary = time;
        self.counts.boundaries += 1;
        let too_old = time < self.shown_at;
        for target in self.targets.values_mut().filter(|target| target.is_active()) {
            if let Some(token) = &token {
                target.pending_token = Some(token.clone());
            }
            if too_old {
                continue;
            }
            target.token = target.pending_token.clone().or(target.token.take());
            target.shown = target.pending.clone();
            target.complete = target.current && !target.mismatched;
            target.as_of = time;
        }
        if too_old {
            return Ok(Step::Nothing);
        }
        self.shown_at = time;
        Ok(Step::Boundary(time))
    }

    fn changed(&mut self, document: &Document, targets: &[i32], removed: &[i32]) -> Result<Step, String> {
        let all: BTreeSet<_> = targets.iter().chain(removed).collect();
        if all.is_empty() || all.len() < targets.len() + removed.len() {
            return Err(format!("{} is in {targets:?} and not in {removed:?}", document.path));
        }
        self.newest = self.newest.max(document.update_time);
        for target in self.active(targets)? {
            target.pending.insert(document.path.clone(), document.clone());
        }
        self.counts.removals += removed.len();
        for target in self.active(removed)? {
            target.pending.remove(&document.path);
        }
        Ok(Step::Nothing)
    }

    fn gone(&mut self, path: &DocumentPath, targets: &[i32], deleted: bool) -> Result<Step, String> {
        match deleted {
            true => self.counts.deletions += 1,
            false => self.counts.removals += 1,
        }
        if targets.is_empty() {
            return Err(format!("{path} is gone from no target"));
        }
        for target in self.active(targets)? {
            target.pending.remove(path);
        }
        Ok(Step::Nothing)
    }

    fn filter(
        &mut self,
        id: i32,
        count: i32,
        names: Option<impl Fn(&DocumentPath) -> bool>,
    ) -> Result<Step, String> {
        self.counts.filters += 1;
        let target = self.targets.get_mut(&id).ok_or_else(|| format!("a filter of unknown target {id}"))?;
        if !target.is_active() {
            return Ok(Step::Nothing);
        }
        let count = usize::try_from(count).map_err(|_| format!("a filter that counts {count}"))?;
        if target.single {
            if count == 0 {
                target.pending.clear();
            }
            return if count < 2 { Ok(Step::Nothing) } else { Err(format!("{count} of one document")) };
        }
        if target.pending.len() != count {
            if let Some(may_hold) = names {
                target.pending.retain(|path, _| may_hold(path));
            }
            if target.pending.len() != count {
                self.counts.mismatches += 1;
                target.pending.clear();
                target.current = false;
                target.mismatched = true;
            }
        }
        Ok(Step::Nothing)
    }

    /// Those of the targets that are listened to; the others are on their way in or out.
    fn active<'a>(
        &'a mut self,
        ids: &[i32],
    ) -> Result<impl Iterator<Item = &'a mut Target> + use<'a>, String> {
        if let Some(unknown) = ids.iter().find(|id| !self.targets.contains_key(id)) {
            return Err(format!("a document of unknown target {unknown}"));
        }
        let ids: BTreeSet<i32> = ids.iter().copied().collect();
        let mine = self.targets.iter_mut().filter(move |(id, target)| ids.contains(id) && target.is_active());
        Ok(mine.map(|(_, target)| target))
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            boundaries: self.boundaries + other.boundaries,
            resets: self.resets + other.resets,
            filters: self.filters + other.filters,
            mismatches: self.mismatches + other.mismatches,
            refusals: self.refusals + other.refusals,
            removals: self.removals + other.removals,
            deletions: self.deletions + other.deletions,
        }
    }
}

impl Target {
    fn is_active(&self) -> bool {
        self.unanswered == 0
    }

    fn answered(&mut self, id: i32) -> Result<(), String> {
        self.unanswered =
            self.unanswered.checked_sub(1).ok_or_else(|| format!("ADD of {id}, which was not asked for"))?;
        Ok(())
    }
}

/// A refusal that a random query may earn.
pub fn is_fair(status: &Status) -> bool {
    matches!(status.code, Code::InvalidArgument | Code::FailedPrecondition)
}
