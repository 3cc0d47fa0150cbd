//! The results of a query with a limit, kept up to date by changes alone.
//!
//! ```text
//!   places ►  [ skipped by the offset | shown | spare ]  horizon  …nothing is known beyond…
//! ```
//! A change moves documents in and out of the known places; what then stands in the shown zone is compared with what stood
//! there before. The spare ones take the place of those that leave; only when they are used up the query runs again.

use std::collections::{BTreeMap, HashMap, HashSet};

use database::{DocumentChange, View};
use model::{Code, DocumentPath, Status};
use query::{Matcher, MissingIndex};

/// Spare results: as many as are shown, within these bounds.
const MIN_SPARE: u64 = 16;
const MAX_SPARE: u64 = 1_000;
/// Results that one query with a limit may have, those that its offset leaves out included.
const MAX_KEPT: u64 = 100_000;

/// See the module.
pub(crate) struct Window {
    offset: usize,
    limit: usize,
    spare: usize,
    /// The first matches, by their places in the query's order.
    places: BTreeMap<Vec<u8>, DocumentPath>,
    /// All matches up to this place are in `places`; None: all matches.
    horizon: Option<Vec<u8>>,
    shown: HashSet<DocumentPath>,
    /// The last place that is shown; None: fewer are shown than may be.
    edge: Option<Vec<u8>>,
}

/// What became of a document that is or was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    /// It came, or it changed and stayed.
    Shown,
    /// It does not match any more.
    Left,
    /// Others have taken its place.
    PushedOut,
    Deleted,
}

impl Window {
    /// The window as of the view.
    ///
    /// # Errors
    /// What running the query answers; RESOURCE_EXHAUSTED when it keeps too much.
    pub fn load(matcher: &Matcher, view: &View, missing: MissingIndex) -> Result<Self, Status> {
        let (offset, limit) = (matcher.offset(), matcher.limit().unwrap_or(MAX_KEPT));
        let spare = limit.clamp(MIN_SPARE, MAX_SPARE);
        let size = |number: u64| usize::try_from(number.min(MAX_KEPT)).expect("far below");
        let mut window = Window {
            offset: size(offset),
            limit: size(limit),
            spare: size(spare),
            places: BTreeMap::new(),
            horizon: None,
            shown: HashSet::new(),
            edge: None,
        };
        window.read(matcher, view, missing)?;
        let asked = offset.saturating_add(limit);
        if window.horizon.is_some() && asked > window.places.len() as u64 {
            let text = format!(
                "A listener's query with an offset or a limit may keep at most {MAX_KEPT} documents. Use a smaller limit."
            );
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        window.shown = window.zone().cloned().collect();
        window.edge = window.last_shown();
        Ok(window)
    }

    /// Takes the changes of one commit; `view` is the state after it. Answers what became of documents that are or were shown.
    ///
    /// # Errors
    /// What running the query answers.
    pub fn apply(
        &mut self,
        changes: &[&DocumentChange],
        matcher: &Matcher,
        view: impl FnOnce() -> Result<View, Status>,
        missing: MissingIndex,
    ) -> Result<Vec<(DocumentPath, Shift)>, Status> {
        let mut matching = HashMap::new();
        let mut visible = false;
        for change in changes {
            let place =
                |document: &Option<_>| document.as_ref().map_or(Ok(None), |found| matcher.place(found));
            let (old, new) = (place(&change.old)?, place(&change.new)?);
            visible |= [&old, &new].into_iter().flatten().any(|place| self.may_show(place));
            if let Some(old) = old {
                self.places.remove(&old);
            }
            matching.insert(&change.path, new.is_some());
            if let Some(new) = new.filter(|new| self.horizon.as_ref().is_none_or(|horizon| new <= horizon)) {
                self.places.insert(new, change.path.clone());
            }
        }
        self.trim();
        if self.horizon.is_some() && self.places.len() < self.offset + self.limit {
            self.read(matcher, &view()?, missing)?;
        }
        if !visible {
            return Ok(Vec::new());
        }
        Ok(self.shift(changes, &matching))
    }

    /// Compares what is shown with what was.
    fn shift(
        &mut self,
        changes: &[&DocumentChange],
        matching: &HashMap<&DocumentPath, bool>,
    ) -> Vec<(DocumentPath, Shift)> {
        let mut before = std::mem::take(&mut self.shown);
        let mut shifts = Vec::new();
        let mut shown = HashSet::with_capacity(before.len());
        for path in self.zone() {
            if !before.remove(path) || matching.contains_key(path) {
                shifts.push((path.clone(), Shift::Shown));
            }
            shown.insert(path.clone());
        }
        let deleted =
            |path: &DocumentPath| changes.iter().any(|change| change.path == *path && change.new.is_none());
        let mut rest: Vec<DocumentPath> = before.into_iter().collect();
        rest.sort_unstable();
        for path in rest {
            let shift = match matching.get(&path) {
                Some(true) | None => Shift::PushedOut,
                Some(false) if deleted(&path) => Shift::Deleted,
                Some(false) => Shift::Left,
            };
            shifts.push((path, shift));
        }
        self.shown = shown;
        self.edge = self.last_shown();
        shifts
    }

    fn may_show(&self, place: &Vec<u8>) -> bool {
        self.edge.as_ref().is_none_or(|edge| place <= edge)
    }

    fn zone(&self) -> impl Iterator<Item = &DocumentPath> {
        self.places.values().skip(self.offset).take(self.limit)
    }

    fn last_shown(&self) -> Option<Vec<u8>> {
        let last = (self.offset + self.limit).checked_sub(1)?;
        self.places.keys().nth(last).cloned()
    }

    /// Forgets the last places when there are far more than needed.
    fn trim(&mut self) {
        let wanted = self.offset + self.limit + self.spare;
        if self.places.len() <= wanted + self.spare {
            return;
        }
        while self.places.len() > wanted {
            self.places.pop_last();
        }
        self.horizon = self.places.keys().next_back().cloned();
    }

    /// Runs the query.
    fn read(&mut self, matcher: &Matcher, view: &View, missing: MissingIndex) -> Result<(), Status> {
        let wanted = (self.offset + self.limit + self.spare).min(MAX_KEPT as usize) as u64;
        let mut documents = matcher.plan_first(view, wanted, missing)?.execute(view);
        self.places.clear();
        while let Some(document) = documents.next()? {
            let place =
                matcher.place(&document)?.ok_or_else(|| Status::internal("a result matches its query"))?;
            self.places.insert(place, document.path);
        }
        let full = self.places.len() as u64 == wanted;
        self.horizon = if full { self.places.keys().next_back().cloned() } else { None };
        Ok(())
    }
}
