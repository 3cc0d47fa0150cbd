//! Finds the indexes that serve a disjunct of a query for entities.

use std::collections::BTreeSet;

use database::{ColumnKind, IndexSource};
use model::FieldPath;
use model::entity::encoding::value_length;
use model::entity::validate::KEY_PROPERTY;
use model::query::Direction;

use super::Setting;
use crate::entities::normal::{Disjunct, Normal, OrderColumn};
use crate::normal::KeyPart;
use crate::plan::{Cuts, IndexRead, KeyColumn, NameRead, Node, Pinned, PinnedBy, directed, fewest};
use crate::source::Source;
use crate::span::{Span, Spans};

/// Looks for indexes on behalf of one query.
pub(super) struct Chooser<'a> {
    query: &'a Normal,
    source: &'a Source,
    setting: Setting<'a>,
    /// The declared indexes that are complete at the time of the read.
    declared: Vec<IndexSource>,
}

/// What is asked of an index, or of several merged.
pub(super) struct Wanted<'d> {
    disjunct: &'d Disjunct,
    pins: Vec<(String, Vec<u8>)>,
    /// The columns of the order that the disjunct leaves open; the key is the last.
    columns: Vec<KeyColumn>,
    parts: Vec<KeyPart>,
    /// No index has rows in this order.
    unordered: bool,
}

/// An index that fits.
struct Fit {
    source: IndexSource,
    direction: Direction,
    automatic: bool,
    /// Which pins it has, in the index's order.
    covers: Vec<usize>,
}

impl<'a> Chooser<'a> {
    pub fn new(query: &'a Normal, source: &'a Source, setting: Setting<'a>) -> Self {
        let own = &query.source;
        let all = own.kind.as_deref().map_or_else(Vec::new, |kind| {
            setting.indexes.entity_composites(&own.namespace, kind, own.ancestor.as_ref())
        });
        let ready = all.into_iter().filter(|(index, _)| index.serves(setting.read_time));
        Chooser { query, source, setting, declared: ready.map(|(_, source)| source).collect() }
    }

