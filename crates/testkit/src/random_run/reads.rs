//! Random reads, and what the oracle says to each.

use std::cmp::Ordering;
use std::sync::Arc;

use database::{
    ByteRange, ColumnKind, DeclaredIndex, IndexDefinition, IndexSource, NameSource, Scope, SingleFieldKind,
    View,
};
use model::encoding::{push_id, push_ids, push_index_value};
use model::order::compare;
use model::query::Direction;
use model::{CollectionPath, DocumentPath, FieldPath, Parent, Status, Timestamp, Value};

use super::{Kind, RandomRun};
use crate::notation::show_time;
use crate::oracle::{Declared, Oracle, scopes, show};

/// One read, as far as it can be said without the database.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Get(Vec<DocumentPath>),
    Scan { source: NameSource, part: Part<DocumentPath> },
    Single { scope: Scope, field: FieldPath, kind: SingleFieldKind, part: Part<Value> },
    Declared { definition: IndexDefinition, scope: Scope, part: Part<Value> },
    CollectionIds(Parent),
    Names(CollectionPath),
}

/// A part of a scan: from one place to another, in a direction, not more than so many, with a jump after the first.
#[derive(Clone, Debug)]
pub(super) struct Part<T> {
    from: Option<T>,
    to: Option<T>,
    direction: Direction,
    limit: usize,
    seek: Option<T>,
}

/// What a read has seen; None where the index that it needs does not serve it.
pub(super) type Observed = Option<Vec<String>>;

impl RandomRun {
    pub(super) fn random_read(&mut self) -> Read {
        match self.dice.below(12) {
            0..3 => Read::Get((0..1 + self.dice.below(3)).map(|_| self.random_path()).collect()),
            3..6 => {
                let source = self.random_source();
                let part = self.random_part(|run| match &source {
                    NameSource::Collection(collection) => {
                        collection.document(run.random_path().document_id())
                    }
                    NameSource::Group { .. } | NameSource::Kindless { .. } | NameSource::Children { .. } => {
                        run.random_path()
                    }
                });
                Read::Scan { source, part }
            }
            6..9 => {
                let collection = self.random_collection_path();
                let scope = match self.dice.below(3) {
                    0 => Scope::Group { collection_id: collection.id().to_owned() },
                    _ => Scope::Collection(collection),
                };
                let kind = match self.dice.below(3) {
                    0 => SingleFieldKind::Contains,
                    _ => SingleFieldKind::Ordered,
                };
                let field = self.random_field();
                Read::Single { scope, field, kind, part: self.random_part(Self::random_value) }
            }
            9 => self.random_declared_read(),
            10 => Read::CollectionIds(self.random_parent()),
            _ => Read::Names(self.random_collection_path()),
        }
    }

    fn random_declared_read(&mut self) -> Read {
        let declared = self.database().indexes().declared().to_vec();
        if declared.is_empty() {
            return Read::CollectionIds(Parent::Root);
        }
        let definition = self.dice.pick(&declared).definition.clone();
        let collections: Vec<_> = (0..4).map(|_| self.random_collection_path()).collect();
        let scopes = scopes(&definition, &collections);
        if scopes.is_empty() {
            return Read::CollectionIds(Parent::Root);
        }
        let scope = self.dice.pick(&scopes).clone();
        let part = match definition.columns[0].kind {
            ColumnKind::Ascending | ColumnKind::Contains => self.random_part(Self::random_value),
            // Their bytes are inverted, or none.
            ColumnKind::Descending | ColumnKind::Vector { .. } => {
                Part { limit: 1 + self.dice.below(6), ..Part::whole() }
            }
        };
        Read::Declared { definition, scope, part }
    }

    fn random_collection_path(&mut self) -> CollectionPath {
        CollectionPath::new(&self.random_collection()).expect("these are collections")
    }

    fn random_parent(&mut self) -> Parent {
        match self.dice.below(3) {
            0 => Parent::Root,
            1 => self.random_collection_path().parent(),
            _ => Parent::Document(self.random_path()),
        }
    }

    fn random_source(&mut self) -> NameSource {
        let parent = self.random_parent();
        let collection = self.random_collection_path();
        match self.dice.below(5) {
            0 | 1 => NameSource::Collection(collection),
            2 => NameSource::Group { collection_id: collection.id().to_owned(), parent },
            3 => NameSource::Kindless { parent },
            _ => NameSource::Children { parent },
        }
    }

