//! A query for entities in normal form: what its planner works on.
//!
//! Conceptually an index row is an entity with one of its values for each property that the query names. So a
//! disjunct *pins* values that some value of a property must equal, each on its own, and has *ranges* that one value
//! of a property must lie in. The *place* of a result is the encoded value of each column of the complete order,
//! inverted where the column descends. Of several rows of an entity the first counts: ascending its least value in
//! the range, descending its greatest, over all disjuncts. Only the *exploded* properties (projected, or distinct)
//! make an entity several results: each is in the order, so a place names one result.

use std::collections::{BTreeMap, BTreeSet};

use model::encoding::{END, push_ids};
use model::entity::encoding::push_value;
use model::entity::key::namespace_path;
use model::entity::query::{EntityQuery, PropertyOperator, PropertyOrder};
use model::entity::validate::KEY_PROPERTY;
use model::entity::{EntityValue, Key};
use model::query::{Direction, FindNearest};
use model::{DatabaseName, DocumentPath, Status};

use super::check::{self, Checked, Leaf};
use super::cursor::{self, Position};
use super::metadata::{self, MetadataKind};
use crate::span::{Span, Spans};

/// A checked query in normal form.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub database: DatabaseName,
    pub source: Source,
    /// What matches is what any of these accepts; with none, nothing does.
    pub disjuncts: Vec<Disjunct>,
    /// Complete. `__key__` is last, or before exploded columns that follow it.
    pub order: Vec<OrderColumn>,
    /// Sorted.
    pub exploded: Vec<String>,
    pub output: Output,
    /// How many columns of the order a result must be the first for; 0: all results count.
    pub distinct: usize,
    pub window: Window,
    /// Of the window's results only these.
    pub nearest: Option<FindNearest>,
    /// Its kind is computed.
    pub metadata: Option<MetadataKind>,
    /// What cursors must have been made for.
    pub shape: u64,
}

/// Where entities are looked for.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub namespace: String,
    pub kind: Option<String>,
    pub ancestor: Option<DocumentPath>,
}

/// The part of the results that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub start: Option<Position>,
    pub end: Option<Position>,
    pub offset: u64,
    pub limit: Option<u64>,
}

/// What a result holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    Entities,
    Keys,
    Properties(Vec<String>),
}

/// One column of the order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderColumn {
    /// None: the key.
    pub name: Option<String>,
    pub direction: Direction,
}

/// One AND of the filter.
#[derive(Clone, Debug)]
pub(super) struct Disjunct {
    /// Values that a property must have among its own; sorted, not empty.
    pub pins: BTreeMap<String, Vec<Vec<u8>>>,
    /// Where one value of a property must lie.
    pub ranges: BTreeMap<String, Spans>,
    /// Path bytes, with the restriction to the ancestor.
    pub keys: Spans,
    /// As they were written.
    pub conditions: Vec<Leaf>,
}

impl Normal {
    /// Checks and normalises.
    pub fn of(query: &EntityQuery, database: &DatabaseName) -> Result<Self, Status> {
        let checked = check::query(query, database)?;
        let Checked { disjuncts, ancestor, inequalities } = checked;
        let source = Source {
            namespace: query.namespace.clone(),
            kind: query.kind.clone(),
            ancestor: ancestor.as_ref().map(path),
        };
        let output = Output::of(query);
        let exploded = exploded(query);
        // Whoever asks for one key asks for no order: what lacks a property of it is found all the same.
        let names_key = |leaf: &Leaf| leaf.names_key() && leaf.is_plain_equality();
        let one_key = disjuncts.iter().all(|leaves| leaves.iter().any(names_key));
        let order = match one_key {
            true => complete(&[], &[], &query.distinct_on, &exploded),
            false => complete(&query.order, &inequalities, &query.distinct_on, &exploded),
        };
        let shape = cursor::shape(query, &order);
        let position = |bytes: &Option<bytes::Bytes>| {
            bytes.as_ref().map(|bytes| Position::read(bytes, shape, &order)).transpose()
        };
        let mut normal = Normal {
            window: Window {
                start: position(&query.start)?,
                end: position(&query.end)?,
                offset: u64::try_from(query.offset).expect("checked not to be negative"),
                limit: query.limit.map(|limit| u64::try_from(limit).expect("checked not to be negative")),
            },
            disjuncts: disjuncts.into_iter().filter_map(|leaves| Disjunct::of(leaves, &source)).collect(),
            database: database.clone(),
            source,
            distinct: query.distinct_on.len(),
            order,
            exploded,
            output,
            nearest: query.nearest.as_ref().map(check::nearest).transpose()?,
            metadata: None,
            shape,
        };
        normal.metadata = metadata::kind_of(&normal)?;
        Ok(normal)
    }

