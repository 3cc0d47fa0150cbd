//! What the server makes: `request`, `request.auth`, its token, a document. A condition often reads one thing of it, so
//! each thing is made when it is read.

use std::sync::Arc;

use model::DocumentPath;

use super::map::{Entries, convert};
use super::{Instant, Map, Path, Value};
use crate::names::{OBJECT, REQUEST};
use crate::request::{Auth, Claims, Method};
use crate::syntax::Name;

/// See the module.
#[derive(Debug)]
pub(crate) enum Made {
    Request(Asked),
    Auth(Auth),
    Claims(Arc<dyn Claims>),
    /// A document: `data`, `id` and `__name__`.
    Document {
        database: Arc<str>,
        path: DocumentPath,
        data: Value,
    },
}

/// What `request` tells.
#[derive(Debug)]
pub(crate) struct Asked {
    pub auth: Option<Auth>,
    pub method: Method,
    pub place: Place,
    pub time: Instant,
    /// Under a key that only some methods have: `query` or `resource`.
    pub more: Option<(Name, Value)>,
}

/// What `request.path` is.
#[derive(Debug)]
pub(crate) enum Place {
    Document { database: Arc<str>, path: DocumentPath },
    Known(Value),
}

impl Made {
    /// What stands below `key`.
    pub fn get(&self, key: &str) -> Option<Value> {
        match self {
            Made::Request(asked) => asked.get(key),
            Made::Auth(auth) => match key {
                "uid" => Some(Value::String(auth.uid.clone())),
                "token" => Some(Value::Map(Map::claims(auth.token.clone()))),
                _ => None,
            },
            Made::Claims(claims) => claims.fields().get(key).map(Value::of),
            Made::Document { database, path, data } => match key {
                "data" => Some(data.clone()),
                "id" => Some(Value::string(path.document_id())),
                "__name__" => Some(Value::Path(Path::of_document(database, path.ids()))),
                _ => None,
            },
        }
    }

    /// All of it.
    pub fn entries(&self) -> Entries {
        let object = &*OBJECT;
        let keys: &[&Name] = match self {
            Made::Request(asked) => return asked.entries(),
            Made::Claims(claims) => return convert(claims.fields()).collect(),
            Made::Auth(_) => &[&object.token, &object.uid],
            Made::Document { .. } => &[&object.name, &object.data, &object.id],
        };
        self.at(keys)
    }

    /// True when nothing in it differs between the documents of a query.
    pub fn is_certain(&self) -> bool {
        match self {
            Made::Request(Asked { place: Place::Known(path), .. }) => path.is_certain(),
            Made::Request(Asked { place: Place::Document { .. }, .. })
            | Made::Auth(_)
            | Made::Claims(_)
            | Made::Document { .. } => true,
        }
    }

    /// Bytes that a look at all of it may touch.
    pub fn weight(&self) -> u64 {
        match self {
            Made::Request(asked) => asked.weight(),
            Made::Auth(auth) => auth_weight(auth),
            Made::Claims(claims) => claims_weight(claims),
            Made::Document { path, data, .. } => 64 + 2 * path.as_str().len() as u64 + data.weight(),
        }
    }

    fn at(&self, keys: &[&Name]) -> Entries {
        keys.iter().filter_map(|key| Some(((*key).clone(), self.get(key)?))).collect()
    }
}

impl Asked {
    fn get(&self, key: &str) -> Option<Value> {
        match key {
            "auth" => Some(self.auth.clone().map_or(Value::Null, |auth| Value::Object(Map::auth(auth)))),
            "method" => Some(Value::string(self.method.name())),
            "path" => Some(self.place.path()),
            "time" => Some(Value::Timestamp(self.time)),
            _ => self.more.as_ref().filter(|(name, _)| **name == *key).map(|(_, value)| value.clone()),
        }
    }

    fn entries(&self) -> Entries {
        let names = &*REQUEST;
        let always = [&names.auth, &names.method, &names.path, &names.time];
        let entries = always.into_iter().filter_map(|key| Some((key.clone(), self.get(key)?)));
        entries.chain(self.more.clone()).collect()
    }

    fn weight(&self) -> u64 {
        let place = match &self.place {
            Place::Document { database, path } => 64 + 16 * (database.len() + path.as_str().len()) as u64,
            Place::Known(path) => path.weight(),
        };
        let more = self.more.as_ref().map_or(0, |(_, value)| value.weight());
        128 + place + more + self.auth.as_ref().map_or(0, auth_weight)
    }
}

impl Place {
    fn path(&self) -> Value {
        match self {
            Place::Document { database, path } => Value::Path(Path::of_document(database, path.ids())),
            Place::Known(path) => path.clone(),
        }
    }
}

fn auth_weight(auth: &Auth) -> u64 {
    64 + auth.uid.len() as u64 + claims_weight(&auth.token)
}

fn claims_weight(claims: &Arc<dyn Claims>) -> u64 {
    16 + 4 * model::size::fields_size(claims.fields()) as u64
}
