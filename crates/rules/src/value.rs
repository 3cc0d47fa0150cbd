//! The values that expressions have.

mod list;
mod made;
mod map;
mod path;
mod text;
mod time;

use std::sync::Arc;

use bytes::Bytes;
use model::GeoPoint;

pub use list::{List, Set};
pub use map::Map;
pub use path::Path;
pub(crate) use time::NANOS;
pub use time::{Duration, Instant};

pub(crate) use made::{Asked, Place};
pub(crate) use map::Lookup;
pub(crate) use text::float_text;

use crate::known::Known;

/// One value. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Arc<str>),
    Bytes(Bytes),
    Timestamp(Instant),
    Duration(Duration),
    LatLng(GeoPoint),
    Path(Path),
    List(List),
    Set(Set),
    Map(Map),
    /// What the server made: `request`, `resource`, `request.auth`. Used like a map, but `is map` is false.
    Object(Map),
    MapDiff(Arc<MapDiff>),
    /// A value that differs between the documents which a query may return.
    Unknown(Arc<Known>),
}

/// The keys of two maps, by what became of them.
#[derive(Clone, Debug, Default)]
pub struct MapDiff {
    pub added: Set,
    pub removed: Set,
    pub changed: Set,
    pub unchanged: Set,
}

/// The most that a value weighs. What shares its parts can seem endlessly large, and weights are added up.
const HEAVIEST: u64 = 1 << 48;

impl Value {
    pub(crate) fn string(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    /// A value of a document or a claim.
    pub(crate) fn of(value: &model::Value) -> Self {
        use model::Value as Stored;
        match value {
            Stored::Null => Value::Null,
            Stored::Boolean(truth) => Value::Bool(*truth),
            Stored::Integer(number) => Value::Int(*number),
            Stored::Double(number) => Value::Float(*number),
            Stored::Timestamp(time) => Value::Timestamp(Instant::of(*time)),
            Stored::String(text) => Value::string(text.as_str()),
            Stored::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Stored::Reference(name) => {
                Value::Path(Path::of_document(&name.database.database, name.path.ids()))
            }
            Stored::GeoPoint(point) => Value::LatLng(*point),
            Stored::Array(items) => Value::List(List::new(items.iter().map(Value::of).collect())),
            Stored::Vector(numbers) => {
                let numbers = numbers.iter().map(|number| Value::Float(*number)).collect();
                // As it is on the wire: the language has no type for it.
                Value::Map(Map::new([
                    (model::value::TYPE_KEY.into(), Value::string(model::value::VECTOR_TYPE)),
                    (model::value::VECTOR_VALUE_KEY.into(), Value::List(List::new(numbers))),
                ]))
            }
            Stored::Map(fields) => Value::Map(Map::of(fields)),
        }
    }

    /// Bytes that a look at all of it may touch. What is shared counts every time.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Value::String(text) => 8 + text.len() as u64,
            Value::Bytes(bytes) => 8 + bytes.len() as u64,
            Value::Path(path) => path.weight(),
            Value::List(list) => list.weight(),
            Value::Set(set) => set.weight(),
            Value::Map(map) | Value::Object(map) => map.weight(),
            Value::MapDiff(diff) => {
                let sets = [&diff.added, &diff.removed, &diff.changed, &diff.unchanged];
                sets.iter().map(|set| set.weight()).sum()
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Timestamp(_)
            | Value::Duration(_)
            | Value::LatLng(_)
            | Value::Unknown(_) => 8,
        }
    }

    /// True when nothing in it differs between the documents of a query.
    pub(crate) fn is_certain(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::Map(map) | Value::Object(map) => map.is_certain(),
            // What is uncertain is not let into these.
            Value::List(_) | Value::Set(_) | Value::MapDiff(_) => true,
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Timestamp(_)
            | Value::Duration(_)
            | Value::LatLng(_)
            | Value::Path(_) => true,
        }
    }

    /// Its type, as messages name it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Duration(_) => "duration",
            Value::LatLng(_) => "latlng",
            Value::Path(_) => "path",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Map(_) => "map",
            Value::Object(_) => "object",
            Value::MapDiff(_) => "map_diff",
            Value::Unknown(_) => "constraint",
        }
    }
}
