//! Which keys may be read, written, allocated and held by values.

use crate::entity::size::key_size;
use crate::entity::{Id, Key};
use crate::field_path::is_reserved_field;
use crate::limits::{MAX_DOCUMENT_PATH_BYTES, MAX_ID_BYTES, MAX_PATH_DEPTH};
use crate::{DatabaseName, Status};

/// Bytes of a project's, a database's or a namespace's id.
const MAX_PARTITION_ID_BYTES: usize = 100;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Lookup, ancestor, value: complete, reserved names are legal.
    Read,
    /// Insert and upsert: the last element may lack its id.
    Put,
    /// Update, delete and reserving: complete.
    Change,
    /// AllocateIds: the last element must lack its id.
    Allocate,
}

/// Checks the path and the namespace of a key. INVALID_ARGUMENT with production's texts.
pub fn check_key(key: &Key, purpose: KeyUse) -> Result<(), Status> {
    check_namespace(&key.partition.namespace)?;
    let Some((last, above)) = key.path.split_last() else {
        return Err(Status::invalid_argument("Key path is empty."));
    };
    if key.path.len() > MAX_PATH_DEPTH {
        return Err(Status::invalid_argument(format!(
            "Key path is too long. Cannot exceed {MAX_PATH_DEPTH} elements."
        )));
    }
    let bytes = key_size(key);
    if bytes > MAX_DOCUMENT_PATH_BYTES {
        return Err(Status::invalid_argument(format!(
            "The key is too large: {bytes} bytes are more than {MAX_DOCUMENT_PATH_BYTES}."
        )));
    }
    for step in &key.path {
        check_text(&step.kind, "kind")?;
        match &step.id {
            Some(Id::Name(name)) => check_text(name, "key path element name")?,
            Some(Id::Number(0)) => {
                return Err(Status::invalid_argument("Key path id is invalid. Must not be zero."));
            }
            Some(Id::Number(_)) | None => {}
        }
    }
    let incomplete_last = match purpose {
        KeyUse::Read | KeyUse::Change => false,
        KeyUse::Put => true,
        KeyUse::Allocate if last.id.is_some() => {
            return Err(Status::invalid_argument(format!("Key path element must not be complete: {key}")));
        }
        KeyUse::Allocate => true,
    };
    if above.iter().any(|step| step.id.is_none()) || (last.id.is_none() && !incomplete_last) {
        return Err(Status::invalid_argument(format!("Key path element must not be incomplete: {key}")));
    }
    if purpose == KeyUse::Read { Ok(()) } else { check_not_reserved(key) }
}

/// Refuses a key of another database than the request's.
pub fn check_database(key: &Key, database: &DatabaseName) -> Result<(), Status> {
    let DatabaseName { project, database } = database;
    if key.partition.project == *project && key.partition.database == *database {
        return Ok(());
    }
    // Production puts a letter for its location first; `s` is the one of most applications.
    let app = |project: &str, database: &str| match database {
        "(default)" | "" => format!("s~{project}"),
        named => format!("s~{project}#{named}"),
    };
    Err(Status::invalid_argument(format!(
        "mismatched databases within request: {} vs. {}",
        app(project, database),
        app(&key.partition.project, &key.partition.database)
    )))
}

/// Checks the characters of a namespace; reserved ones may be read.
pub fn check_namespace(namespace: &str) -> Result<(), Status> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if namespace.len() > MAX_PARTITION_ID_BYTES || !namespace.bytes().all(legal) {
        return Err(Status::invalid_argument(format!("Illegal string \"{namespace}\" in namespace id.")));
    }
    Ok(())
}

fn check_not_reserved(key: &Key) -> Result<(), Status> {
    let reserved = |what: &str, name: &str| {
        if is_reserved_field(name) {
            return Err(Status::invalid_argument(format!("The {what} \"{name}\" is reserved.")));
        }
        Ok(())
    };
    reserved("namespace id", &key.partition.namespace)?;
    for step in &key.path {
        reserved("kind", &step.kind)?;
        if let Some(Id::Name(name)) = &step.id {
            reserved("key path element name", name)?;
        }
    }
    Ok(())
}

fn check_text(text: &str, what: &str) -> Result<(), Status> {
    match text.len() {
        0 => Err(Status::invalid_argument(format!("The {what} is the empty string."))),
        1..=MAX_ID_BYTES => Ok(()),
        _ => Err(Status::invalid_argument(format!("The {what} is longer than {MAX_ID_BYTES} bytes."))),
    }
}
