//! The Datastore API over documents.

mod commit;
mod query;

use database::{Mode, View};
use model::entity::mapping::{document_path_of, properties_of};
use model::entity::{Key, StoredEntity, body};
use model::{Document, Status};

pub(crate) use commit::commit;
pub(crate) use query::{aggregate, batch};

/// One entity of a database in either mode; None when it does not exist.
pub(crate) fn get(view: &View, mode: Mode, key: &Key) -> Result<Option<StoredEntity>, Status> {
    match mode {
        Mode::Datastore => view.get_entity(key),
        Mode::Native => {
            let document = view.get(&document_path_of(key)?)?;
            document.map(|document| entity(key.clone(), &document)).transpose()
        }
    }
}

/// The entity with this key that a document is.
fn entity(key: Key, document: &Document) -> Result<StoredEntity, Status> {
    let fields = document.fields().map_err(|error| super::damaged(&error))?;
    let properties = properties_of(&fields).map_err(|refusal| {
        Status::failed_precondition(format!(
            "The document {} is no entity: {}",
            document.path, refusal.message
        ))
    })?;
    let Document { create_time, update_time, .. } = *document;
    Ok(StoredEntity { key, create_time, update_time, body: body::encode(&properties) })
}
