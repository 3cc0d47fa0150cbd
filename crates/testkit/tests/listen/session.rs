//! A client with its targets, over whatever carries its requests.

use std::collections::BTreeMap;

use database::View;
use model::{DocumentPath, Status, Timestamp};
use query::MissingIndex;
use watch::{Resume, Target, TargetKind};

use crate::client::{Client, Documents, Step, is_fair};
use crate::generate::{ResumeBy, Wanted, database};
use crate::message::Message;

/// Targets of one client at once, beside its beacon.
const MAX_TARGETS: usize = 5;
/// The target by which a client sees that it knows everything: its own document.
const BEACON: i32 = 1;

const TOO_OLD: &str = "The requested 'read_time' is too old.";

/// The way to the server.
pub trait Link {
    fn add_target(&mut self, target: Target) -> Result<(), Status>;
    fn remove_target(&mut self, id: i32) -> Result<(), Status>;
}

/// See the module.
pub struct Session<L> {
    pub client: Client,
    pub link: Option<L>,
    wanted: BTreeMap<i32, (Wanted, bool)>,
    last_id: i32,
    resume: ResumeBy,
    /// It has lost documents, so it must say how many it has whenever it comes back.
    lossy: bool,
}

/// Targets compared with a poll, and documents in them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    pub targets: usize,
    pub documents: usize,
}

impl<L: Link> Session<L> {
    /// A client that wants nothing but its beacon.
    pub fn new(number: usize) -> Self {
        let beacon = Wanted::Documents(vec![beacon(number)]);
        Session {
            client: Client::default(),
            link: None,
            wanted: BTreeMap::from([(BEACON, (beacon, false))]),
            last_id: BEACON,
            resume: ResumeBy::Nothing,
            lossy: false,
        }
    }

    /// A new link to the server: asks for everything again. Answers how many targets are resumed.
    pub fn connect(&mut self, link: L) -> Result<usize, String> {
        self.link = Some(link);
        let ids: Vec<i32> = self.wanted.keys().copied().collect();
        let mut resumed = 0;
        for id in ids {
            resumed += usize::from(self.listen(id)?);
        }
        Ok(resumed)
    }

    /// Asks for one more target, unless there are many.
    pub fn want(&mut self, what: &Wanted, once: bool) -> Result<(), String> {
        if self.wanted.len() > MAX_TARGETS {
            return Ok(());
        }
        self.last_id += 2;
        let id = self.last_id;
        self.wanted.insert(id, (what.clone(), once));
        self.listen(id).map(drop)
    }

    /// Takes a message; answers the time of a boundary, at which all can be compared.
    pub fn take(&mut self, message: Message) -> Result<Option<Timestamp>, String> {
        match self.client.receive(message)? {
            Step::Nothing => Ok(None),
            Step::Boundary(time) => Ok(Some(time)),
            Step::Refused(id, status) => {
                // The clock may jump past the retention before the hub has looked at the last commit, as it does at
                // once where time passes by itself. Then the time of that commit is gone; the next is not.
                if status.message == TOO_OLD && self.wanted.contains_key(&id) {
                    return self.listen(id).map(|_| None);
                }
                let (what, _) = self.wanted.remove(&id).ok_or("an unknown target is refused")?;
                let deserved = match &what {
                    Wanted::Query(query) => query::prepare(query, &database()).is_err(),
                    Wanted::Documents(_) => false,
                };
                if deserved && is_fair(&status) { Ok(None) } else { Err(format!("{what:?}: {status}")) }
            }
        }
    }

    /// Each complete target holds what a poll finds.
    pub fn compare(&self, view: &View) -> Result<Compared, String> {
        let mut compared = Compared::default();
        for (id, target) in self.client.targets.iter().filter(|(_, target)| target.complete) {
            let Some((what, _)) = self.wanted.get(id).filter(|_| !target.over) else { continue };
            let found = poll(view, what).map_err(|status| status.to_string())?;
            compared.targets += 1;
            compared.documents += found.len();
            if target.shown != found {
                let (time, shown) = (view.read_time(), &target.shown);
                return Err(format!("at {time:?}, target {id} {what:?}: {shown:#?}\nnot {found:#?}"));
            }
        }
        Ok(compared)
    }

