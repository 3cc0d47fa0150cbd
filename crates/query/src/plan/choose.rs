//! Finds the indexes that hold exactly what a disjunct asks for, in the query's order.
//!
//! An index fits when its first columns are pinned by the disjunct, each to one value and in any
//! order, and its other columns are the open columns of the query's order, all in its direction or
//! all in the other. Several fitting indexes with the same open columns can be merged; together they
//! must have every pinned column.

use std::collections::BTreeSet;
use std::sync::Arc;

use database::{Column, ColumnKind, DeclaredIndex, IndexSource, Scope, SingleFieldKind};
use model::FieldPath;
use model::query::Direction;

use super::missing::{FieldMode, Shortfall};
use super::read::{Cuts, IndexRead, KeyColumn, NameRead, Pinned, PinnedBy, directed, open_columns};
use super::{Node, Setting};
use crate::normal::{Disjunct, KeyPart, Normal};

/// Looks for indexes on behalf of one query.
pub(crate) struct Chooser<'a> {
    pub query: &'a Normal,
    setting: Setting<'a>,
    scope: Option<Scope>,
    /// The declared indexes of the scope, and whether each is complete at the time of the read.
    composites: Vec<(IndexSource, bool)>,
}

/// What is asked of an index, or of several merged.
pub(super) struct Wanted {
    pub pinned: Vec<Pinned>,
    /// The name is the last.
    pub columns: Vec<KeyColumn>,
    pub parts: Vec<KeyPart>,
    pub vector: Option<(FieldPath, u32)>,
}

/// An index that fits.
struct Fit {
    source: IndexSource,
    direction: Direction,
    /// Which of the wanted pinned columns it has, in the index's order.
    covers: Vec<usize>,
    /// Complete at the time of the read.
    ready: bool,
    /// Nobody declared it.
    automatic: bool,
}

impl<'a> Chooser<'a> {
    pub fn new(query: &'a Normal, setting: Setting<'a>) -> Self {
        let scope = query.source.scope();
        let declared = scope.as_ref().map(|scope| setting.indexes.composites(scope)).unwrap_or_default();
        let ready =
            |(index, source): (Arc<DeclaredIndex>, IndexSource)| (source, index.serves(setting.read_time));
        Chooser { query, setting, scope, composites: declared.into_iter().map(ready).collect() }
    }

    /// Reads that yield exactly the disjunct's matches, in the query's order.
    pub fn exact(&self, disjunct: &Disjunct) -> Result<Node, Shortfall> {
        self.cover(disjunct, self.wanted(disjunct))
    }

    /// The same, for a search that does without a vector index.
    pub fn exact_without_vector(&self, disjunct: &Disjunct) -> Result<Node, Shortfall> {
        self.cover(disjunct, Wanted { vector: None, ..self.wanted(disjunct) })
    }

    fn cover(&self, disjunct: &Disjunct, wanted: Wanted) -> Result<Node, Shortfall> {
        if wanted.pinned.is_empty() && wanted.columns.len() == 1 && wanted.vector.is_none() {
            let unread = disjunct.fields.keys().next();
            return match unread {
                None => Ok(Node::Names(self.names(&wanted, Cuts::of(self.query)))),
                Some(_) => Err(Shortfall::Unindexable),
            };
        }
        if !wanted.indexable(disjunct) {
            return Err(Shortfall::Unindexable);
        }
        let fits = self.fits(&wanted);
        let ready: Vec<&Fit> = fits.iter().filter(|fit| fit.ready).collect();
        if let Some(cover) = covering(&ready, wanted.pinned.len()) {
            return Ok(reads(cover, &wanted, &Cuts::of(self.query)));
        }
        let building = covering(&fits.iter().collect::<Vec<_>>(), wanted.pinned.len()).is_some();
        Err(wanted.shortfall(&ready, building))
    }

