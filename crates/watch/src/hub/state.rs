//! What a hub watches, and for whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use database::{Follower, Step, View as DatabaseView};
use model::{Code, DocumentPath, Status};
use query::MissingIndex;

use super::{Seat, ViewId};
use crate::finder::Finder;
use crate::mailbox::{Item, Mailbox, Slot};
use crate::view::{Changes, Kind, View, Wanted, Watched};
use crate::window::Window;

/// Results that all windows of one hub may keep when another one is added: some 400 MB.
const MAX_KEPT: usize = 2_000_000;

/// See the module. All of it stands under the hub's lock.
#[derive(Default)]
pub(super) struct State {
    /// None while nobody listens.
    pub follower: Option<Follower>,
    pub finder: Finder,
    /// Which dispatcher is the present one.
    epoch: u64,
    views: HashMap<ViewId, View>,
    by_path: HashMap<DocumentPath, ViewId>,
    by_reliance: HashMap<DocumentPath, ViewId>,
    by_query: HashMap<Arc<[u8]>, ViewId>,
    next_view: ViewId,
    /// Results in all windows.
    kept: usize,
    /// Windows whose queries should run again soon.
    thin: Vec<ViewId>,
}

/// What came of a step.
pub(super) struct Taken {
    /// Whose mailboxes have something new.
    pub told: Vec<Arc<Mailbox>>,
    /// Pairs of a change and a view.
    pub evaluated: u64,
}

impl State {
    /// Follows from now on; answers the number of the dispatcher that is to do it.
    pub fn start(&mut self, follower: Follower) -> u64 {
        self.follower = Some(follower);
        self.epoch += 1;
        self.epoch
    }

    pub fn stop(&mut self) {
        self.follower = None;
        self.epoch += 1;
    }

    pub fn needs(&self, epoch: u64) -> bool {
        self.follower.is_some() && self.epoch == epoch
    }

    pub fn is_unused(&self) -> bool {
        self.views.is_empty()
    }

    pub fn has_query(&self, watched: &Watched) -> bool {
        self.by_query.contains_key(&watched.identity)
    }

    /// Subscribes one target; `window` makes the window of a query that needs one. Answers what it watches,
    /// shared with others.
    ///
    /// # Errors
    /// What `window` answers.
    pub fn subscribe(
        &mut self,
        seat: &Seat,
        slot: Slot,
        wanted: Wanted,
        window: impl FnOnce(&Watched) -> Result<Window, Status>,
    ) -> Result<Wanted, Status> {
        if seat.mailbox.is_closed() {
            return Ok(wanted);
        }
        match wanted {
            Wanted::Query(watched) => {
                let id = match self.by_query.get(&watched.identity) {
                    Some(id) => *id,
                    None => self.add_query(watched, window)?,
                };
                let shared =
                    self.seat_at(id, seat, slot).watched().expect("a query's view has a query").clone();
                Ok(Wanted::Query(shared))
            }
            Wanted::Documents(paths) => {
                for path in paths.iter() {
                    let id = self.document_view(path);
                    self.seat_at(id, seat, slot);
                }
                Ok(Wanted::Documents(paths))
            }
        }
    }

    /// Makes a target hear when one of these documents changes, and no other one on which its right rested before.
    /// False when it heard of all of them before.
    pub fn rely(&mut self, seat: &Seat, slot: Slot, paths: &[DocumentPath]) -> bool {
        if seat.mailbox.is_closed() {
            return false;
        }
        let mut missing: BTreeSet<&DocumentPath> = paths.iter().collect();
        for id in seat.mailbox.views_of(slot) {
            let Some(View { kind: Kind::Reliance(path), .. }) = self.views.get(&id) else { continue };
            if !missing.remove(path) {
                seat.mailbox.drop_view(slot, id);
                self.unseat(id, seat, slot);
            }
        }
        for path in &missing {
            let id = match self.by_reliance.get(*path) {
                Some(id) => *id,
                None => {
                    let id = self.add(Kind::Reliance((*path).clone()));
                    self.by_reliance.insert((*path).clone(), id);
                    self.finder.add_path(path, id);
                    id
                }
            };
            self.seat_at(id, seat, slot);
        }
        !missing.is_empty()
    }

    fn seat_at(&mut self, id: ViewId, seat: &Seat, slot: Slot) -> &View {
        seat.mailbox.add_view(slot, id);
        let view = self.views.get_mut(&id).expect("views are found by what they watch while they live");
        view.subscribers.insert((seat.stream, slot), seat.mailbox.clone());
        view
    }

    fn document_view(&mut self, path: &DocumentPath) -> ViewId {
        if let Some(id) = self.by_path.get(path) {
            return *id;
        }
        let id = self.add(Kind::Document(path.clone()));
        self.by_path.insert(path.clone(), id);
        self.finder.add_path(path, id);
        id
    }

    fn add_query(
        &mut self,
        watched: Arc<Watched>,
        window: impl FnOnce(&Watched) -> Result<Window, Status>,
    ) -> Result<ViewId, Status> {
        let kind = match watched.is_window() {
            true => {
                let window = window(&watched)?;
                if self.kept + window.kept() > MAX_KEPT {
                    let text = "Too many listeners have queries with a limit. Use smaller limits.";
                    return Err(Status::new(Code::ResourceExhausted, text));
                }
                self.kept += window.kept();
                Kind::Window(watched.clone(), Box::new(window))
            }
            false => Kind::Matches(watched.clone()),
        };
        let id = self.add(kind);
        self.finder.add_query(watched.matcher.filed_under(), id);
        self.by_query.insert(watched.identity.clone(), id);
        Ok(id)
    }