    /// Asks for a target; answers whether the client said that it had some of it.
    fn listen(&mut self, id: i32) -> Result<bool, String> {
        let (what, once) = self.wanted[&id].clone();
        self.client.added(id, what.is_single(), once);
        let target = &self.client.targets[&id];
        let (resume, count) = match self.resume {
            ResumeBy::Token { count } => (target.token.clone().map(Resume::Token), count),
            ResumeBy::ReadTime { count } => {
                (target.token.as_ref().map(|_| Resume::ReadTime(target.as_of)), count)
            }
            ResumeBy::Nothing => (None, false),
        };
        let resumed = resume.is_some();
        let size = i32::try_from(target.shown.len()).expect("there are few documents");
        let expected_count = (resumed && (count || self.lossy)).then_some(size);
        self.add(Target { id, what: what.kind(), resume, once, expected_count })?;
        Ok(resumed)
    }

    fn add(&mut self, target: Target) -> Result<(), String> {
        let link = self.link.as_mut().expect("a connected client");
        link.add_target(target).map_err(|status| status.to_string())
    }

    /// Gives up one target, never the beacon.
    pub fn unlisten(&mut self, target: usize) -> Result<(), String> {
        let ids: Vec<i32> = self.wanted.keys().copied().filter(|id| *id != BEACON).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let id = ids[target % ids.len()];
        self.wanted.remove(&id);
        self.remove(id)
    }

    fn remove(&mut self, id: i32) -> Result<(), String> {
        // One that is answered once may have ended by itself.
        if !self.client.targets.contains_key(&id) {
            return Ok(());
        }
        self.client.removed(id);
        let link = self.link.as_mut().expect("a connected client");
        link.remove_target(id).map_err(|status| status.to_string())
    }

    /// Asks anew for what a filter did not fit.
    pub fn repeat_mismatched(&mut self) -> Result<(), String> {
        let targets = self.client.targets.iter();
        let ids: Vec<i32> = targets.filter(|(_, target)| target.mismatched).map(|(id, _)| *id).collect();
        for id in ids {
            self.client.start_over(id);
            // One that is answered once is over already, as its client will read next.
            if self.wanted.get(&id).is_none_or(|(_, once)| *once) {
                continue;
            }
            self.remove(id)?;
            self.listen(id)?;
        }
        Ok(())
    }

    /// The link breaks.
    pub fn cut(&mut self, resume: ResumeBy, loses: u8) {
        self.link = None;
        self.resume = resume;
        self.client.disconnected();
        // What was answered once is not asked for again.
        let done = |id: &i32| !self.client.targets.contains_key(id);
        let gone: Vec<i32> =
            self.wanted.iter().filter(|(id, (_, once))| *once && done(id)).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| drop(self.wanted.remove(id)));
        self.lossy |= loses > 0;
        let ids: Vec<i32> = self.client.targets.keys().copied().collect();
        for id in ids {
            match resume {
                ResumeBy::Nothing => self.client.start_over(id),
                ResumeBy::Token { .. } | ResumeBy::ReadTime { .. } => {
                    self.client.lose(id, |path| path.as_str().len() % 4 >= usize::from(loses));
                }
            }
        }
    }
}

/// What a query finds.
fn poll(view: &View, what: &Wanted) -> Result<Documents, Status> {
    let mut found = Documents::new();
    match what.kind() {
        TargetKind::Query(query) => {
            let mut answer = query::run_query(view, &query, MissingIndex::Suggest)?.documents;
            while let Some(document) = answer.next()? {
                found.insert(document.path.clone(), document);
            }
        }
        TargetKind::Documents(paths) => {
            for path in paths {
                if let Some(document) = view.get(&path)? {
                    found.insert(path, document);
                }
            }
        }
        TargetKind::Refused(status) => return Err(status),
    }
    Ok(found)
}

/// The document by which a client settles.
pub fn beacon(client: usize) -> DocumentPath {
    DocumentPath::new(&format!("beacons/{client}")).expect("even")
}