    /// Reads of indexes without an order, for as many pinned columns as have one. In the query's
    /// order, and within its cursors, when that order is the name's.
    pub fn pinned_only(&self, disjunct: &Disjunct) -> Option<Node> {
        let wanted = self.wanted(disjunct).by_name();
        let fits = self.fits(&wanted);
        let ready: Vec<&Fit> = fits.iter().filter(|fit| fit.ready).collect();
        let reachable: BTreeSet<usize> = ready.iter().flat_map(|fit| fit.covers.clone()).collect();
        if reachable.is_empty() {
            return None;
        }
        let cover = greedy(&ready, reachable)?;
        Some(reads(cover, &wanted, &self.cuts_by_name(disjunct)))
    }

    /// A read of the values of one field that the disjunct accepts.
    pub fn ranged_only(&self, disjunct: &Disjunct, path: &FieldPath) -> Option<Node> {
        let constraint = disjunct.fields.get(path)?;
        let mut wanted = self.wanted(disjunct).by_name();
        let direction = wanted.name().direction;
        wanted.pinned.clear();
        wanted.columns.insert(0, KeyColumn::new(path, direction, Some(constraint)));
        wanted.parts = vec![KeyPart::Column];
        let fits = self.fits(&wanted);
        let fit = fits.iter().find(|fit| fit.ready && fit.source.columns().len() == 1)?;
        Some(reads(vec![fit], &wanted, &Cuts::default()))
    }

    /// A read of documents by name, within what the disjunct says of names. In the query's order, and
    /// within its cursors, when that order is the name's.
    pub fn by_name(&self, disjunct: &Disjunct) -> Node {
        let wanted = self.wanted(disjunct).by_name();
        Node::Names(self.names(&wanted, self.cuts_by_name(disjunct)))
    }

    /// True when the disjunct leaves nothing of the order open but the name.
    pub fn is_by_name(&self, disjunct: &Disjunct) -> bool {
        self.wanted(disjunct).columns.len() == 1
    }

    fn cuts_by_name(&self, disjunct: &Disjunct) -> Cuts {
        if self.is_by_name(disjunct) { Cuts::of(self.query) } else { Cuts::default() }
    }

    fn wanted(&self, disjunct: &Disjunct) -> Wanted {
        let pinned = Pinned::of(disjunct);
        let (columns, parts) = open_columns(&self.query.order, disjunct, &pinned);
        let dimension = |n: usize| u32::try_from(n).expect("at most 2,048 dimensions");
        let vector =
            self.query.nearest.as_ref().map(|find| (find.field.clone(), dimension(find.vector.len())));
        Wanted { pinned, columns, parts, vector }
    }

    fn names(&self, wanted: &Wanted, cuts: Cuts) -> NameRead {
        let name = wanted.name();
        NameRead {
            source: self.query.source.names(),
            direction: name.direction,
            ranges: cuts.limit(&name.spans, &wanted.parts),
            conditions: name.conditions.clone(),
            cuts,
        }
    }

    fn fits(&self, wanted: &Wanted) -> Vec<Fit> {
        let Some(scope) = &self.scope else {
            return Vec::new();
        };
        let time = self.setting.read_time;
        let mut fits = Vec::new();
        for (path, kind) in wanted.single_fields() {
            if let Some((source, declared)) = self.setting.indexes.single_field(scope, path, kind) {
                let ready = declared.as_ref().is_none_or(|index| index.serves(time));
                let fit = wanted.fit(&source, ready);
                fits.extend(fit.map(|fit| Fit { automatic: declared.is_none(), ..fit }));
            }
        }
        fits.extend(self.composites.iter().filter_map(|(source, ready)| wanted.fit(source, *ready)));
        fits
    }
}

impl Wanted {
    fn name(&self) -> &KeyColumn {
        self.columns.last().expect("the order ends with the name")
    }

    /// Only the pinned columns and the name.
    fn by_name(mut self) -> Self {
        let open = self.columns.len() - 1;
        if open > 0 {
            self.parts = Vec::new();
        }
        self.columns.drain(..open);
        self.vector = None;
        self
    }