    pub fn wanted<'d>(&self, disjunct: &'d Disjunct) -> Wanted<'d> {
        let pins = disjunct.pins.iter();
        let pins = pins.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
        let key = &self.query.order[self.query.key_at()];
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        for OrderColumn { name, direction } in self.query.columns() {
            let name = name.as_ref().expect("columns before the key have names");
            match (disjunct.ranges.get(name), disjunct.pins.get(name)) {
                (None, Some(values)) => {
                    let first = match direction {
                        Direction::Ascending => values.first(),
                        Direction::Descending => values.last(),
                    };
                    let first = first.expect("a pinned property has a value");
                    parts.push(KeyPart::Constant(directed(first, *direction)));
                }
                (range, _) => {
                    parts.push(KeyPart::Column);
                    columns.push(column(name, *direction, range));
                }
            }
        }
        let against = columns.last().is_some_and(|last: &KeyColumn| last.direction != key.direction);
        let open = |name: &String| columns.iter().any(|column| column.path.first() == name);
        let unplaced = disjunct.ranges.keys().any(|name| !open(name));
        // An entity is a result for each of its pinned values, and a merged row is but one.
        let exploded = |name: &String| self.query.exploded.contains(name);
        let repeated = disjunct.pins.iter().any(|(name, values)| values.len() > 1 && exploded(name));
        let unordered = against || unplaced || repeated || self.query.key_at() + 1 != self.query.order.len();
        columns.push(column(KEY_PROPERTY, key.direction, Some(&disjunct.keys)));
        Wanted { disjunct, pins: pins.collect(), columns, parts, unordered }
    }

    /// Reads that have the disjunct's rows in the query's order.
    pub fn exact(&self, wanted: &Wanted<'_>) -> Option<Node> {
        if wanted.unordered {
            return None;
        }
        if wanted.pins.is_empty() && wanted.columns.len() == 1 {
            return Some(self.names(wanted, true));
        }
        let mut fits = self.declared_fits(wanted);
        // An ancestor's rows are scattered over an index that is in the order of values.
        if wanted.columns.len() == 1 || self.query.source.ancestor.is_none() {
            fits.extend(self.property_fits(wanted));
        }
        Some(self.reads(covering(&fits, wanted.pins.len())?, wanted, true))
    }

    /// The same by declared indexes alone.
    pub fn declared(&self, wanted: &Wanted<'_>) -> Option<Node> {
        if wanted.unordered {
            return None;
        }
        let fits = self.declared_fits(wanted);
        Some(self.reads(covering(&fits, wanted.pins.len())?, wanted, true))
    }

    /// A read of all entities that can match, in any order: by what is pinned, else by keys, else by a range.
    pub fn candidates(&self, wanted: &Wanted<'_>) -> Node {
        let by_key = Wanted {
            columns: vec![column(KEY_PROPERTY, Direction::Ascending, Some(&wanted.disjunct.keys))],
            parts: Vec::new(),
            pins: wanted.pins.clone(),
            ..*wanted
        };
        if !by_key.pins.is_empty() {
            let fits = self.property_fits(&by_key);
            if let Some(cover) = covering(&fits, by_key.pins.len()) {
                return self.reads(cover, &by_key, false);
            }
        }
        let keys_matter = !wanted.disjunct.keys.is_all();
        match wanted.disjunct.ranges.iter().next().filter(|_| !keys_matter) {
            Some((name, spans)) => {
                let mut by_value = Wanted { parts: vec![KeyPart::Column], ..by_key };
                by_value.columns.insert(0, column(name, Direction::Ascending, Some(spans)));
                let fits = self.property_fits(&by_value);
                self.reads(vec![&fits[0]], &by_value, false)
            }
            None => self.names(&by_key, false),
        }
    }

    fn names(&self, wanted: &Wanted<'_>, in_order: bool) -> Node {
        let key = wanted.columns.last().expect("the key is the last");
        Node::Names(NameRead {
            source: self.source.names(),
            direction: key.direction,
            ranges: self.ranges(&key.spans, wanted, in_order),
            conditions: Vec::new(),
            cuts: Cuts::default(),
        })
    }

    /// The parts of `spans` from the query's start on, where rows come in its order.
    fn ranges(&self, spans: &Spans, wanted: &Wanted<'_>, in_order: bool) -> Vec<Span> {
        let Some(start) = self.query.window.start.as_ref().filter(|_| in_order) else {
            return spans.as_slice().to_vec();
        };
        match start.between(&self.query.order).among(&wanted.parts) {
            Some(edge) => spans.intersect(&Spans::one(Span::new(edge, None))).as_slice().to_vec(),
            None => Vec::new(),
        }
    }

    fn declared_fits(&self, wanted: &Wanted<'_>) -> Vec<Fit> {
        // A property that several values are pinned of leads an index in as many ways.
        let ways = wanted.disjunct.pins.values().map(Vec::len).max().unwrap_or(1);
        let fits = |source| (0..ways).filter_map(move |way| wanted.fit(source, false, way));
        self.declared.iter().flat_map(fits).collect()
    }

    /// The built-in indexes: of a pinned property where only the key is open, or of the one open column.
    fn property_fits(&self, wanted: &Wanted<'_>) -> Vec<Fit> {
        let Some(kind) = &self.query.source.kind else { return Vec::new() };
        let index = |name: &str| self.setting.indexes.property(&self.query.source.namespace, kind, name);
        match wanted.columns.as_slice() {
            [_] => {
                let pins = wanted.pins.iter().enumerate();
                let fit = |(n, (name, _)): (usize, &(String, Vec<u8>))| Fit {
                    source: index(name),
                    direction: wanted.columns[0].direction,
                    automatic: true,
                    covers: vec![n],
                };
                pins.map(fit).collect()
            }
            [open, _] if wanted.pins.is_empty() => {
                wanted.fit(&index(open.path.first()), true, 0).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn reads(&self, fits: Vec<&Fit>, wanted: &Wanted<'_>, in_order: bool) -> Node {
        let mut reads: Vec<IndexRead> =
            fits.into_iter().map(|fit| self.read(fit, wanted, in_order)).collect();
        match reads.len() {
            1 => Node::Index(reads.remove(0)),
            _ => Node::Merge(reads),
        }
    }

    fn read(&self, fit: &Fit, wanted: &Wanted<'_>, in_order: bool) -> IndexRead {
        let mut prefix = Vec::new();
        for (column, n) in fit.source.columns().iter().zip(&fit.covers) {
            prefix.extend(directed(&wanted.pins[*n].1, direction_of(column.kind)));
        }
        let pinned = fit.covers.iter().map(|n| {
            let (name, value) = wanted.pins[*n].clone();
            Pinned { path: FieldPath::single(&name), by: PinnedBy::Value, value, conditions: Vec::new() }
        });
        let mut columns = wanted.columns.clone();
        // A declared index of an ancestor has nothing but what lies below it.
        if !fit.automatic && wanted.disjunct.keys == self.query.source.keys() {
            let key = columns.last_mut().expect("the key is the last");
            key.spans = Spans::all();
        }
        IndexRead {
            source: fit.source.clone(),
            automatic: fit.automatic,
            value_length,
            direction: fit.direction,
            pinned: pinned.collect(),
            prefix,
            columns,
            parts: wanted.parts.clone(),
            ranges: self.ranges(&wanted.columns[0].spans, wanted, in_order),
            cuts: Cuts::default(),
        }
    }
}

impl Wanted<'_> {
    /// How an index fits: pins first, then exactly the open columns, all running with or all against the order. Of
    /// several pins of one property the column takes the one at `way`.
    fn fit(&self, source: &IndexSource, automatic: bool, way: usize) -> Option<Fit> {
        let open = &self.columns[..self.columns.len() - 1];
        let columns = source.columns();
        let (leading, trailing) = columns.split_at_checked(columns.len().checked_sub(open.len())?)?;
        let mut covers: Vec<usize> = Vec::new();
        for column in leading {
            let own = |n: &usize| self.pins[*n].0 == column.path.first();
            let own: Vec<usize> = (0..self.pins.len()).filter(own).collect();
            covers.push(*own.get(way % own.len().max(1))?);
        }
        let key = self.columns.last().expect("the key is the last");
        let mut with = BTreeSet::from([source.name_direction() == key.direction]);
        for (column, wanted) in trailing.iter().zip(open) {
            if column.path != wanted.path {
                return None;
            }
            with.insert(direction_of(column.kind) == wanted.direction);
        }
        if with.len() > 1 {
            return None;
        }
        let direction = if with.contains(&true) { Direction::Ascending } else { Direction::Descending };
        Some(Fit { source: source.clone(), direction, automatic, covers })
    }
}

fn column(name: &str, direction: Direction, spans: Option<&Spans>) -> KeyColumn {
    let spans = spans.cloned().unwrap_or_else(Spans::all);
    let spans = match direction {
        Direction::Ascending => spans,
        Direction::Descending => spans.inverted(),
    };
    KeyColumn { path: FieldPath::single(name), direction, spans, conditions: Vec::new() }
}

fn direction_of(kind: ColumnKind) -> Direction {
    match kind {
        ColumnKind::Descending => Direction::Descending,
        ColumnKind::Ascending | ColumnKind::Contains | ColumnKind::Vector { .. } => Direction::Ascending,
    }
}

/// The fewest fits, by greed, that have all of `count` pins.
fn covering(fits: &[Fit], count: usize) -> Option<Vec<&Fit>> {
    if count == 0 {
        return fits.iter().find(|fit| fit.covers.is_empty()).map(|fit| vec![fit]);
    }
    fewest(&fits.iter().collect::<Vec<_>>(), (0..count).collect(), |fit| &fit.covers)
}
