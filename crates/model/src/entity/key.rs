//! Keys: a partition and a path of kinds with ids, and the document paths they are stored under.
//!
//! ```text
//!   partition p / (default) / tenant, path (Guestbook, "default") (Greeting, 5)
//!        is   ns/tenant/Guestbook/default/Greeting/__id5__
//! ```
//! The first pair of ids is the namespace ([`DEFAULT_NAMESPACE_ID`] for the default one). So a kind of one
//! namespace is a collection group below one path, an ancestor's descendants are what lies below its path, and the
//! order of paths is the order of keys.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;

use super::escape::{escape, is_plain, unescape};
use crate::path::Segment;
use crate::{DatabaseName, DocumentPath};

/// The first id of every path that stands for a key.
pub const NAMESPACE_KIND: &str = "ns";
/// The id of the default namespace: no namespace can be named so, and it sorts before all that can.
pub const DEFAULT_NAMESPACE_ID: &str = "!";

/// Where keys live: project, database (`(default)` for the unnamed one) and namespace (empty for the default one).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub project: Arc<str>,
    pub database: Arc<str>,
    pub namespace: Arc<str>,
}

/// The name of an entity. `Ord` is Datastore's order of keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub partition: Partition,
    /// From the root down; never empty once checked.
    pub path: Vec<PathElement>,
}

/// A key as it is stored: a document path that stands for one, without the project and the database. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredKey(DocumentPath);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathElement {
    pub kind: String,
    /// None where the server is to allocate one: only in the last element.
    pub id: Option<Id>,
}

/// A number or a name; numbers sort first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Number(i64),
    Name(String),
}

/// The id that stands for a kind in document paths: the kind itself, but for a few characters.
pub fn collection_id(kind: &str) -> Cow<'_, str> {
    escape(kind)
}

/// The kind that a collection's id stands for; None if it stands for none.
pub fn kind_of(collection_id: &str) -> Option<Cow<'_, str>> {
    unescape(collection_id)
}

/// The path below which the keys of a namespace lie.
pub fn namespace_path(namespace: &str) -> DocumentPath {
    let id = namespace_id(namespace);
    DocumentPath::new(&format!("{NAMESPACE_KIND}/{id}")).expect("two ids, neither empty")
}

fn namespace_id(namespace: &str) -> Cow<'_, str> {
    if namespace.is_empty() { Cow::Borrowed(DEFAULT_NAMESPACE_ID) } else { escape(namespace) }
}

/// The namespace that the first two ids of `path` name; None if they name none.
pub fn namespace_of(path: &DocumentPath) -> Option<Cow<'_, str>> {
    let mut ids = path.ids();
    match (ids.next()?, ids.next()?) {
        (NAMESPACE_KIND, DEFAULT_NAMESPACE_ID) => Some(Cow::Borrowed("")),
        (NAMESPACE_KIND, id) => unescape(id),
        (_, _) => None,
    }
}

impl Partition {
    /// The partition of a database and one of its namespaces.
    pub fn new(database: &DatabaseName, namespace: &str) -> Self {
        let DatabaseName { project, database } = database.clone();
        Partition { project, database, namespace: namespace.into() }
    }

    /// The database that the partition is a part of.
    pub fn database_name(&self) -> DatabaseName {
        DatabaseName { project: self.project.clone(), database: self.database.clone() }
    }
}

impl Key {
    /// The kind of the entity; empty for a key without a path.
    pub fn kind(&self) -> &str {
        self.path.last().map_or("", |last| &last.kind)
    }

    /// The id of the entity; None as long as it is to be allocated.
    pub fn id(&self) -> Option<&Id> {
        self.path.last()?.id.as_ref()
    }

    /// True when the last element has an id.
    pub fn is_complete(&self) -> bool {
        self.id().is_some()
    }

    /// The key above this one; None for a root.
    pub fn parent(&self) -> Option<Key> {
        let (_, above) = self.path.split_last()?;
        (!above.is_empty()).then(|| Key { partition: self.partition.clone(), path: above.to_vec() })
    }

    /// The same key with `id` in its last element.
    #[must_use]
    pub fn completed(mut self, id: Id) -> Key {
        if let Some(last) = self.path.last_mut() {
            last.id = Some(id);
        }
        self
    }

    /// The path that the entity is stored under. None unless the key has a path, each element has an id, and no
    /// kind or name is empty.
    pub fn document_path(&self) -> Option<DocumentPath> {
        let mut path = String::with_capacity(16 + 48 * self.path.len());
        path.extend([NAMESPACE_KIND, "/", &namespace_id(&self.partition.namespace)]);
        for PathElement { kind, id } in &self.path {
            path.push('/');
            path.push_str(&escape(kind));
            path.push('/');
            match id.as_ref()? {
                Id::Number(number) => write!(path, "__id{number}__").expect("a string takes everything"),
                Id::Name(name) => path.push_str(&escape(name)),
            }
        }
        if self.path.is_empty() { None } else { DocumentPath::new(&path) }
    }

