//! The path that rules are matched with: of one document, or of all that a query could return.

use std::sync::Arc;

use model::order::TypeClass;

use crate::known::Known;
use crate::names::ROOT;
use crate::syntax::Name;
use crate::value::{Path, Value};

/// Steps that most paths do not have more of.
const ROOM: usize = 8;

/// One part of a path.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Known(Name),
    /// Some id.
    Any,
    /// Any number of ids, as above the collections of a group. Only `{x=**}` covers it.
    Descent,
}

impl Step {
    /// The value of a wildcard for one segment.
    pub fn value(&self) -> Option<Value> {
        match self {
            Step::Known(id) => Some(Value::String(id.clone())),
            Step::Any => Some(unknown(TypeClass::String)),
            Step::Descent => None,
        }
    }
}

/// `/databases/{database}/documents` and what is below.
pub(crate) fn rooted(database: &Name, below: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let root = [ROOT.databases.clone(), database.clone(), ROOT.documents.clone()];
    let mut steps = Vec::with_capacity(ROOM);
    steps.extend(root.into_iter().map(Step::Known).chain(below));
    steps
}

/// The whole of it as a path.
pub(crate) fn absolute(steps: &[Step]) -> Value {
    names(steps).map_or(unknown(TypeClass::Reference), |names| Value::Path(Path::absolute(names)))
}

/// A part of it, as `{x=**}` is bound.
pub(crate) fn relative(steps: &[Step]) -> Value {
    names(steps).map_or(unknown(TypeClass::Reference), |names| Value::Path(Path::relative(names)))
}

fn names(steps: &[Step]) -> Option<Vec<Name>> {
    let name = |step: &Step| match step {
        Step::Known(id) => Some(id.clone()),
        Step::Any | Step::Descent => None,
    };
    steps.iter().map(name).collect()
}

fn unknown(class: TypeClass) -> Value {
    Value::Unknown(Arc::new(Known::of_class(class)))
}
