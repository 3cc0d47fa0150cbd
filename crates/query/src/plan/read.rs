//! The leaves of a plan: which part of which index, or of the documents, is read.

use database::{IndexSource, NameSource};
use model::FieldPath;
use model::encoding::EncodingError;
use model::query::{Direction, Order};

use crate::normal::{Condition, Constraint, Cut, Disjunct, KeyPart, Normal};
use crate::span::{Span, Spans};

/// A scan of documents by name.
#[derive(Clone, Debug)]
pub(crate) struct NameRead {
    pub source: NameSource,
    pub direction: Direction,
    /// Of keys, in the order they are read.
    pub ranges: Vec<Span>,
    /// For printing.
    pub conditions: Vec<Condition>,
    pub cuts: Cuts,
}

/// A scan of the part of an index where the pinned columns have their values.
#[derive(Clone, Debug)]
pub(crate) struct IndexRead {
    pub source: IndexSource,
    /// Nobody declared it.
    pub automatic: bool,
    /// Tells how long the value is that bytes begin with, upright or inverted.
    pub value_length: ValueLength,
    /// Ascending reads the index forward.
    pub direction: Direction,
    pub pinned: Vec<Pinned>,
    /// The bytes of the pinned columns.
    pub prefix: Vec<u8>,
    /// The columns after the pinned ones; the last is the name.
    pub columns: Vec<KeyColumn>,
    /// How the query's key is made of the columns, without the name.
    pub parts: Vec<KeyPart>,
    /// Of the bytes of `columns` as keys have them, in the order they are read.
    pub ranges: Vec<Span>,
    pub cuts: Cuts,
}

impl IndexRead {
    /// True when a column after the first wants only some values, so that rows are left out in between.
    pub(crate) fn is_selective(&self) -> bool {
        self.columns[1..].iter().any(|column| !column.spans.is_all())
    }
}

/// Documents and entities encode values differently.
pub(crate) type ValueLength = fn(&[u8], bool) -> Result<usize, EncodingError>;

/// A column of the key with the values that are wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct KeyColumn {
    pub path: FieldPath,
    pub direction: Direction,
    /// As keys have them: inverted where the column descends.
    pub spans: Spans,
    /// For printing.
    pub conditions: Vec<Condition>,
}

/// A field that has one value throughout a read.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    pub path: FieldPath,
    pub by: PinnedBy,
    /// Encoded, ascending.
    pub value: Vec<u8>,
    /// For printing.
    pub conditions: Vec<Condition>,
}

/// What a pinned value is of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinnedBy {
    Value,
    Element,
}

/// The cursors of the query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    pub start: Option<Cut>,
    pub end: Option<Cut>,
}

impl Cuts {
    pub fn of(query: &Normal) -> Self {
        Cuts { start: query.start.clone(), end: query.end.clone() }
    }

    /// The parts of `spans` between the cuts, in keys made as `parts` say.
    pub fn limit(&self, spans: &Spans, parts: &[KeyPart]) -> Vec<Span> {
        let Some(start) = self.start.as_ref().map_or(Some(Vec::new()), |cut| cut.edge(parts)) else {
            return Vec::new();
        };
        let between = Span::new(start, self.end.as_ref().and_then(|cut| cut.edge(parts)));
        spans.intersect(&Spans::one(between)).as_slice().to_vec()
    }
}

impl KeyColumn {
    /// A column with the values that `constraint` accepts: all without one.
    pub fn new(path: &FieldPath, direction: Direction, constraint: Option<&Constraint>) -> Self {
        let spans = constraint.map_or_else(Spans::all, |one| match direction {
            Direction::Ascending => one.spans.clone(),
            Direction::Descending => one.spans.inverted(),
        });
        let conditions = constraint.map(|one| one.conditions.clone()).unwrap_or_default();
        KeyColumn { path: path.clone(), direction, spans, conditions }
    }
}

impl Pinned {
    /// The fields and array elements that a disjunct pins to one value.
    pub fn of(disjunct: &Disjunct) -> Vec<Pinned> {
        let pinned = |path: &FieldPath, constraint: &Constraint, by: PinnedBy| {
            let value = constraint.point()?.to_vec();
            Some(Pinned { path: path.clone(), by, value, conditions: constraint.conditions.clone() })
        };
        let values = disjunct.fields.iter().filter_map(|(path, one)| pinned(path, one, PinnedBy::Value));
        let elements =
            disjunct.contains.iter().filter_map(|(path, one)| pinned(path, one, PinnedBy::Element));
        values.chain(elements).collect()
    }
}

/// The columns of the order that a disjunct leaves open, the name last, and how keys are made of them.
pub(crate) fn open_columns(
    order: &[Order],
    disjunct: &Disjunct,
    pinned: &[Pinned],
) -> (Vec<KeyColumn>, Vec<KeyPart>) {
    let mut columns = Vec::new();
    let mut parts = Vec::new();
    for Order { path, direction } in order {
        let constant = pinned.iter().find(|pin| pin.by == PinnedBy::Value && pin.path == *path);
        if let Some(pin) = constant {
            parts.push(KeyPart::Constant(directed(&pin.value, *direction)));
            continue;
        }
        let constraint = match path.is_document_name() {
            true => Some(&disjunct.name),
            false => {
                parts.push(KeyPart::Column);
                disjunct.fields.get(path)
            }
        };
        columns.push(KeyColumn::new(path, *direction, constraint));
    }
    (columns, parts)
}

/// Encoded bytes as a column of that direction has them.
pub(crate) fn directed(bytes: &[u8], direction: Direction) -> Vec<u8> {
    match direction {
        Direction::Ascending => bytes.to_vec(),
        Direction::Descending => crate::span::inverted(bytes),
    }
}