    /// The key that is stored under `path` in `database`; None for a path that is none of a key's.
    pub fn of_document_path(database: &DatabaseName, path: &DocumentPath) -> Option<Key> {
        let partition = Partition::new(database, &namespace_of(path)?);
        let element = |(kind, id): (Cow<'_, str>, StoredId<'_>)| PathElement {
            kind: kind.into_owned(),
            id: Some(match id {
                StoredId::Number(number) => Id::Number(number),
                StoredId::Name(name) => Id::Name(name.into_owned()),
            }),
        };
        let path = elements(path).map(|read| read.map(element)).collect::<Option<Vec<_>>>()?;
        (!path.is_empty()).then_some(Key { partition, path })
    }
}

/// An id as a path has it.
pub(super) enum StoredId<'a> {
    Number(i64),
    Name(Cow<'a, str>),
}

/// The kinds and ids behind a path's namespace; None for what stands for none.
fn elements(path: &DocumentPath) -> impl Iterator<Item = Option<(Cow<'_, str>, StoredId<'_>)>> {
    let mut ids = path.ids().skip(2);
    std::iter::from_fn(move || Some(element(ids.next()?, ids.next()?)))
}

fn element<'p>(kind: &'p str, id: &'p str) -> Option<(Cow<'p, str>, StoredId<'p>)> {
    let id = match Segment::parse(id) {
        Segment::Id(number) => Some(StoredId::Number(number)),
        Segment::Name(name) => unescape(name).map(StoredId::Name),
    };
    unescape(kind).zip(id)
}

impl StoredKey {
    /// None for a path that is none of a key's.
    pub fn new(path: DocumentPath) -> Option<Self> {
        namespace_of(&path)?;
        if is_plain(path.as_str()) {
            let depth = path.as_str().bytes().filter(|byte| *byte == b'/').count() / 2;
            return (depth > 0).then_some(StoredKey(path));
        }
        let mut depth = 0;
        for element in elements(&path) {
            element?;
            depth += 1;
        }
        (depth > 0).then_some(StoredKey(path))
    }

    /// The path that stands for it.
    pub fn path(&self) -> &DocumentPath {
        &self.0
    }

    /// The key, in the database that it is stored in.
    pub fn key(&self, database: &DatabaseName) -> Key {
        Key::of_document_path(database, &self.0).expect("the path was seen to stand for a key")
    }

    /// The key's namespace.
    pub(super) fn namespace(&self) -> Cow<'_, str> {
        namespace_of(&self.0).expect("the path was seen to stand for a key")
    }

    /// The path of the key's parent, or of its namespace.
    pub(super) fn parent(&self) -> &str {
        self.split().0
    }

    /// The kinds and ids of the key's parent from the root down.
    pub(super) fn elements_above(&self) -> impl Iterator<Item = (Cow<'_, str>, StoredId<'_>)> {
        let above = elements(&self.0).take(self.0.ids().count() / 2 - 2);
        above.map(|element| element.expect("the path was seen to stand for a key"))
    }

    /// The key's own kind and id.
    pub(super) fn last_element(&self) -> (Cow<'_, str>, StoredId<'_>) {
        let (_, kind, id) = self.split();
        element(kind, id).expect("the path was seen to stand for a key")
    }

    fn split(&self) -> (&str, &str, &str) {
        let (above, id) = self.0.as_str().rsplit_once('/').expect("a key has an id");
        let (parent, kind) = above.rsplit_once('/').expect("a key has a kind");
        (parent, kind, id)
    }
}

impl PathElement {
    /// A step with its id.
    pub fn new(kind: impl Into<String>, id: Id) -> Self {
        PathElement { kind: kind.into(), id: Some(id) }
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Id::Number(number)
    }
}

impl From<&str> for Id {
    fn from(name: &str) -> Self {
        Id::Name(name.to_owned())
    }
}

impl fmt::Display for Key {
    /// As production's messages write paths: `[A: 1, B: x, C: ]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, PathElement { kind, id }) in self.path.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            match id {
                Some(Id::Number(number)) => write!(f, "{separator}{kind}: {number}")?,
                Some(Id::Name(name)) => write!(f, "{separator}{kind}: {name}")?,
                None => write!(f, "{separator}{kind}: ")?,
            }
        }
        f.write_str("]")
    }
}
