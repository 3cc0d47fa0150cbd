//! Names that exist only through their descendants: missing documents, and collection ids.

use model::encoding::{after_prefix, push_id, push_ids};
use model::query::Direction;
use model::{CollectionPath, Document, DocumentPath, Parent, Status};
use storage::{KeyRange, Space};

use super::{ByteRange, DocumentScan, NameSource, View};
use crate::error::Damage;
use crate::keys::documents;

/// The documents of a collection, present or missing with descendants, in name order.
pub struct NameScan {
    documents: DocumentScan,
    collection: CollectionPath,
}

impl View {
    /// The ids of the collections directly below `parent`, sorted; also those that exist only
    /// because a document deeper down does.
    pub fn collection_ids(&self, parent: &Parent) -> Result<Vec<String>, Status> {
        let mut prefix = Vec::new();
        push_ids(&mut prefix, parent.ids());
        let depth = parent.ids().count();
        let source = NameSource::Kindless { parent: parent.clone() };
        let mut scan = self.scan_documents(&source, ByteRange::all(), Direction::Ascending);
        let mut ids = Vec::new();
        while let Some(document) = scan.next()? {
            let id = document.path.ids().nth(depth).ok_or(Damage::DocumentKey)?.to_owned();
            let mut collection = prefix.clone();
            push_id(&mut collection, &id);
            ids.push(id);
            match after_prefix(&collection) {
                Some(after) => scan.seek(&after)?,
                None => break,
            }
        }
        Ok(ids)
    }

    /// The documents of `collection` from the name bytes of an id on, with those that are missing
    /// but have descendants.
    pub fn scan_names(&self, collection: &CollectionPath, from_id: Option<&str>) -> NameScan {
        let mut prefix = Vec::new();
        push_ids(&mut prefix, collection.ids());
        let mut range = ByteRange::prefix(&prefix);
        if let Some(id) = from_id {
            push_id(&mut range.start, id);
        }
        let source = NameSource::Kindless { parent: collection.parent() };
        let documents = self.scan_documents(&source, range, Direction::Ascending);
        NameScan { documents, collection: collection.clone() }
    }

    /// The ids of all collection groups, sorted by their bytes. A group whose documents were all
    /// deleted may still be named by a view of the past, or be named needlessly.
    pub(super) fn groups(&self) -> Result<Vec<String>, Status> {
        let whole = KeyRange::prefix(&self.number.prefix());
        self.record_range(Space::Documents, Some(whole.clone()));
        let mut groups = Vec::new();
        let mut live = self.cursor(Space::Documents, whole.clone(), Direction::Ascending);
        while let Some((key, _)) = live.peek()? {
            let (group, _) = documents::split(key)?;
            live.seek_past(&documents::group(self.number, &group))?;
            groups.push(group);
        }
        if self.time.past {
            self.past_groups(&mut groups)?;
        }
        Ok(groups)
    }

    fn past_groups(&self, groups: &mut Vec<String>) -> Result<(), Status> {
        use crate::keys::history::{Kind, prefix, row_key};
        let whole = KeyRange::prefix(&prefix(Kind::Document, &self.number.prefix()));
        let mut past = self.cursor(Space::History, whole, Direction::Ascending);
        while let Some((key, _)) = past.peek()? {
            let (group, _) = documents::split(&row_key(key))?;
            past.seek_past(&prefix(Kind::Document, &documents::group(self.number, &group)))?;
            groups.push(group);
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(())
    }
}

impl NameScan {
    /// The next name, with its document unless it is missing.
    pub fn next(&mut self) -> Result<Option<(DocumentPath, Option<Document>)>, Status> {
        let Some(document) = self.documents.next()? else { return Ok(None) };
        let depth = self.collection.ids().count();
        let id = document.path.ids().nth(depth).ok_or(Damage::DocumentKey)?;
        let path = self.collection.document(id);
        let mut prefix = Vec::new();
        push_ids(&mut prefix, path.ids());
        if let Some(after) = after_prefix(&prefix) {
            self.documents.seek(&after)?;
        }
        let document = (document.path == path).then_some(document);
        Ok(Some((path, document)))
    }
}
