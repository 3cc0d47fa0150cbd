//! Entities of a datastore-mode database, and the names that exist because of them: namespaces, kinds, properties.

use model::encoding::{after_prefix, push_ids, read_id};
use model::entity::encoding::read_value;
use model::entity::key::{kind_of, namespace_of, namespace_path};
use model::entity::order::ValueClass;
use model::entity::{Key, StoredEntity};
use model::query::Direction;
use model::{Document, Parent, Status};

use super::{ByteRange, NameSource, View};
use crate::error::Damage;

impl View {
    /// One entity; None when it does not exist, or when the key is not complete. The key's project and database are
    /// taken for the view's.
    pub fn get_entity(&self, key: &Key) -> Result<Option<StoredEntity>, Status> {
        let Some(path) = key.document_path() else { return Ok(None) };
        let document = self.get(&path)?;
        Ok(document.map(|Document { create_time, update_time, body, .. }| StoredEntity {
            key: key.clone(),
            create_time,
            update_time,
            body,
        }))
    }

    /// The entity that a row of a scan is.
    pub fn entity(&self, row: Document) -> Result<StoredEntity, Status> {
        let key = Key::of_document_path(self.database(), &row.path).ok_or(Damage::DocumentKey)?;
        let Document { create_time, update_time, body, .. } = row;
        Ok(StoredEntity { key, create_time, update_time, body })
    }

    /// The namespaces that have entities, in order; the default one is empty. Costs a seek for each of them and
    /// each kind.
    pub fn namespaces(&self) -> Result<Vec<String>, Status> {
        let source = NameSource::Kindless { parent: Parent::Root };
        let mut scan = self.scan_documents(&source, ByteRange::all(), Direction::Ascending);
        let mut namespaces = Vec::new();
        while let Some(row) = scan.next()? {
            let namespace = namespace_of(&row.path).ok_or(Damage::DocumentKey)?.into_owned();
            let mut prefix = Vec::new();
            push_ids(&mut prefix, namespace_path(&namespace).ids());
            namespaces.push(namespace);
            match after_prefix(&prefix) {
                Some(after) => scan.seek(&after)?,
                None => break,
            }
        }
        Ok(namespaces)
    }

    /// The kinds that have entities in a namespace, in order. Costs a seek for each kind of the database.
    pub fn kinds(&self, namespace: &str) -> Result<Vec<String>, Status> {
        let parent = Parent::Document(namespace_path(namespace));
        let mut kinds = Vec::new();
        for collection_id in self.groups()? {
            let kind = kind_of(&collection_id).ok_or(Damage::DocumentKey)?.into_owned();
            let source = NameSource::Group { collection_id, parent: parent.clone() };
            if self.scan_documents(&source, ByteRange::all(), Direction::Ascending).next()?.is_some() {
                kinds.push(kind);
            }
        }
        Ok(kinds)
    }

    /// The indexed properties of a kind in order, each with the classes of its values. Costs a seek for each class
    /// of each property.
    pub fn indexed_properties(
        &self,
        namespace: &str,
        kind: &str,
    ) -> Result<Vec<(String, Vec<ValueClass>)>, Status> {
        let source = self.indexes().properties(namespace, kind);
        let mut scan = self.scan_index(&source, ByteRange::all(), Direction::Ascending);
        let mut properties: Vec<(String, Vec<ValueClass>)> = Vec::new();
        while let Some(entry) = scan.next()? {
            let (name, value) = read_id(entry.bytes()).map_err(|_| Damage::IndexEntry)?;
            let class = ValueClass::of(&read_value(value).map_err(|_| Damage::IndexEntry)?.0);
            let prefix = entry.bytes().len() - value.len();
            let (_, past_class) = class.tags();
            let after = [&entry.bytes()[..prefix], &[past_class]].concat();
            match properties.last_mut().filter(|(last, _)| *last == name) {
                Some((_, classes)) => classes.push(class),
                None => properties.push((name, vec![class])),
            }
            scan.seek(&after)?;
        }
        Ok(properties)
    }
}
