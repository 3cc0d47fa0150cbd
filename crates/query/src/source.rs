//! Which documents a query looks at, and the bytes their names have in its keys.

use database::{NameSource, Scope};
use model::encoding::{after_prefix, push_id, push_ids};
use model::query::{Direction, StructuredQuery};
use model::{CollectionPath, DocumentPath, Parent};

use crate::span::{Span, Spans, inverted, inverted_edge};

/// Closes a whole path in a descending key, so that the longer of two paths, one the beginning of
/// the other, sorts first. It is the inverted [`model::encoding::END`].
pub(crate) const CLOSE_DESCENDING: u8 = !model::encoding::END;
/// Sorts directly after a whole path and before everything below it: every id's tag is greater.
const AFTER_PATH: u8 = model::encoding::END + 1;

/// The documents that a query looks at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Collection(CollectionPath),
    /// Every collection of that id below the parent.
    Group {
        collection_id: String,
        parent: Parent,
    },
    /// Every document below the parent.
    Kindless {
        parent: Parent,
    },
    /// Every document directly below the parent.
    Children {
        parent: Parent,
    },
}

impl Source {
    pub fn of(query: &StructuredQuery) -> Self {
        let parent = query.parent.clone();
        match (&query.from.collection_id, query.from.all_descendants) {
            (Some(id), false) => Source::Collection(parent.collection(id)),
            (Some(id), true) => Source::Group { collection_id: id.clone(), parent },
            (None, true) => Source::Kindless { parent },
            (None, false) => Source::Children { parent },
        }
    }

    /// The scope whose indexes serve this; none when only a scan by name does.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Source::Collection(collection) => Some(Scope::Collection(collection.clone())),
            Source::Group { collection_id, .. } => {
                Some(Scope::Group { collection_id: collection_id.clone() })
            }
            Source::Kindless { .. } | Source::Children { .. } => None,
        }
    }

    /// Where the documents are scanned by name.
    pub fn names(&self) -> NameSource {
        match self.clone() {
            Source::Collection(collection) => NameSource::Collection(collection),
            Source::Group { collection_id, parent } => NameSource::Group { collection_id, parent },
            Source::Kindless { parent } => NameSource::Kindless { parent },
            Source::Children { parent } => NameSource::Children { parent },
        }
    }

    /// The bytes of a document's name: its id in one collection, otherwise its path.
    pub fn name_bytes(&self, path: &DocumentPath) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Source::Collection(_) => push_id(&mut bytes, path.document_id()),
            Source::Group { .. } | Source::Kindless { .. } | Source::Children { .. } => {
                push_ids(&mut bytes, path.ids());
            }
        }
        bytes
    }

    /// Name bytes as the last piece of a key in that direction.
    pub fn name_piece(&self, name: &[u8], direction: Direction) -> Vec<u8> {
        match direction {
            Direction::Ascending => name.to_vec(),
            Direction::Descending => {
                let mut piece = inverted(name);
                if self.has_paths() {
                    piece.push(CLOSE_DESCENDING);
                }
                piece
            }
        }
    }

    /// True when names are whole paths, one of which may be the beginning of another.
    pub fn has_paths(&self) -> bool {
        !matches!(self, Source::Collection(_))
    }

    /// The edge between the names below `path` and those from it on; with `after`, between those up
    /// to it and those above. `path` may be any document of the database.
    pub fn edge(&self, path: &DocumentPath, after: bool) -> Vec<u8> {
        let mut whole = Vec::new();
        push_ids(&mut whole, path.ids());
        let Source::Collection(collection) = self else {
            if after {
                whole.push(AFTER_PATH);
            }
            return whole;
        };
        let mut prefix = Vec::new();
        push_ids(&mut prefix, collection.ids());
        let Some(rest) = whole.strip_prefix(prefix.as_slice()) else {
            // Outside: below or above every document of the collection.
            return if whole < prefix { Vec::new() } else { vec![0xff] };
        };
        let depth = path.ids().count() - collection.ids().count();
        let id = path.ids().nth(collection.ids().count());
        let mut own = Vec::new();
        id.into_iter().for_each(|id| push_id(&mut own, id));
        match depth {
            1 if !after => rest.to_vec(),
            // Below a document of the collection: between that one and the next.
            _ => after_prefix(&own).unwrap_or_else(|| vec![0xff]),
        }
    }

    /// [`Source::edge`] for keys of that direction. None: nothing lies at or above it.
    pub fn directed_edge(&self, path: &DocumentPath, after: bool, direction: Direction) -> Option<Vec<u8>> {
        match direction {
            Direction::Ascending => Some(self.edge(path, after)),
            Direction::Descending => inverted_edge(&self.edge(path, !after)),
        }
    }

    /// The names that the parent allows; all but for a group below a document.
    pub fn allowed_names(&self) -> Spans {
        match self {
            Source::Group { parent: Parent::Document(ancestor), .. } => {
                let mut path = Vec::new();
                push_ids(&mut path, ancestor.ids());
                let end = after_prefix(&path);
                Spans::one(Span::new(self.edge(ancestor, true), end))
            }
            Source::Group { parent: Parent::Root, .. }
            | Source::Collection(_)
            | Source::Kindless { .. }
            | Source::Children { .. } => Spans::all(),
        }
    }
}
