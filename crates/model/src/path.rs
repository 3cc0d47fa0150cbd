//! Databases, collections and documents by name.
//!
//! A document path alternates collection and document ids: `users/ada/posts/1`. Ids never contain
//! `/`, so a path is kept as one string. Order is by segment, integer ids (`__id7__`) first.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::Status;
use crate::resource_name::{self, Kind};

/// `projects/{project}/databases/{database}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseName {
    pub project: Arc<str>,
    pub database: Arc<str>,
}

/// One id of a path: integer ids come from Datastore keys and sort before all others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Segment<'a> {
    Id(i64),
    Name(&'a str),
}

/// `{collection}/{id}(/{collection}/{id})*`, relative to the database. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DocumentPath(Arc<str>);

/// `({collection}/{id}/)*{collection}`, relative to the database. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CollectionPath(Arc<str>);

/// What a collection hangs below: the database's root or a document.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Parent {
    Root,
    Document(DocumentPath),
}

/// A document path with its database: the value of a reference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentName {
    pub database: DatabaseName,
    pub path: DocumentPath,
}

impl<'a> Segment<'a> {
    /// Reads one id; `__id<int64>__` is an integer id.
    pub fn parse(id: &'a str) -> Self {
        let digits = id.strip_prefix("__id").and_then(|rest| rest.strip_suffix("__"));
        let number: Option<i64> = digits.and_then(|digits| digits.parse().ok());
        match number {
            // `__id007__` and `__id+7__` are not the integer 7: two names of one key would be one document.
            Some(number) if digits.is_some_and(is_plain_number) => Segment::Id(number),
            Some(_) | None => Segment::Name(id),
        }
    }
}

/// Whether digits that can be read as a number are what the number is written as.
fn is_plain_number(digits: &str) -> bool {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    digits == "0" || unsigned.starts_with(|first| matches!(first, '1'..='9'))
}

/// How many ids a relative path has; None when one is empty. In one pass: every row that is read comes by here.
fn count_ids(path: &str) -> Option<usize> {
    let mut ids = 0;
    let mut previous = b'/';
    for byte in path.bytes() {
        if previous == b'/' {
            if byte == b'/' {
                return None;
            }
            ids += 1;
        }
        previous = byte;
    }
    (previous != b'/').then_some(ids)
}

impl DatabaseName {
    /// From its two ids, which the caller has checked.
    pub fn new(project: &str, database: &str) -> Self {
        DatabaseName { project: project.into(), database: database.into() }
    }

    /// Reads `projects/{p}/databases/{d}`; INVALID_ARGUMENT with production's text otherwise.
    pub fn parse(name: &str) -> Result<Self, Status> {
        resource_name::parse(Kind::Database, name).map(|(database, _)| database)
    }

    /// The full name of a document of this database.
    pub fn document(&self, path: &DocumentPath) -> DocumentName {
        DocumentName { database: self.clone(), path: path.clone() }
    }
}

impl DocumentPath {
    /// From a relative path; `None` unless it has an even number of non-empty ids.
    pub fn new(path: &str) -> Option<Self> {
        (count_ids(path)? % 2 == 0).then(|| DocumentPath(path.into()))
    }

    /// The path as text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids from the root down, collection and document in turn.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last id.
    pub fn document_id(&self) -> &str {
        self.split_last().1
    }

    /// The collection that the document is in.
    pub fn collection(&self) -> CollectionPath {
        CollectionPath(self.split_last().0.into())
    }

    /// The id of the collection that the document is in: its collection group.
    pub fn collection_id(&self) -> &str {
        let (collection, _) = self.split_last();
        collection.rsplit('/').next().expect("a split yields at least one part")
    }

    /// True when this document lies below `ancestor`, at any depth.
    pub fn is_below(&self, ancestor: &DocumentPath) -> bool {
        self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.starts_with('/'))
    }

    fn split_last(&self) -> (&str, &str) {
        self.0.rsplit_once('/').expect("a document path has at least two ids")
    }
}

impl CollectionPath {
    /// From a relative path; `None` unless it has an odd number of non-empty ids.
    pub fn new(path: &str) -> Option<Self> {
        (count_ids(path)? % 2 == 1).then(|| CollectionPath(path.into()))
    }

    /// The path as text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last id: the collection group.
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().expect("a split yields at least one part")
    }

    /// The ids from the root down.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// What the collection hangs below.
    pub fn parent(&self) -> Parent {
        match self.0.rsplit_once('/') {
            Some((document, _)) => Parent::Document(DocumentPath(document.into())),
            None => Parent::Root,
        }
    }

    /// A document of this collection; `id` is one checked id.
    pub fn document(&self, id: &str) -> DocumentPath {
        DocumentPath(format!("{}/{id}", self.0).into())
    }
}

impl Parent {
    /// Reads `…/documents` or the name of a document.
    pub fn parse(name: &str) -> Result<(DatabaseName, Self), Status> {
        let (database, path) = resource_name::parse(Kind::Parent, name)?;
        let parent = path.map_or(Parent::Root, |path| Parent::Document(DocumentPath(path.into())));
        Ok((database, parent))
    }

    /// The collection `id` below this parent.
    pub fn collection(&self, id: &str) -> CollectionPath {
        match self {
            Parent::Root => CollectionPath(id.into()),
            Parent::Document(path) => CollectionPath(format!("{}/{id}", path.0).into()),
        }
    }

    /// True when `path` lies below this parent, at any depth.
    pub fn contains(&self, path: &DocumentPath) -> bool {
        match self {
            Parent::Root => true,
            Parent::Document(ancestor) => path.is_below(ancestor),
        }
    }

    /// The ids of the parent from the root down; none for the root.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let path = match self {
            Parent::Root => None,
            Parent::Document(path) => Some(path.ids()),
        };
        path.into_iter().flatten()
    }
}

impl DocumentName {
    /// Reads the full name of a document; INVALID_ARGUMENT with production's text otherwise.
    pub fn parse(name: &str) -> Result<Self, Status> {
        let (database, path) = resource_name::parse(Kind::Document, name)?;
        let path = path.expect("a document name has a path");
        Ok(DocumentName { database, path: DocumentPath(path.into()) })
    }
}

/// Checks one collection id as a query's `from` or a CreateDocument request names it.
pub fn check_collection_id(id: &str) -> Result<(), Status> {
    resource_name::check_collection_id(id)
}

/// Checks one document id as a CreateDocument request names it.
pub fn check_document_id(id: &str) -> Result<(), Status> {
    resource_name::check_document_id(id)
}

impl Ord for DocumentPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ids().map(Segment::parse).cmp(other.ids().map(Segment::parse))
    }
}

impl PartialOrd for DocumentPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/databases/{}", self.project, self.database)
    }
}

impl fmt::Debug for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/documents/{}", self.database, self.path.0)
    }
}

impl fmt::Debug for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CollectionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CollectionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_ids_between_its_slashes_and_none_is_empty() {
        for (path, ids) in [("a", Some(1)), ("a/b", Some(2)), ("é/ /x/y.z", Some(4))] {
            assert_eq!(count_ids(path), ids, "{path}");
        }
        for path in ["", "/", "//", "/a", "a/", "a//b", "a/b//"] {
            assert_eq!(count_ids(path), None, "{path}");
        }
    }
}
