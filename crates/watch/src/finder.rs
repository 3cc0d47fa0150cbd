//! Which views a changed document may concern: by its path, by its collection, and there by the value of a
//! field.
//!
//! ```text
//!   paths:        users/ada ───────────────────────────────► views
//!   collections:  users ──┬─ any document ─────────────────► views
//!   groups:       posts ──┤
//!   elsewhere ────────────┴─ owner ── value "ada" ─────────► views
//!                                  └─ an element "x" ──────► views
//! ```
//! So a change costs a look-up for each field that some query in its collection pins, and then only what it
//! finds.

use std::collections::{BTreeSet, HashMap};

use database::{DocumentChange, NameSource};
use model::{Document, DocumentPath, FieldPath, Status};
use query::{Anchor, AnchoredValues, Filing, anchored_values};

use crate::hub::ViewId;

type Views = BTreeSet<ViewId>;

/// See the module.
#[derive(Default)]
pub(crate) struct Finder {
    paths: HashMap<Box<str>, Views>,
    collections: HashMap<Box<str>, Shelf>,
    groups: HashMap<Box<str>, Shelf>,
    /// Queries over collections of any name.
    elsewhere: Shelf,
}

/// The queries over one part of the database.
#[derive(Default)]
struct Shelf {
    /// Every change has to be shown to these.
    any: Views,
    names: HashMap<Box<str>, Views>,
    fields: HashMap<FieldPath, Pinned>,
}

/// The queries that pin one field.
#[derive(Default)]
struct Pinned {
    values: HashMap<Vec<u8>, Views>,
    elements: HashMap<Vec<u8>, Views>,
}

impl Finder {
    /// Files a view of one document.
    pub fn add_path(&mut self, path: &DocumentPath, view: ViewId) {
        self.paths.entry(path.as_str().into()).or_default().insert(view);
    }

    pub fn remove_path(&mut self, path: &DocumentPath, view: ViewId) {
        remove(&mut self.paths, path.as_str(), |views| forget(views, view));
    }

    /// Files a view of a query.
    pub fn add_query(&mut self, filing: Filing, view: ViewId) {
        self.shelf_mut(&filing.source).add(filing.anchors, view);
    }

    pub fn remove_query(&mut self, filing: &Filing, view: ViewId) {
        let empty = |shelf: &mut Shelf| shelf.remove(filing.anchors.as_deref(), view);
        match &filing.source {
            NameSource::Collection(collection) => remove(&mut self.collections, collection.as_str(), empty),
            NameSource::Group { collection_id, .. } => {
                remove(&mut self.groups, collection_id.as_str(), empty)
            }
            NameSource::Kindless { .. } | NameSource::Children { .. } => {
                empty(&mut self.elsewhere);
            }
        }
    }

    fn shelf_mut(&mut self, source: &NameSource) -> &mut Shelf {
        match source {
            NameSource::Collection(collection) => {
                self.collections.entry(collection.as_str().into()).or_default()
            }
            NameSource::Group { collection_id, .. } => {
                self.groups.entry(collection_id.as_str().into()).or_default()
            }
            NameSource::Kindless { .. } | NameSource::Children { .. } => &mut self.elsewhere,
        }
    }

    fn shelves(&self, path: &DocumentPath) -> impl Iterator<Item = &Shelf> {
        let (collection, _) = path.as_str().rsplit_once('/').expect("a document path has at least two ids");
        let shelves = [self.collections.get(collection), self.groups.get(path.collection_id())];
        shelves.into_iter().flatten().chain(std::iter::once(&self.elsewhere))
    }

    /// False when no change of that document concerns anybody.
    pub fn covers(&self, path: &DocumentPath) -> bool {
        self.paths.contains_key(path.as_str()) || self.shelves(path).any(|shelf| !shelf.is_empty())
    }

    /// The views that the change may concern, each once.
    ///
    /// # Errors
    /// INTERNAL for a damaged document.
    pub fn find(&self, change: &DocumentChange) -> Result<BTreeSet<ViewId>, Status> {
        let mut found = self.paths.get(change.path.as_str()).cloned().unwrap_or_default();
        for shelf in self.shelves(&change.path) {
            found.extend(&shelf.any);
            found.extend(shelf.names.get(change.path.as_str()).into_iter().flatten());
            for (path, pinned) in &shelf.fields {
                pinned.find(values(change.old.as_ref(), path)?, &mut found);
                pinned.find(values(change.new.as_ref(), path)?, &mut found);
            }
        }
        Ok(found)
    }
}

fn values(document: Option<&Document>, path: &FieldPath) -> Result<Option<AnchoredValues>, Status> {
    document.map_or(Ok(None), |document| anchored_values(document, path))
}

impl Shelf {
    fn add(&mut self, anchors: Option<Vec<Anchor>>, view: ViewId) {
        let Some(anchors) = anchors else {
            self.any.insert(view);
            return;
        };
        for anchor in anchors {
            let views = match anchor {
                Anchor::Name(path) => self.names.entry(path.into()).or_default(),
                Anchor::Value(path, value) => {
                    self.fields.entry(path).or_default().values.entry(value).or_default()
                }
                Anchor::Element(path, value) => {
                    self.fields.entry(path).or_default().elements.entry(value).or_default()
                }
            };
            views.insert(view);
        }
    }

    /// True when nothing is left.
    fn remove(&mut self, anchors: Option<&[Anchor]>, view: ViewId) -> bool {
        self.any.remove(&view);
        for anchor in anchors.into_iter().flatten() {
            match anchor {
                Anchor::Name(path) => remove(&mut self.names, path.as_str(), |views| forget(views, view)),
                Anchor::Value(path, value) => remove(&mut self.fields, path, |pinned| {
                    remove(&mut pinned.values, value, |views| forget(views, view));
                    pinned.is_empty()
                }),
                Anchor::Element(path, value) => remove(&mut self.fields, path, |pinned| {
                    remove(&mut pinned.elements, value, |views| forget(views, view));
                    pinned.is_empty()
                }),
            }
        }
        self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.names.is_empty() && self.fields.is_empty()
    }
}

impl Pinned {
    fn find(&self, values: Option<AnchoredValues>, found: &mut Views) {
        let Some(AnchoredValues { value, elements }) = values else { return };
        found.extend(self.values.get(&value).into_iter().flatten());
        for element in elements {
            found.extend(self.elements.get(&element).into_iter().flatten());
        }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.elements.is_empty()
    }
}

fn forget(views: &mut Views, view: ViewId) -> bool {
    views.remove(&view);
    views.is_empty()
}

/// Changes the entry of a key, and removes it when `change` says that nothing is left of it.
fn remove<K, Q, V>(map: &mut HashMap<K, V>, key: &Q, change: impl FnOnce(&mut V) -> bool)
where
    K: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
    Q: ?Sized + Eq + std::hash::Hash,
{
    if map.get_mut(key).is_some_and(change) {
        map.remove(key);
    }
}