    /// False when no index can have these columns: a name that runs against the column before it,
    /// or a range on a field that is not in the order.
    fn indexable(&self, disjunct: &Disjunct) -> bool {
        let runs_with = match self.columns.as_slice() {
            [.., last, name] => last.direction == name.direction,
            _ => true,
        };
        let placed = |path: &FieldPath| {
            self.columns.iter().any(|column| column.path == *path)
                || self.pinned.iter().any(|pin| pin.by == PinnedBy::Value && pin.path == *path)
        };
        runs_with && disjunct.fields.keys().all(placed)
    }

    /// The single-field indexes that could fit.
    fn single_fields(&self) -> Vec<(&FieldPath, SingleFieldKind)> {
        match self.columns.as_slice() {
            [_] => self.pinned.iter().map(|pin| (&pin.path, pin.by.single_field())).collect(),
            [column, _] if self.pinned.is_empty() => vec![(&column.path, SingleFieldKind::Ordered)],
            _ => Vec::new(),
        }
    }

    fn fit(&self, source: &IndexSource, ready: bool) -> Option<Fit> {
        let columns = self.without_vector(source.columns())?;
        let open = &self.columns[..self.columns.len() - 1];
        let (leading, trailing) = columns.split_at_checked(columns.len().checked_sub(open.len())?)?;
        let covers = self.covered(leading)?;
        let mut directions = BTreeSet::new();
        for (column, wanted) in trailing.iter().zip(open) {
            let direction = direction_of(column.kind)?;
            if column.path != wanted.path {
                return None;
            }
            directions.insert(direction == wanted.direction);
        }
        directions.insert(source.name_direction() == self.name().direction);
        if directions.len() > 1 {
            return None;
        }
        let direction = if directions.contains(&true) { Direction::Ascending } else { Direction::Descending };
        Some(Fit { source: source.clone(), direction, covers, ready, automatic: false })
    }

    /// The columns before the wanted vector; none unless the index ends in just that vector.
    fn without_vector<'c>(&self, columns: &'c [Column]) -> Option<&'c [Column]> {
        let is_vector = |column: &Column| matches!(column.kind, ColumnKind::Vector { .. });
        let Some((path, dimension)) = &self.vector else {
            return (!columns.iter().any(is_vector)).then_some(columns);
        };
        let (last, others) = columns.split_last()?;
        let fits = last.path == *path && last.kind == (ColumnKind::Vector { dimension: *dimension });
        (fits && !others.iter().any(is_vector)).then_some(others)
    }

    /// Which pinned columns `leading` are; none if one is not pinned.
    fn covered(&self, leading: &[Column]) -> Option<Vec<usize>> {
        leading
            .iter()
            .map(|column| {
                let by = match column.kind {
                    ColumnKind::Ascending | ColumnKind::Descending => PinnedBy::Value,
                    ColumnKind::Contains => PinnedBy::Element,
                    ColumnKind::Vector { .. } => return None,
                };
                self.pinned.iter().position(|pin| pin.by == by && pin.path == column.path)
            })
            .collect()
    }

    /// What to ask for when nothing fits.
    fn shortfall(&self, ready: &[&Fit], building: bool) -> Shortfall {
        if let Some((path, dimension)) = &self.vector {
            return Shortfall::Vector {
                columns: self.definition(),
                path: path.clone(),
                dimension: *dimension,
            };
        }
        match self.columns.as_slice() {
            [_] => {
                let covered: BTreeSet<usize> = ready.iter().flat_map(|fit| fit.covers.clone()).collect();
                let bare = self.pinned.iter().enumerate().find(|(n, _)| !covered.contains(n));
                let (_, pin) = bare.expect("something pinned is not covered");
                let mode = match pin.by {
                    PinnedBy::Value => FieldMode::Ascending,
                    PinnedBy::Element => FieldMode::Contains,
                };
                Shortfall::Field { path: pin.path.clone(), mode, building }
            }
            [column, _] if self.pinned.is_empty() => {
                let mode = match column.direction {
                    Direction::Ascending => FieldMode::Ascending,
                    Direction::Descending => FieldMode::Descending,
                };
                Shortfall::Field { path: column.path.clone(), mode, building }
            }
            _ => Shortfall::Composite { columns: self.definition(), building },
        }
    }

    /// The columns of the one index that would fit: pinned values by path, elements, open columns.
    fn definition(&self) -> Vec<Column> {
        let pins = |by: PinnedBy, kind: ColumnKind| {
            let mine = self.pinned.iter().filter(move |pin| pin.by == by);
            mine.map(move |pin| Column { path: pin.path.clone(), kind })
        };
        let open = self.columns[..self.columns.len() - 1].iter().map(|column| Column {
            path: column.path.clone(),
            kind: match column.direction {
                Direction::Ascending => ColumnKind::Ascending,
                Direction::Descending => ColumnKind::Descending,
            },
        });
        let values = pins(PinnedBy::Value, ColumnKind::Ascending);
        values.chain(pins(PinnedBy::Element, ColumnKind::Contains)).chain(open).collect()
    }

    fn read(&self, fit: &Fit, cuts: &Cuts) -> IndexRead {
        let mut prefix = Vec::new();
        for (column, n) in fit.source.columns().iter().zip(&fit.covers) {
            let direction = direction_of(column.kind).unwrap_or(Direction::Ascending);
            prefix.extend(directed(&self.pinned[*n].value, direction));
        }
        IndexRead {
            source: fit.source.clone(),
            automatic: fit.automatic,
            value_length: model::encoding::value_length,
            direction: fit.direction,
            pinned: fit.covers.iter().map(|n| self.pinned[*n].clone()).collect(),
            prefix,
            columns: self.columns.clone(),
            parts: self.parts.clone(),
            ranges: cuts.limit(&self.columns[0].spans, &self.parts),
            cuts: cuts.clone(),
        }
    }
}