    fn random_part<T>(&mut self, place: impl Fn(&mut Self) -> T) -> Part<T> {
        let mut sometimes = |percent: usize| {
            let there = self.dice.chance(percent);
            there.then(|| place(self))
        };
        let (from, to, seek) = (sometimes(25), sometimes(25), sometimes(25));
        let direction = if self.dice.chance(50) { Direction::Ascending } else { Direction::Descending };
        let limit = if self.dice.chance(50) { usize::MAX } else { 1 + self.dice.below(4) };
        Part { from, to, direction, limit, seek }
    }

    /// A time of which everything is known and nothing is forgotten.
    pub(super) fn random_past(&mut self) -> Option<Timestamp> {
        let now = self.world.now();
        let oldest = now.saturating_add(-3_600_000_000).max(self.beginning);
        let times = self.oracle.commits().iter().map(|(time, _)| *time).filter(|time| *time >= oldest);
        let times: Vec<_> = times.collect();
        if times.is_empty() || self.dice.chance(10) {
            return (oldest <= now).then_some(now);
        }
        let time = *self.dice.pick(&times);
        Some(if self.dice.chance(50) { time.previous().max(oldest) } else { time })
    }

    /// A read was answered.
    pub(super) fn observed(
        &mut self,
        transaction: Option<usize>,
        read: Read,
        observed: Observed,
        time: Timestamp,
    ) -> Result<(), String> {
        self.note(format!("read by {transaction:?} at {}", show_time(time)));
        self.compare_read(&read, &observed, time)?;
        self.seen = self.seen.max(time);
        let Some(open) = self.transactions.iter_mut().find(|open| Some(open.name) == transaction) else {
            return Ok(());
        };
        open.busy = false;
        if open.kind != Kind::Pessimistic && open.first_read.is_some_and(|first| first != time) {
            return Err(format!("transaction {} reads at another time than at first", open.name));
        }
        open.first_read.get_or_insert(time);
        open.reads.extend(observed.map(|seen| (read, seen)));
        Ok(())
    }

    pub(super) fn compare_read(
        &mut self,
        read: &Read,
        observed: &Observed,
        time: Timestamp,
    ) -> Result<(), String> {
        let Some(seen) = observed else { return Ok(()) };
        self.counts.reads += 1;
        self.counts.index_reads += usize::from(matches!(read, Read::Single { .. } | Read::Declared { .. }));
        let expected = read.expected(&self.oracle, time);
        if expected == *seen {
            return Ok(());
        }
        Err(format!("{read:?} at {} shows\n  {seen:#?}\nnot\n  {expected:#?}", show_time(time)))
    }
}