    /// The order's columns before the key.
    pub fn columns(&self) -> &[OrderColumn] {
        &self.order[..self.key_at()]
    }

    /// Where in the order the key stands.
    pub fn key_at(&self) -> usize {
        self.order.iter().position(|column| column.name.is_none()).expect("an order has the key")
    }

    /// True when a result's place begins with nothing but its key, whatever disjunct it comes from.
    pub fn is_by_key(&self) -> bool {
        self.order[0].name.is_none()
    }
}

impl Source {
    /// Path bytes of what may be looked at.
    pub fn keys(&self) -> Spans {
        match &self.ancestor {
            Some(ancestor) => Spans::one(Span::prefix(&path_bytes(ancestor))),
            None => Spans::all(),
        }
    }

    /// The path below which all entities lie.
    pub fn root(&self) -> DocumentPath {
        namespace_path(&self.namespace)
    }
}

impl Output {
    fn of(query: &EntityQuery) -> Self {
        match query.projection.as_slice() {
            [] => Output::Entities,
            [only] if only == KEY_PROPERTY => Output::Keys,
            all => Output::Properties(all.iter().filter(|name| *name != KEY_PROPERTY).cloned().collect()),
        }
    }
}

fn exploded(query: &EntityQuery) -> Vec<String> {
    let all = query.projection.iter().chain(&query.distinct_on);
    let mut names: Vec<String> = all.filter(|name| *name != KEY_PROPERTY).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Explicit orders, then properties under inequalities, then exploded ones, each by name; then the key.
fn complete(
    explicit: &[PropertyOrder],
    inequalities: &[String],
    distinct_on: &[String],
    exploded: &[String],
) -> Vec<OrderColumn> {
    let mut order: Vec<OrderColumn> = Vec::new();
    for column in explicit {
        let name = (column.name != KEY_PROPERTY).then(|| column.name.clone());
        let is_key = name.is_none();
        order.push(OrderColumn { name, direction: column.direction });
        if is_key {
            break;
        }
    }
    let direction = order.last().map_or(Direction::Ascending, |last| last.direction);
    let has_key = order.last().is_some_and(|last| last.name.is_none());
    // What is grouped comes first in any case; an inequality is on a grouped property then.
    let grouped = distinct_on.iter().collect::<BTreeSet<_>>();
    let unequal = inequalities.iter().filter(|name| *name != KEY_PROPERTY && !has_key);
    for name in unequal.chain(grouped).chain(exploded) {
        if !order.iter().any(|column| column.name.as_ref() == Some(name)) {
            order.push(OrderColumn { name: Some(name.clone()), direction });
        }
    }
    if !has_key {
        order.push(OrderColumn { name: None, direction });
    }
    order
}

impl Disjunct {
    /// None when nothing can match.
    fn of(leaves: Vec<Leaf>, source: &Source) -> Option<Self> {
        let keys = source.keys();
        let mut disjunct =
            Disjunct { pins: BTreeMap::new(), ranges: BTreeMap::new(), keys, conditions: leaves };
        for leaf in disjunct.conditions.clone() {
            disjunct.add(&leaf);
        }
        let points = disjunct.ranges.extract_if(.., |_, spans| point(spans).is_some());
        let points: Vec<_> = points.collect();
        for (name, spans) in points {
            disjunct.pin(name, point(&spans).expect("only points were taken"));
        }
        let possible = !disjunct.keys.is_none() && disjunct.ranges.values().all(|spans| !spans.is_none());
        possible.then_some(disjunct)
    }

    fn add(&mut self, leaf: &Leaf) {
        if leaf.name == KEY_PROPERTY {
            self.keys = self.keys.intersect(&accepted(leaf, exact_key));
            return;
        }
        if leaf.operator == PropertyOperator::Equal {
            let value = exact_value(&leaf.values[0]).start;
            self.pin(leaf.name.clone(), value);
            return;
        }
        let spans = accepted(leaf, exact_value);
        let range = self.ranges.entry(leaf.name.clone()).or_insert_with(Spans::all);
        *range = range.intersect(&spans);
    }

    fn pin(&mut self, name: String, value: Vec<u8>) {
        let values = self.pins.entry(name).or_default();
        if let Err(at) = values.binary_search(&value) {
            values.insert(at, value);
        }
    }

    /// Of the sorted values that an entity has of a property, those that rows of this disjunct may have.
    pub fn candidates<'v>(&'v self, name: &str, values: &'v [Vec<u8>]) -> Vec<&'v [u8]> {
        let all = values.iter().map(Vec::as_slice);
        match (self.ranges.get(name), self.pins.get(name)) {
            (Some(spans), _) => all.filter(|value| spans.contains(value)).collect(),
            (None, Some(pins)) => pins.iter().map(Vec::as_slice).collect(),
            (None, None) => all.collect(),
        }
    }
}

/// The one value that spans accept, if there is just one.
fn point(spans: &Spans) -> Option<Vec<u8>> {
    let [only] = spans.as_slice() else { return None };
    let length = model::entity::encoding::value_length(&only.start, false).ok()?;
    (length == only.start.len() && *only == Span::prefix(&only.start)).then(|| only.start.clone())
}

/// What a comparison accepts, given the span of just one operand.
fn accepted(leaf: &Leaf, exactly: fn(&EntityValue) -> Span) -> Spans {
    let Span { start, end } = exactly(&leaf.values[0]);
    match leaf.operator {
        PropertyOperator::LessThan => Spans::one(Span::new(Vec::new(), Some(start))),
        PropertyOperator::LessThanOrEqual => Spans::one(Span::new(Vec::new(), end)),
        PropertyOperator::GreaterThan => end.map_or_else(Spans::none, |end| Spans::one(Span::new(end, None))),
        PropertyOperator::GreaterThanOrEqual => Spans::one(Span::new(start, None)),
        PropertyOperator::NotEqual | PropertyOperator::NotIn => {
            Spans::all().without(leaf.values.iter().map(exactly))
        }
        PropertyOperator::Equal | PropertyOperator::In | PropertyOperator::HasAncestor => {
            Spans::one(Span::new(start, end))
        }
    }
}

fn exact_value(value: &EntityValue) -> Span {
    let mut bytes = Vec::new();
    push_value(&mut bytes, value);
    Span::prefix(&bytes)
}

fn exact_key(value: &EntityValue) -> Span {
    let EntityValue::Key(key) = value else { return Span::new(Vec::new(), Some(Vec::new())) };
    let bytes = path_bytes(&path(key));
    let mut end = bytes.clone();
    // Sorts after the path itself and before all below it: every id's tag is greater.
    end.push(END + 1);
    Span::new(bytes, Some(end))
}

/// The path that a key is stored under.
fn path(key: &Key) -> DocumentPath {
    key.document_path().expect("a checked key is complete")
}

/// The bytes of a whole path, as they end index entries and rows.
pub(super) fn path_bytes(path: &DocumentPath) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.as_str().len() + 32);
    push_ids(&mut bytes, path.ids());
    bytes
}
