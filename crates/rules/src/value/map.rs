//! Maps: whole, still in a stored body, or known in part.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::{DocumentPath, Fields, body};

use super::made::{Asked, Made};
use super::{HEAVIEST, Value};
use crate::fault::Fault;
use crate::request::{Auth, Claims};

pub(super) type Entries = BTreeMap<Arc<str>, Value>;

/// A map from strings to values.
#[derive(Clone, Debug)]
pub struct Map(Arc<Form>);

#[derive(Debug)]
enum Form {
    Whole {
        entries: Entries,
        weight: u64,
        certain: bool,
    },
    /// The fields of a stored document, of which a condition often reads one.
    Stored {
        body: Bytes,
        whole: OnceLock<Entries>,
    },
    /// What the server makes.
    Made {
        made: Made,
        whole: OnceLock<Entries>,
    },
    /// Documents of a query have at least these fields; what else, differs.
    Open(Entries),
}

/// What a key leads to.
pub(crate) enum Lookup {
    Found(Value),
    Absent,
    /// There in one document and not in another.
    Unknown,
}

impl Map {
    /// From its entries.
    pub fn new(entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Self {
        let entries: Entries = entries.into_iter().collect();
        let weight = entries
            .iter()
            .fold(16u64, |sum, (key, value)| sum.saturating_add(16 + key.len() as u64 + value.weight()));
        let certain = entries.values().all(Value::is_certain);
        Map(Arc::new(Form::Whole { entries, weight: weight.min(HEAVIEST), certain }))
    }

    pub(crate) fn of(fields: &Fields) -> Self {
        Self::new(convert(fields))
    }

    /// A document as rules see it.
    pub(crate) fn document(database: &Arc<str>, path: &DocumentPath, body: Bytes) -> Self {
        let (database, path, data) = (database.clone(), path.clone(), Value::Map(Self::stored(body)));
        Self::made(Made::Document { database, path, data })
    }

    /// The variable `request`.
    pub(crate) fn request(asked: Asked) -> Self {
        Self::made(Made::Request(asked))
    }

    /// `request.auth`
    pub(crate) fn auth(auth: Auth) -> Self {
        Self::made(Made::Auth(auth))
    }

    /// The claims of a token.
    pub(crate) fn claims(claims: Arc<dyn Claims>) -> Self {
        Self::made(Made::Claims(claims))
    }

    fn made(made: Made) -> Self {
        Map(Arc::new(Form::Made { made, whole: OnceLock::new() }))
    }

    /// The fields of a document, read when they are looked at.
    pub(crate) fn stored(body: Bytes) -> Self {
        Map(Arc::new(Form::Stored { body, whole: OnceLock::new() }))
    }

    /// A map of which only these entries are known.
    pub(crate) fn open(entries: Entries) -> Self {
        Map(Arc::new(Form::Open(entries)))
    }

    /// What stands below `key`.
    pub(crate) fn get(&self, key: &str) -> Result<Lookup, Fault> {
        let found = |entries: &Entries| entries.get(key).cloned().map_or(Lookup::Absent, Lookup::Found);
        match &*self.0 {
            Form::Whole { entries, .. } => Ok(found(entries)),
            Form::Open(known) => Ok(known.get(key).cloned().map_or(Lookup::Unknown, Lookup::Found)),
            Form::Made { made, .. } => Ok(made.get(key).map_or(Lookup::Absent, Lookup::Found)),
            Form::Stored { body, whole } => match whole.get() {
                Some(entries) => Ok(found(entries)),
                // No field has an empty name.
                None if key.is_empty() => Ok(Lookup::Absent),
                None => {
                    let value = body::find_field(body, key).map_err(Fault::damage)?;
                    Ok(value.map_or(Lookup::Absent, |value| Lookup::Found(Value::of(&value))))
                }
            },
        }
    }

    /// All of it; a fault when it is known only in part, or damaged.
    pub(crate) fn entries(&self) -> Result<&Entries, Fault> {
        match &*self.0 {
            Form::Whole { entries, .. } => Ok(entries),
            Form::Open(_) => Err(Fault::unknown()),
            Form::Made { made, whole } => Ok(whole.get_or_init(|| made.entries())),
            Form::Stored { body, whole } => {
                if let Some(entries) = whole.get() {
                    return Ok(entries);
                }
                let fields = body::decode(body).map_err(Fault::damage)?;
                Ok(whole.get_or_init(|| convert(&fields).collect()))
            }
        }
    }

    /// What is known of a map that is known only in part.
    pub(crate) fn known_entries(&self) -> Option<&Entries> {
        match &*self.0 {
            Form::Open(known) => Some(known),
            Form::Whole { .. } | Form::Made { .. } | Form::Stored { .. } => None,
        }
    }

    /// The entries of a map that has been read, as far as they are known: what coverage shows.
    pub fn read_entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        let entries = match &*self.0 {
            Form::Whole { entries, .. } | Form::Open(entries) => Some(entries),
            Form::Made { whole, .. } | Form::Stored { whole, .. } => whole.get(),
        };
        entries.into_iter().flatten().map(|(key, value)| (&**key, value))
    }

    /// The entries of a map that was settled, see [`Map::settle`].
    pub(crate) fn settled(&self) -> &Entries {
        match &*self.0 {
            Form::Whole { entries, .. } | Form::Open(entries) => entries,
            Form::Made { whole, .. } | Form::Stored { whole, .. } => {
                whole.get().expect("a map is settled before it is compared")
            }
        }
    }

    /// Reads a stored map, so that comparing it cannot fail.
    pub(crate) fn settle(&self) -> Result<(), Fault> {
        match &*self.0 {
            Form::Whole { .. } | Form::Made { .. } => {
                self.entries()?.values().try_for_each(|value| match value {
                    Value::Map(inner) | Value::Object(inner) => inner.settle(),
                    _ => Ok(()),
                })
            }
            Form::Stored { .. } => self.entries().map(drop),
            Form::Open(_) => Err(Fault::unknown()),
        }
    }

    pub(crate) fn is_certain(&self) -> bool {
        match &*self.0 {
            Form::Whole { certain, .. } => *certain,
            Form::Made { made, .. } => made.is_certain(),
            Form::Stored { .. } => true,
            Form::Open(_) => false,
        }
    }

    pub(crate) fn weight(&self) -> u64 {
        match &*self.0 {
            Form::Whole { weight, .. } => *weight,
            Form::Made { made, .. } => made.weight(),
            // A decoded field takes more room than its bytes.
            Form::Stored { body, .. } => 16 + 4 * body.len() as u64,
            Form::Open(known) => 16 + 64 * known.len() as u64,
        }
    }
}

pub(super) fn convert(fields: &Fields) -> impl Iterator<Item = (Arc<str>, Value)> {
    fields.iter().map(|(key, value)| (key.as_str().into(), Value::of(value)))
}
