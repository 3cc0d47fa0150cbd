//! A new document.

use host::Host;
use model::principal::Role;
use model::write::{Operation, Precondition, Write};
use model::{CollectionPath, DatabaseName, Document, FieldPath, Fields, Status, body};

use crate::get_document::masked;
use crate::{Call, Service};

/// As long as the ids that clients generate, and of the same letters.
const ID_LETTERS: usize = 20;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Where, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDocument {
    pub database: DatabaseName,
    pub collection: CollectionPath,
    /// None lets the server choose.
    pub id: Option<String>,
    pub fields: Fields,
    /// Which fields to answer; None for all.
    pub mask: Option<Vec<FieldPath>>,
}

impl Service {
    /// Answers the new document; ALREADY_EXISTS when its id is taken.
    pub async fn create_document(&self, call: &Call, request: CreateDocument) -> Result<Document, Status> {
        let CreateDocument { database, collection, id, fields, mask } = request;
        let permit = self.permit(call, &database, Role::User)?;
        let path = collection.document(&id.unwrap_or_else(|| generated_id(&self.host)));
        let body = body::encode(&fields);
        let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
        let write = Write { path: path.clone(), operation, precondition: Precondition::Exists(false) };
        let (_, committed) = self.write(&permit, &database, vec![write], None).await?;
        let time = committed.commit_time;
        masked(Document { path, create_time: time, update_time: time, body }, mask.as_deref())
    }
}

fn generated_id(host: &Host) -> String {
    let letter = |random: u64| char::from(LETTERS[(random % LETTERS.len() as u64) as usize]);
    (0..ID_LETTERS).map(|_| letter(host.random())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn generated_ids_look_like_those_of_clients() {
        let host = Host::real();
        let (first, second) = (generated_id(&host), generated_id(&host));
        assert_ne!(first, second);
        assert_eq!(first.len(), ID_LETTERS);
        assert!(first.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{first}");
    }
}
