//! What of a write can be worked out before its turn: everything that does not depend on the document.
//!
//! The committer works alone, so whatever is done before saves time for all. A write that sets a whole
//! document makes the same bytes and index entries whatever was there; they are made where the call runs.

mod mutation;

use std::sync::Arc;

use bytes::Bytes;
use model::write::{FieldTransform, Operation, Precondition, Write};
use model::{DocumentPath, FieldPath, Fields, body, entity, size};

use crate::index::{IndexSet, content_entries};
use crate::mode::Content;

pub(crate) use mutation::{Existence, ReadyMutation, ReadyMutationOperation};

/// Documents up to this size are made before their turn; none of them is near the limit on documents, nor near that on
/// index entries. Larger ones can have index entries of many times their size, which must not pile up in the queue.
const MADE_BEFORE: usize = 4 * 1024;

/// A write as it waits for its turn.
pub(crate) struct Ready {
    pub(crate) path: DocumentPath,
    pub(crate) precondition: Precondition,
    pub(crate) operation: ReadyOperation,
}

/// What a write does, as far as it is worked out.
pub(crate) enum ReadyOperation {
    Whole(Arc<Whole>),
    Set { fields: Fields, mask: Option<Vec<FieldPath>>, transforms: Vec<FieldTransform> },
    Delete,
    Verify,
}

/// A document or an entity that a write makes, whatever was there.
pub(crate) struct Whole {
    pub(crate) content: Content,
    pub(crate) body: Bytes,
    /// In order.
    entries: Vec<Bytes>,
    indexes: Arc<IndexSet>,
}

impl Ready {
    /// Works out what can be for a write to a database whose indexes are these.
    pub(crate) fn new(write: Write, indexes: &Arc<IndexSet>) -> Self {
        let Write { path, operation, precondition } = write;
        let operation = match operation {
            Operation::Set { fields, mask: None, transforms }
                if transforms.is_empty() && size::fields_size(&fields) <= MADE_BEFORE =>
            {
                let content = Content::Document(Arc::new(fields));
                let entries = content_entries(indexes, &path, &content);
                ReadyOperation::Whole(Arc::new(Whole::new(content, entries, indexes.clone())))
            }
            Operation::Set { fields, mask, transforms } => ReadyOperation::Set { fields, mask, transforms },
            Operation::Delete => ReadyOperation::Delete,
            Operation::Verify => ReadyOperation::Verify,
        };
        Ready { path, precondition, operation }
    }
}

impl Whole {
    fn new(content: Content, mut entries: Vec<Vec<u8>>, indexes: Arc<IndexSet>) -> Self {
        entries.sort_unstable();
        let body = match &content {
            Content::Document(fields) => body::encode(fields),
            Content::Entity(properties) => entity::body::encode(properties),
        };
        Whole { body, entries: entries.into_iter().map(Bytes::from).collect(), content, indexes }
    }

    /// The document's index entries in order; None when they were made for other indexes.
    pub(crate) fn entries(&self, indexes: &Arc<IndexSet>) -> Option<&[Bytes]> {
        Arc::ptr_eq(&self.indexes, indexes).then_some(self.entries.as_slice())
    }
}
