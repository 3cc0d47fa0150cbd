//! One query against one document: what a listener needs to know of a change.
//!
//! A matcher gives a document its place among the results, as if there were neither offset nor limit; whoever
//! keeps the results by their places applies those two. [`Matcher::filed_under`] names what every match has,
//! so that of many matchers only those need be asked that can match.

use database::{NameSource, View};
use model::encoding::push_index_value;
use model::query::{AggregationKind, Direction, FieldOperator, Order};
use model::{Document, FieldPath, Status, Value, body};

use crate::execute::place;
use crate::normal::{Condition, Disjunct, KeyPart, Normal, Operator};
use crate::plan::{MissingIndex, Pinned, PinnedBy, Plan, Purpose, Setting, plan};
use crate::source::Source;
use crate::span::{Span, Spans};
use crate::{Prepared, damage};

/// See the module.
#[derive(Clone, Debug)]
pub struct Matcher {
    normal: Normal,
    /// The keys between the cursors; None: there are none.
    between: Option<Span>,
}

/// What every document has that one of the query's disjuncts accepts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// This name: the path in the database.
    Name(String),
    /// A field that is encoded as these bytes ([`push_index_value`]).
    Value(FieldPath, Vec<u8>),
    /// An array with an element that is encoded as these bytes.
    Element(FieldPath, Vec<u8>),
}

/// Where to look a matcher up.
#[derive(Clone, Debug)]
pub struct Filing {
    /// Where every match stands.
    pub source: NameSource,
    /// Every match has one of these; None: matches have nothing of the kind in common.
    pub anchors: Option<Vec<Anchor>>,
}

impl Prepared {
    /// The query as a matcher.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a nearest-neighbour search, whose results depend on each other.
    pub fn matcher(&self) -> Result<Matcher, Status> {
        if self.0.nearest.is_some() {
            return Err(Status::invalid_argument("find_nearest is not supported by listeners."));
        }
        let normal = self.0.clone();
        let parts = vec![KeyPart::Column; normal.order.len() - 1];
        let start = normal.start.as_ref().map_or(Some(Vec::new()), |cut| cut.edge(&parts));
        let end = normal.end.as_ref().and_then(|cut| cut.edge(&parts));
        Ok(Matcher { between: start.map(|start| Span::new(start, end)), normal })
    }
}

impl Matcher {
    /// The document's place in the query's order; None when it does not match. Places compare as bytes, and
    /// no two documents have the same.
    ///
    /// # Errors
    /// INTERNAL for a damaged document.
    pub fn place(&self, document: &Document) -> Result<Option<Vec<u8>>, Status> {
        let Some(between) = &self.between else { return Ok(None) };
        let source = &self.normal.source;
        if !source.contains(&document.path) {
            return Ok(None);
        }
        let name = source.name_bytes(&document.path);
        for disjunct in &self.normal.disjuncts {
            if disjunct.accepts(&document.body, &name)? {
                let place = place(document, &name, &self.normal.order, source)?;
                return Ok(place.filter(|place| between.contains(place)));
            }
        }
        Ok(None)
    }

    /// True when a document of that path may match.
    pub fn covers(&self, path: &model::DocumentPath) -> bool {
        self.normal.source.contains(path)
    }

    /// The document with the fields that the query selects.
    ///
    /// # Errors
    /// INTERNAL for a damaged document.
    pub fn project(&self, mut document: Document) -> Result<Document, Status> {
        if let Some(fields) = &self.normal.select {
            let stored: Vec<FieldPath> =
                fields.iter().filter(|path| !path.is_document_name()).cloned().collect();
            document.body = body::project(&document.body, &stored).map_err(damage)?;
        }
        Ok(document)
    }

    /// True when [`Matcher::project`] answers the document itself.
    pub fn selects_everything(&self) -> bool {
        self.normal.select.is_none()
    }

    /// How many of the first matches are left out.
    pub fn offset(&self) -> u64 {
        self.normal.offset
    }

    /// How many matches there are at most, after the offset.
    pub fn limit(&self) -> Option<u64> {
        self.normal.limit
    }

    /// Plans the query as it was asked.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when an index is missing and required.
    pub fn plan(&self, view: &View, missing: MissingIndex) -> Result<Plan, Status> {
        plan(&self.normal, Purpose::Documents, setting(view, missing))
    }

    /// Plans the query without its offset, with this limit, and with whole documents.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when an index is missing and required.
    pub fn plan_first(&self, view: &View, count: u64, missing: MissingIndex) -> Result<Plan, Status> {
        let first = Normal { offset: 0, limit: Some(count), select: None, ..self.normal.clone() };
        plan(&first, Purpose::Documents, setting(view, missing))
    }