    fn add(&mut self, kind: Kind) -> ViewId {
        self.next_view += 1;
        self.views.insert(self.next_view, View { kind, subscribers: HashMap::new() });
        self.next_view
    }

    /// Ends the subscriptions of a target, or of a stream.
    pub fn unsubscribe(&mut self, seat: &Seat, slot: Option<Slot>) {
        for (slot, id) in seat.mailbox.take_views(slot) {
            self.unseat(id, seat, slot);
        }
    }

    fn unseat(&mut self, id: ViewId, seat: &Seat, slot: Slot) {
        let Some(view) = self.views.get_mut(&id) else { return };
        view.subscribers.remove(&(seat.stream, slot));
        if view.subscribers.is_empty() {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: ViewId) {
        let Some(view) = self.views.remove(&id) else { return };
        self.kept -= view.kept();
        match view.kind {
            Kind::Document(path) => {
                self.by_path.remove(&path);
                self.finder.remove_path(&path, id);
            }
            Kind::Reliance(path) => {
                self.by_reliance.remove(&path);
                self.finder.remove_path(&path, id);
            }
            Kind::Matches(watched) | Kind::Window(watched, _) => {
                self.by_query.remove(&watched.identity);
                self.finder.remove_query(&watched.matcher.filed_under(), id);
            }
        }
    }

    /// Leaves what a commit means in the mailboxes.
    ///
    /// # Errors
    /// INTERNAL for a damaged document: then nobody has been told.
    pub fn take_step(
        &mut self,
        step: &Step,
        after: impl Fn() -> Result<DatabaseView, Status>,
        missing: MissingIndex,
    ) -> Result<Taken, Status> {
        let mut concerned: BTreeMap<ViewId, Vec<usize>> = BTreeMap::new();
        for (n, change) in step.changes.iter().enumerate() {
            for view in self.finder.find(change)? {
                concerned.entry(view).or_default().push(n);
            }
        }
        let mut changes = Changes::new(&step.changes);
        let mut taken = Taken { told: Vec::new(), evaluated: 0 };
        for (id, own) in concerned {
            let view = self.views.get_mut(&id).expect("the finder knows only views that live");
            taken.evaluated += own.len() as u64;
            let before = view.kept();
            let applied = view.apply(&mut changes, &own, &after, missing);
            self.kept = self.kept - before + view.kept();
            if matches!(&view.kind, Kind::Window(_, window) if window.is_thin()) {
                self.thin.push(id);
            }
            let failed = applied.is_err();
            let items = applied.unwrap_or_else(|status| vec![Item::Failed(status)]);
            if items.is_empty() {
                continue;
            }
            for ((_, slot), mailbox) in &view.subscribers {
                mailbox.push(step.time, *slot, &items);
                taken.told.push(mailbox.clone());
            }
            if failed {
                self.remove(id);
            }
        }
        Ok(taken)
    }

    /// The windows whose queries should run again soon.
    pub fn take_thin(&mut self) -> Vec<(ViewId, Arc<Watched>)> {
        let thin: BTreeSet<ViewId> = std::mem::take(&mut self.thin).into_iter().collect();
        let watched = |id: &ViewId| self.views.get(id)?.watched().cloned();
        thin.iter().filter_map(|id| Some((*id, watched(id)?))).collect()
    }

    /// Gives a window, if it still is, the results of one that is of the same time.
    pub fn replenish(&mut self, id: ViewId, fresh: Window) {
        let Some(View { kind: Kind::Window(_, window), .. }) = self.views.get_mut(&id) else { return };
        self.kept = self.kept - window.kept() + fresh.kept();
        window.replenish(fresh);
    }

    /// Makes all streams compare by themselves, and takes windows as they are now. Answers whom to wake.
    pub fn lose_track(
        &mut self,
        now: impl Fn() -> Result<DatabaseView, Status>,
        missing: MissingIndex,
    ) -> Vec<Arc<Mailbox>> {
        let mut failed = Vec::new();
        for (id, view) in &mut self.views {
            if let Kind::Window(watched, window) = &mut view.kind {
                match now().and_then(|now| Window::load(&watched.matcher, &now, missing)) {
                    Ok(loaded) => {
                        self.kept = self.kept - window.kept() + loaded.kept();
                        **window = loaded;
                    }
                    Err(_) => failed.push(*id),
                }
            }
        }
        let told = self.mailboxes();
        told.iter().for_each(|mailbox| mailbox.lag());
        // Their streams find the reason when they join again.
        failed.into_iter().for_each(|id| self.remove(id));
        told
    }

    /// Forgets everything. Answers whom to wake.
    pub fn end(&mut self) -> Vec<Arc<Mailbox>> {
        let told = self.mailboxes();
        told.iter().for_each(|mailbox| mailbox.end());
        *self = State { epoch: self.epoch + 1, ..State::default() };
        told
    }

    fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.views.values().flat_map(|view| view.subscribers.values().cloned()).collect()
    }
}
