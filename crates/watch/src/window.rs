//! The results of a query with a limit, kept up to date by changes alone.
//!
//! ```text
//!   places ►  [ skipped by the offset | shown | spare ]  horizon  …nothing is known beyond…
//! ```
//! A change moves documents in and out of the known places; what then stands in the shown zone is compared
//! with what stood there before. The spare ones take the place of those that leave. When half of them are used
//! up the hub has the query run again; a single commit that uses up all of them runs it at once.

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

    /// True when the spare results will soon be used up.
    pub fn is_thin(&self) -> bool {
        self.horizon.is_some() && self.places.len() + self.spare / 2 < self.wanted()
    }

    /// Takes the results of a window that was loaded anew and is of the same time.
    pub fn replenish(&mut self, fresh: Window) {
        debug_assert!(self.zone().eq(fresh.zone()), "two windows of one time show the same");
        self.places = fresh.places;
        self.horizon = fresh.horizon;
    }

    /// How many results it keeps.
    pub fn kept(&self) -> usize {
        self.places.len()
    }

    /// Takes the changes of one commit; `view` is the state after it. Answers what became of documents that
    /// are or were shown.
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

    /// How many places are read.
    fn wanted(&self) -> usize {
        (self.offset + self.limit + self.spare).min(MAX_KEPT as usize)
    }

    /// Forgets the last places when there are far more than needed.
    fn trim(&mut self) {
        let wanted = self.wanted();
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
        let wanted = self.wanted() as u64;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use database::{Database, Options};
    use host::Random;
    use model::query::{Direction, Order, Selector, StructuredQuery};
    use model::write::{Operation, Precondition, Write};
    use model::{FieldPath, Fields, Parent, Value};
    use testkit::poll::at_once;
    use testkit::world::{EngineKind, World};

    use super::*;

    const DOCUMENTS: u64 = 80;

    fn matcher(database: &Database, offset: i32, limit: i32) -> Matcher {
        let from = Selector { collection_id: Some("c".to_owned()), all_descendants: false };
        let query = StructuredQuery {
            order_by: vec![Order { path: FieldPath::single("n"), direction: Direction::Descending }],
            offset,
            limit: Some(limit),
            ..StructuredQuery::all(Parent::Root, from)
        };
        query::prepare(&query, database.name()).unwrap().matcher().unwrap()
    }

    /// A commit that deletes documents more often when `shrinking`; what it changed.
    fn commit(database: &Arc<Database>, random: &Random, shrinking: bool) -> Vec<DocumentChange> {
        let before = database.view();
        let mut paths = BTreeSet::new();
        for _ in 0..=random.next() % 4 {
            paths.insert(DocumentPath::new(&format!("c/{}", random.next() % DOCUMENTS)).unwrap());
        }
        let write = |path: &DocumentPath| {
            let deleted = random.next() % 10 < if shrinking { 10 } else { 1 };
            let n = Value::Integer((random.next() % 50) as i64);
            let fields = Fields::from([("n".to_owned(), n)]);
            let operation = match deleted {
                true => Operation::Delete,
                false => Operation::Set { fields, mask: None, transforms: Vec::new() },
            };
            Write { path: path.clone(), operation, precondition: Precondition::None }
        };
        let (writes, committed) = (paths.iter().map(write).collect(), database.clone());
        at_once(async move { committed.commit(writes, None).await }).unwrap();
        let after = database.view();
        let change = |path: DocumentPath| {
            let (old, new) = (before.get(&path).unwrap(), after.get(&path).unwrap());
            (old != new).then_some(DocumentChange { path, old, new })
        };
        paths.into_iter().filter_map(change).collect()
    }

    fn results(matcher: &Matcher, view: &View) -> Vec<DocumentPath> {
        let mut rows = matcher.plan(view, MissingIndex::Require).unwrap().execute(view);
        std::iter::from_fn(|| rows.next().unwrap()).map(|document| document.path).collect()
    }

    /// Collections that grow and shrink around the spare results: what is shown is what the query answers,
    /// and what is told of it leads from one to the next.
    #[test]
    fn a_window_shows_what_the_query_answers() {
        let mut reloads = 0;
        for seed in 0..8 {
            let world = World::new(EngineKind::Memory, seed, Options::default());
            let (database, random) = (world.database(), Random::from_seed(seed));
            let matcher = matcher(&database, (seed % 3) as i32, 3);
            let mut window = Window::load(&matcher, &database.view(), MissingIndex::Require).unwrap();
            let mut told = BTreeSet::new();
            for round in 0..480 {
                let changes = commit(&database, &random, (round / 120) % 2 == 1);
                let changes: Vec<&DocumentChange> = changes.iter().collect();
                let view = database.view();
                let reload = || {
                    reloads += 1;
                    Ok(view.clone())
                };
                for (path, shift) in window.apply(&changes, &matcher, reload, MissingIndex::Require).unwrap()
                {
                    match shift {
                        Shift::Shown => told.insert(path),
                        Shift::Left | Shift::PushedOut | Shift::Deleted => told.remove(&path),
                    };
                }
                let answered = results(&matcher, &view);
                assert_eq!(
                    window.zone().cloned().collect::<Vec<_>>(),
                    answered,
                    "seed {seed}, round {round}"
                );
                assert_eq!(told, answered.into_iter().collect(), "seed {seed}, round {round}");
            }
        }
        assert!(reloads > 10, "the spare results were used up only {reloads} times");
    }
}
