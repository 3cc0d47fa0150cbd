//! One AND of a filter: for each field, the set of values it accepts.

use std::collections::BTreeMap;

use model::encoding::{push_index_value, value_length};
use model::query::FieldOperator;
use model::{FieldPath, Status, Value, body};

use super::condition::{Condition, Operator};
use crate::damage;
use crate::dnf::{Leaf, Test};
use crate::source::Source;
use crate::span::{Span, Spans};

/// The documents that one disjunct accepts.
#[derive(Clone, Debug)]
pub(crate) struct Disjunct {
    /// The values of fields, as a whole.
    pub fields: BTreeMap<FieldPath, Constraint>,
    /// Elements that arrays hold.
    pub contains: Vec<(FieldPath, Constraint)>,
    /// Name bytes of the source, with the restriction to its parent.
    pub name: Constraint,
}

/// A set of encoded values, and the conditions it came from.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub spans: Spans,
    pub conditions: Vec<Condition>,
}

impl Constraint {
    fn all() -> Self {
        Constraint { spans: Spans::all(), conditions: Vec::new() }
    }

    fn and(&mut self, spans: Spans, condition: Condition) {
        self.spans = self.spans.intersect(&spans);
        self.conditions.push(condition);
    }

    /// The one encoded value that is accepted, when there is just one.
    pub fn point(&self) -> Option<&[u8]> {
        let [only] = self.spans.as_slice() else {
            return None;
        };
        let whole = value_length(&only.start, false).is_ok_and(|length| length == only.start.len());
        (whole && *only == Span::prefix(&only.start)).then_some(only.start.as_slice())
    }
}

impl Disjunct {
    /// None when no document can match.
    pub fn of(leaves: &[Leaf<'_>], source: &Source) -> Option<Self> {
        let name = Constraint { spans: source.allowed_names(), conditions: Vec::new() };
        let mut disjunct = Disjunct { fields: BTreeMap::new(), contains: Vec::new(), name };
        for leaf in leaves {
            disjunct.add(leaf, source);
        }
        let fields = disjunct.fields.values().chain(disjunct.contains.iter().map(|(_, one)| one));
        let possible = !disjunct.name.spans.is_none() && fields.into_iter().all(|one| !one.spans.is_none());
        possible.then_some(disjunct)
    }

    fn add(&mut self, leaf: &Leaf<'_>, source: &Source) {
        let condition = Condition::of(leaf.test);
        if leaf.path.is_document_name() {
            self.name.and(names(leaf.test, source), condition);
            return;
        }
        let accepted = condition.accepted();
        if condition.operator == Operator::Field(FieldOperator::ArrayContains) {
            self.contains
                .push((leaf.path.clone(), Constraint { spans: accepted, conditions: vec![condition] }));
            return;
        }
        self.fields.entry(leaf.path.clone()).or_insert_with(Constraint::all).and(accepted, condition);
    }

    /// Whether a document with this body and these name bytes matches. Reads only the fields asked for.
    pub fn accepts(&self, body: &[u8], name: &[u8]) -> Result<bool, Status> {
        if !self.name.spans.contains(name) {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        for (path, constraint) in &self.fields {
            let Some(value) = body::find(body, path).map_err(damage)? else {
                return Ok(false);
            };
            bytes.clear();
            push_index_value(&mut bytes, &value);
            if !constraint.spans.contains(&bytes) {
                return Ok(false);
            }
        }
        for (path, constraint) in &self.contains {
            let Some(Value::Array(elements)) = body::find(body, path).map_err(damage)? else {
                return Ok(false);
            };
            let held = elements.iter().any(|element| {
                bytes.clear();
                push_index_value(&mut bytes, element);
                constraint.spans.contains(&bytes)
            });
            if !held {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The name bytes that a comparison with references accepts.
fn names(test: Test<'_>, source: &Source) -> Spans {
    let Test::Compare(operator, value) = test else {
        return Spans::none();
    };
    let from = |value: &Value, after: bool| match value {
        Value::Reference(name) => source.edge(&name.path, after),
        _ => Vec::new(),
    };
    let exactly = |value: &Value| Span::new(from(value, false), Some(from(value, true)));
    let listed = |value: &Value| match value {
        Value::Array(values) => values.iter().map(exactly).collect(),
        value => vec![exactly(value)],
    };
    match operator {
        FieldOperator::Equal => Spans::one(exactly(value)),
        FieldOperator::LessThan => Spans::one(Span::new(Vec::new(), Some(from(value, false)))),
        FieldOperator::LessThanOrEqual => Spans::one(Span::new(Vec::new(), Some(from(value, true)))),
        FieldOperator::GreaterThan => Spans::one(Span::new(from(value, true), None)),
        FieldOperator::GreaterThanOrEqual => Spans::one(Span::new(from(value, false), None)),
        FieldOperator::NotEqual | FieldOperator::NotIn => {
            let holes: Vec<Span> = listed(value);
            Spans::all().without(holes.into_iter().filter(|hole| !hole.is_empty()))
        }
        FieldOperator::In | FieldOperator::ArrayContains | FieldOperator::ArrayContainsAny => Spans::none(),
    }
}