impl Read {
    /// Reads from the database.
    pub(super) fn run(&self, view: &View) -> Result<Observed, Status> {
        match self {
            Read::Get(paths) => {
                let mut lines = Vec::new();
                for path in paths {
                    if let Some(document) = view.get(path)? {
                        lines.push(show_document(&document)?);
                    }
                }
                Ok(Some(lines))
            }
            Read::Scan { source, part } => scan_documents(view, source, part).map(Some),
            Read::Single { scope, field, kind, part } => {
                match view.indexes().single_field(scope, field, *kind) {
                    Some((source, index)) if serves(index.as_ref(), view) => {
                        scan_index(view, &source, part).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Read::Declared { definition, scope, part } => {
                let composites = view.indexes().composites(scope);
                match composites.into_iter().find(|(index, _)| index.definition == *definition) {
                    Some((index, source)) if serves(Some(&index), view) => {
                        scan_index(view, &source, part).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Read::CollectionIds(parent) => view.collection_ids(parent).map(Some),
            Read::Names(collection) => {
                let mut scan = view.scan_names(collection, None);
                let mut lines = Vec::new();
                while let Some((path, document)) = scan.next()? {
                    lines.push(format!("{path} {}", document.is_some()));
                }
                Ok(Some(lines))
            }
        }
    }

    /// What it should have seen at `time`.
    pub(super) fn expected(&self, oracle: &Oracle, time: Timestamp) -> Vec<String> {
        match self {
            Read::Get(paths) => {
                let found = paths.iter().filter_map(|path| Some((path, oracle.get(path, time)?)));
                found
                    .map(|(path, kept)| show(path, kept.create_time, kept.update_time, &kept.fields))
                    .collect()
            }
            Read::Scan { source, part } => {
                let lines = oracle.scan(source, time).into_iter().map(|(path, kept)| {
                    (path.clone(), show(path, kept.create_time, kept.update_time, &kept.fields))
                });
                part.of(lines.collect(), DocumentPath::cmp, true)
            }
            Read::Single { scope, field, kind, part } => {
                part.of_entries(oracle.single_field(scope, field, *kind, time))
            }
            Read::Declared { definition, scope, part } => {
                part.of_entries(oracle.declared(&Declared { definition, scope }, time))
            }
            Read::CollectionIds(parent) => oracle.collection_ids(parent, time),
            Read::Names(collection) => {
                oracle.names(collection, time).iter().map(|(path, there)| format!("{path} {there}")).collect()
            }
        }
    }
}

impl<T> Part<T> {
    /// All, in ascending order.
    pub(super) fn whole() -> Self {
        Part { from: None, to: None, direction: Direction::Ascending, limit: usize::MAX, seek: None }
    }

    /// The lines of the part, given all in ascending order with their places. A backward jump goes to the place
    /// itself if it is a whole key, and below all that begin with it otherwise.
    fn of(
        &self,
        mut all: Vec<(T, String)>,
        order: impl Fn(&T, &T) -> Ordering,
        whole_keys: bool,
    ) -> Vec<String> {
        all.retain(|(place, _)| {
            self.from.as_ref().is_none_or(|from| order(place, from).is_ge())
                && self.to.as_ref().is_none_or(|to| order(place, to).is_lt())
        });
        if self.direction == Direction::Descending {
            all.reverse();
        }
        let mut lines = Vec::new();
        for (place, line) in all {
            let reached = |seek: &T| match self.direction {
                Direction::Ascending => order(&place, seek).is_ge(),
                Direction::Descending if whole_keys => order(&place, seek).is_le(),
                Direction::Descending => order(&place, seek).is_lt(),
            };
            if lines.len() < self.limit && (lines.is_empty() || self.seek.as_ref().is_none_or(reached)) {
                lines.push(line);
            }
        }
        lines
    }
}

impl Part<Value> {
    /// Only ascending first columns are bounded: there a value's bytes stand as they are.
    fn of_entries(&self, entries: Vec<(Vec<Value>, DocumentPath)>) -> Vec<String> {
        let lines = entries.into_iter().map(|(values, path)| (values[0].clone(), path.to_string()));
        self.of(lines.collect(), compare, false)
    }
}

fn serves(index: Option<&Arc<DeclaredIndex>>, view: &View) -> bool {
    index.is_none_or(|index| index.serves(view.read_time()))
}

fn show_document(document: &model::Document) -> Result<String, Status> {
    let fields = document.fields().map_err(|error| Status::internal(error.to_string()))?;
    Ok(show(&document.path, document.create_time, document.update_time, &fields))
}

fn scan_documents(
    view: &View,
    source: &NameSource,
    part: &Part<DocumentPath>,
) -> Result<Vec<String>, Status> {
    let bytes = |path: &DocumentPath| {
        let mut bytes = Vec::new();
        match source {
            NameSource::Collection(_) => push_id(&mut bytes, path.document_id()),
            NameSource::Group { .. } | NameSource::Kindless { .. } | NameSource::Children { .. } => {
                push_ids(&mut bytes, path.ids());
            }
        }
        bytes
    };
    let range = ByteRange {
        start: part.from.as_ref().map(bytes).unwrap_or_default(),
        end: part.to.as_ref().map(bytes),
    };
    let mut scan = view.scan_documents(source, range, part.direction);
    let mut lines = Vec::new();
    while lines.len() < part.limit
        && let Some(document) = scan.next()?
    {
        lines.push(show_document(&document)?);
        if let (1, Some(seek)) = (lines.len(), &part.seek) {
            scan.seek(&bytes(seek))?;
        }
    }
    Ok(lines)
}

fn scan_index(view: &View, source: &IndexSource, part: &Part<Value>) -> Result<Vec<String>, Status> {
    let bytes = |value: &Value| {
        let mut bytes = Vec::new();
        push_index_value(&mut bytes, value);
        bytes
    };
    let range = ByteRange {
        start: part.from.as_ref().map(bytes).unwrap_or_default(),
        end: part.to.as_ref().map(bytes),
    };
    let mut scan = view.scan_index(source, range, part.direction);
    let mut lines = Vec::new();
    while lines.len() < part.limit
        && let Some(entry) = scan.next()?
    {
        lines.push(entry.path(source)?.to_string());
        if let (1, Some(seek)) = (lines.len(), &part.seek) {
            scan.seek(&bytes(seek))?;
        }
    }
    Ok(lines)
}
