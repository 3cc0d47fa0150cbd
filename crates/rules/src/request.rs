//! What is asked for, and the variables `request` and `resource` that rules see of it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use model::principal::User;
use model::query::{Direction, StructuredQuery};
use model::{DocumentPath, Fields, Parent, Timestamp};

use crate::names::REQUEST;
use crate::value::{Asked, Instant, Map, Path, Place, Value};

/// One operation of an end user: what the rules decide about.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The id of the database, such as `(default)`.
    pub database: &'a Arc<str>,
    /// Of the commit or the read; server timestamps in `after` have exactly this value.
    pub time: Timestamp,
    /// None for a user who is not signed in.
    pub auth: Option<&'a Auth>,
    pub operation: Operation<'a>,
}

/// Who asks. Cheap to make and to clone: of the claims only those are read that rules look at.
#[derive(Clone, Debug)]
pub struct Auth {
    pub uid: Arc<str>,
    pub token: Arc<dyn Claims>,
}

/// All that a token says.
pub trait Claims: fmt::Debug + Send + Sync {
    /// By name; always the same.
    fn fields(&self) -> &Fields;
}

impl Claims for User {
    fn fields(&self) -> &Fields {
        &self.claims
    }
}

impl Claims for Fields {
    fn fields(&self) -> &Fields {
        self
    }
}

/// What is done. Bodies are canonical bytes, see [`model::body`].
#[derive(Clone, Debug)]
pub enum Operation<'a> {
    /// One document is read; None when there is no such document.
    Get { path: &'a DocumentPath, before: Option<Bytes> },
    /// A query, with the page size of a list as its limit. The base query of an aggregation.
    List { query: &'a StructuredQuery },
    /// A write where no document is. `after` is the result of masks and transforms.
    Create { path: &'a DocumentPath, after: Bytes },
    /// A write where a document is.
    Update { path: &'a DocumentPath, before: Bytes, after: Bytes },
    /// A delete, also of what is not there.
    Delete { path: &'a DocumentPath, before: Option<Bytes> },
}

/// What an `allow` can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    List,
    Create,
    Update,
    Delete,
}

impl Method {
    /// As rules name it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "get",
            Method::List => "list",
            Method::Create => "create",
            Method::Update => "update",
            Method::Delete => "delete",
        }
    }

    /// True when `allow name` covers it.
    pub(crate) fn is_covered_by(self, name: &str) -> bool {
        let group = match self {
            Method::Get | Method::List => "read",
            Method::Create | Method::Update | Method::Delete => "write",
        };
        name == self.name() || name == group
    }
}

impl Operation<'_> {
    /// The method that an `allow` must name.
    pub fn method(&self) -> Method {
        match self {
            Operation::Get { .. } => Method::Get,
            Operation::List { .. } => Method::List,
            Operation::Create { .. } => Method::Create,
            Operation::Update { .. } => Method::Update,
            Operation::Delete { .. } => Method::Delete,
        }
    }

    /// The document before it, for operations on one document.
    pub(crate) fn before(&self) -> Option<&Bytes> {
        match self {
            Operation::Get { before, .. } | Operation::Delete { before, .. } => before.as_ref(),
            Operation::Update { before, .. } => Some(before),
            Operation::Create { .. } | Operation::List { .. } => None,
        }
    }
}

impl Request<'_> {
    /// The variable `request`, when it is about what is at `place`.
    pub(crate) fn variable(&self, place: Place) -> Value {
        let keys = &*REQUEST;
        let more = match &self.operation {
            Operation::Get { .. } => None,
            Operation::List { query } => Some((keys.query.clone(), self.query_variable(query))),
            Operation::Create { path, after } | Operation::Update { path, after, .. } => {
                Some((keys.resource.clone(), resource(self.database, path, after.clone())))
            }
            // The key is there, unlike in a read.
            Operation::Delete { .. } => Some((keys.resource.clone(), Value::Null)),
        };
        let (method, time) = (self.operation.method(), Instant::of(self.time));
        Value::Object(Map::request(Asked { auth: self.auth.cloned(), method, place, time, more }))
    }

    fn query_variable(&self, query: &StructuredQuery) -> Value {
        let orders = query.order_by.iter().map(|order| {
            let direction = match order.direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            (Arc::from(order.path.to_string()), Value::string(direction))
        });
        let parent = match &query.parent {
            Parent::Root => Value::Null,
            Parent::Document(path) => Value::Path(Path::of_document(self.database, path.ids())),
        };
        let keys_only = query
            .select
            .as_ref()
            .is_some_and(|fields| matches!(&fields[..], [only] if only.is_document_name()));
        let kind = query.from.collection_id.as_deref().map_or(Value::Null, Value::string);
        Value::Map(Map::new([
            ("limit".into(), query.limit.map_or(Value::Null, |limit| Value::Int(limit.into()))),
            ("offset".into(), Value::Int(query.offset.into())),
            ("orderBy".into(), Value::Map(Map::new(orders))),
            ("kind".into(), kind),
            ("parent".into(), parent),
            ("allDescendants".into(), Value::Bool(query.from.all_descendants)),
            ("distinct".into(), Value::Bool(false)),
            ("groupBy".into(), Value::Map(Map::new([]))),
            ("selectOnlyKeys".into(), Value::Bool(keys_only)),
        ]))
    }
}

/// A document as rules see it.
pub(crate) fn resource(database: &Arc<str>, path: &DocumentPath, body: Bytes) -> Value {
    Value::Object(Map::document(database, path, body))
}
