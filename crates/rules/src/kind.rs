//! The types of the language, as `is` names them.

use std::fmt;

use crate::value::Value;

/// What may stand to the right of `is`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Bytes,
    Constraint,
    Duration,
    Float,
    Int,
    LatLng,
    List,
    Map,
    MapDiff,
    Number,
    Path,
    Set,
    String,
    Timestamp,
}

/// Every kind with its name.
const NAMES: [(&str, Kind); 15] = [
    ("bool", Kind::Bool),
    ("bytes", Kind::Bytes),
    ("constraint", Kind::Constraint),
    ("duration", Kind::Duration),
    ("float", Kind::Float),
    ("int", Kind::Int),
    ("latlng", Kind::LatLng),
    ("list", Kind::List),
    ("map", Kind::Map),
    ("map_diff", Kind::MapDiff),
    ("number", Kind::Number),
    ("path", Kind::Path),
    ("set", Kind::Set),
    ("string", Kind::String),
    ("timestamp", Kind::Timestamp),
];

impl Kind {
    /// The kind of a name.
    pub(crate) fn named(name: &str) -> Option<Kind> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Every name, for a message.
    pub(crate) fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }

    /// `value is kind` of a value that is known.
    ///
    /// Sets and differences of maps are of no kind, not even their own, and `request.auth` is not a map: so production
    /// answers.
    pub(crate) fn holds(self, value: &Value) -> bool {
        match self {
            Kind::Bool => matches!(value, Value::Bool(_)),
            Kind::Bytes => matches!(value, Value::Bytes(_)),
            Kind::Duration => matches!(value, Value::Duration(_)),
            Kind::Float => matches!(value, Value::Float(_)),
            Kind::Int => matches!(value, Value::Int(_)),
            Kind::LatLng => matches!(value, Value::LatLng(_)),
            Kind::List => matches!(value, Value::List(_)),
            Kind::Map => matches!(value, Value::Map(_)),
            Kind::Number => matches!(value, Value::Int(_) | Value::Float(_)),
            Kind::Path => matches!(value, Value::Path(_)),
            Kind::String => matches!(value, Value::String(_)),
            Kind::Timestamp => matches!(value, Value::Timestamp(_)),
            Kind::Set | Kind::MapDiff | Kind::Constraint => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = NAMES.iter().find(|(_, kind)| kind == self).expect("every kind has a name");
        f.write_str(name)
    }
}