    /// How many results there are; looks no document up where an index will do.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when an index is missing and required; what the view answers.
    pub fn count(&self, view: &View, missing: MissingIndex) -> Result<u64, Status> {
        let purpose = Purpose::Aggregation(&[AggregationKind::Count { up_to: None }]);
        let mut rows = plan(&self.normal, purpose, setting(view, missing))?.execute(view);
        let mut count = 0;
        while rows.next_row()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// What matches have in common.
    pub fn filed_under(&self) -> Filing {
        let anchors = self.normal.disjuncts.iter().map(anchor).collect();
        Filing { source: self.normal.source.names(), anchors }
    }

    /// The same bytes for queries that have the same results, in the same order and with the same fields, and
    /// are served by the same indexes.
    pub fn identity(&self) -> Vec<u8> {
        let normal = &self.normal;
        let mut out = Identity::default();
        out.text(&format!("{:?}", normal.source));
        out.number(normal.offset);
        out.number(normal.limit.map_or(0, |limit| limit + 1));
        for Order { path, direction } in &normal.order {
            out.text(&path.to_string());
            out.0.push(u8::from(*direction == Direction::Descending));
        }
        out.spans(self.between.as_ref().into_iter());
        out.number(normal.select.as_ref().map_or(0, |fields| fields.len() as u64 + 1));
        normal.select.iter().flatten().for_each(|path| out.text(&path.to_string()));
        let mut disjuncts: Vec<Vec<u8>> = normal.disjuncts.iter().map(identity_of).collect();
        disjuncts.sort_unstable();
        disjuncts.dedup();
        disjuncts.iter().for_each(|disjunct| out.bytes(disjunct));
        out.0
    }
}

fn setting(view: &View, missing: MissingIndex) -> Setting<'_> {
    Setting { indexes: view.indexes(), read_time: view.read_time(), missing }
}

fn identity_of(disjunct: &Disjunct) -> Vec<u8> {
    let mut out = Identity::default();
    for (path, constraint) in &disjunct.fields {
        out.text(&path.to_string());
        out.all_spans(&constraint.spans);
    }
    let mut contains: Vec<_> = disjunct.contains.iter().collect();
    contains.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.number(contains.len() as u64);
    for (path, constraint) in contains {
        out.text(&path.to_string());
        out.all_spans(&constraint.spans);
    }
    out.all_spans(&disjunct.name.spans);
    out.0
}

/// Bytes that tell queries apart: every piece says how long it is.
#[derive(Default)]
struct Identity(Vec<u8>);

impl Identity {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn all_spans(&mut self, spans: &Spans) {
        self.spans(spans.as_slice().iter());
    }

    fn spans<'a>(&mut self, spans: impl ExactSizeIterator<Item = &'a Span>) {
        self.number(spans.len() as u64);
        for Span { start, end } in spans {
            self.bytes(start);
            self.number(u64::from(end.is_some()));
            end.iter().for_each(|end| self.bytes(end));
        }
    }
}

/// What all that a disjunct accepts has in common: of several things the one with most bytes, since the
/// shortest, booleans and nulls, tell the least apart.
fn anchor(disjunct: &Disjunct) -> Option<Anchor> {
    if let Some(name) = disjunct.name.conditions.iter().find_map(exact_name) {
        return Some(Anchor::Name(name));
    }
    let longest = Pinned::of(disjunct).into_iter().max_by_key(|pinned| pinned.value.len())?;
    Some(match longest.by {
        PinnedBy::Value => Anchor::Value(longest.path, longest.value),
        PinnedBy::Element => Anchor::Element(longest.path, longest.value),
    })
}

fn exact_name(condition: &Condition) -> Option<String> {
    match (condition.operator, &condition.value) {
        (Operator::Field(FieldOperator::Equal), Value::Reference(name)) => {
            Some(name.path.as_str().to_owned())
        }
        (_, _) => None,
    }
}

/// The anchors that a document has of one field, each encoded once: its value, and the elements of an array.
///
/// # Errors
/// INTERNAL for a damaged document.
pub fn anchored_values(document: &Document, path: &FieldPath) -> Result<Option<AnchoredValues>, Status> {
    let Some(value) = body::find(&document.body, path).map_err(damage)? else { return Ok(None) };
    let encoded = |value: &Value| {
        let mut bytes = Vec::new();
        push_index_value(&mut bytes, value);
        bytes
    };
    let elements = match &value {
        Value::Array(elements) => elements.iter().map(encoded).collect(),
        _ => Vec::new(),
    };
    Ok(Some(AnchoredValues { value: encoded(&value), elements }))
}

/// See [`anchored_values`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchoredValues {
    pub value: Vec<u8>,
    pub elements: Vec<Vec<u8>>,
}

impl Source {
    /// True when a document of that path is among those that a query looks at.
    fn contains(&self, path: &model::DocumentPath) -> bool {
        match self {
            Source::Collection(collection) => {
                let rest = path.as_str().strip_prefix(collection.as_str());
                rest.and_then(|rest| rest.strip_prefix('/')).is_some_and(|id| !id.contains('/'))
            }
            Source::Group { collection_id, parent } => {
                path.collection_id() == collection_id && parent.contains(path)
            }
            Source::Kindless { parent } => parent.contains(path),
            Source::Children { parent } => path.collection().parent() == *parent,
        }
    }
}
