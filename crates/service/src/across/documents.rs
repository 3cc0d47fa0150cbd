//! The Firestore API over entities.

mod commit;
mod query;

use database::{Mode, View};
use model::entity::mapping::{fields_of, key_of};
use model::entity::{Key, StoredEntity, body as entity_body};
use model::{Document, DocumentPath, Status, Timestamp, body};

pub(crate) use commit::commit;
pub(crate) use query::{Found, figures, find, listing};

/// One document of a database in either mode; None when it does not exist.
pub(crate) fn get(view: &View, mode: Mode, path: &DocumentPath) -> Result<Option<Document>, Status> {
    match mode {
        Mode::Native => view.get(path),
        Mode::Datastore => {
            let entity = view.get_entity(&key_of(view.database(), path)?)?;
            entity.map(|entity| document(path.clone(), &entity)).transpose()
        }
    }
}

fn document(path: DocumentPath, entity: &StoredEntity) -> Result<Document, Status> {
    let StoredEntity { key, create_time, update_time, body } = entity;
    document_of(path, key, (*create_time, *update_time), body)
}

/// The document at `path` that an entity is.
fn document_of(
    path: DocumentPath,
    key: &Key,
    (create_time, update_time): (Timestamp, Timestamp),
    stored: &[u8],
) -> Result<Document, Status> {
    let properties = entity_body::decode(stored).map_err(|error| super::damaged(&error))?;
    let fields = fields_of(&properties).map_err(|refusal| {
        Status::failed_precondition(format!("The entity {key} is no document: {}", refusal.message))
    })?;
    Ok(Document { path, create_time, update_time, body: body::encode(&fields) })
}