impl PinnedBy {
    fn single_field(self) -> SingleFieldKind {
        match self {
            PinnedBy::Value => SingleFieldKind::Ordered,
            PinnedBy::Element => SingleFieldKind::Contains,
        }
    }
}

fn direction_of(kind: ColumnKind) -> Option<Direction> {
    match kind {
        ColumnKind::Ascending => Some(Direction::Ascending),
        ColumnKind::Descending => Some(Direction::Descending),
        ColumnKind::Contains | ColumnKind::Vector { .. } => None,
    }
}

/// The fewest fits, by greed, that have all of `count` pinned columns.
fn covering<'f>(fits: &[&'f Fit], count: usize) -> Option<Vec<&'f Fit>> {
    if count == 0 {
        return fits.iter().find(|fit| fit.covers.is_empty()).map(|fit| vec![*fit]);
    }
    greedy(fits, (0..count).collect())
}

fn greedy<'f>(fits: &[&'f Fit], open: BTreeSet<usize>) -> Option<Vec<&'f Fit>> {
    fewest(fits, open, |fit| &fit.covers)
}

/// The fewest of `fits`, by greed, that together cover all that is `open`.
pub(crate) fn fewest<'f, F>(
    fits: &[&'f F],
    mut open: BTreeSet<usize>,
    covers: impl Fn(&F) -> &[usize],
) -> Option<Vec<&'f F>> {
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let gain = |fit: &F| covers(fit).iter().filter(|n| open.contains(n)).count();
        // The first of the best, so that plans do not depend on anything but the index set.
        let best = fits.iter().rev().max_by_key(|fit| gain(fit))?;
        if gain(best) == 0 {
            return None;
        }
        open.retain(|n| !covers(best).contains(n));
        chosen.push(*best);
    }
    Some(chosen)
}

fn reads(fits: Vec<&Fit>, wanted: &Wanted, cuts: &Cuts) -> Node {
    let mut reads: Vec<IndexRead> = fits.into_iter().map(|fit| wanted.read(fit, cuts)).collect();
    match reads.len() {
        1 => Node::Index(reads.remove(0)),
        _ => Node::Merge(reads),
    }
}
