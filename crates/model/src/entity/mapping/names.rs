//! Keys as document paths as the Firestore API writes them, and back.
//!
//! A kind is a collection id. A numeric id N is `__idN__`; a name is itself, but with `/` in it, or as `.` or `..`, it
//! is `__esc` NAME `__`, where `~` is written `~0`, `/` is `~1` and a dot of those two is `~2`.

use std::borrow::Cow;

use crate::entity::{Id, Key, Partition, PathElement};
use crate::field_path::is_reserved_field;
use crate::path::{Segment, check_collection_id};
use crate::{DatabaseName, DocumentPath, Status};

const ESCAPED: &str = "__esc";
const END: &str = "__";

/// The path of the document that an entity with this key is.
///
/// # Errors
/// INVALID_ARGUMENT for a key that has none: it is incomplete, in a namespace, or has a reserved kind or name.
pub fn document_path_of(key: &Key) -> Result<DocumentPath, Status> {
    if !key.partition.namespace.is_empty() {
        return Err(Status::invalid_argument(format!(
            "The key {key} is in the namespace \"{}\"; only those of the default namespace are documents.",
            key.partition.namespace
        )));
    }
    let mut path = String::with_capacity(48 * key.path.len());
    for PathElement { kind, id } in &key.path {
        check_collection_id(kind)?;
        let id = match id {
            Some(Id::Number(number)) => Cow::Owned(format!("__id{number}__")),
            Some(Id::Name(name)) => document_id(name)?,
            None => return Err(Status::invalid_argument(format!("The key {key} is incomplete."))),
        };
        let slash = if path.is_empty() { "" } else { "/" };
        path.extend([slash, kind, "/", &id]);
    }
    DocumentPath::new(&path)
        .ok_or_else(|| Status::invalid_argument(format!("The key {key} is no document's.")))
}

/// The key of the entity that a document of `database` is, in the default namespace.
///
/// # Errors
/// INVALID_ARGUMENT for an id that is reserved and stands for no name.
pub fn key_of(database: &DatabaseName, path: &DocumentPath) -> Result<Key, Status> {
    let mut ids = path.ids();
    let mut elements = Vec::new();
    while let (Some(kind), Some(id)) = (ids.next(), ids.next()) {
        let id = match Segment::parse(id) {
            Segment::Id(number) => Id::Number(number),
            Segment::Name(id) => Id::Name(name(id)?),
        };
        elements.push(PathElement::new(kind, id));
    }
    Ok(Key { partition: Partition::new(database, ""), path: elements })
}

fn document_id(name: &str) -> Result<Cow<'_, str>, Status> {
    if name == "." || name == ".." {
        return Ok(Cow::Owned(format!("{ESCAPED}{}{END}", name.replace('.', "~2"))));
    }
    if name.contains('/') {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        return Ok(Cow::Owned(format!("{ESCAPED}{escaped}{END}")));
    }
    if is_reserved_field(name) {
        return Err(Status::invalid_argument(format!(
            "The key name \"{name}\" is reserved among documents."
        )));
    }
    Ok(Cow::Borrowed(name))
}

fn name(id: &str) -> Result<String, Status> {
    if !is_reserved_field(id) {
        return Ok(id.to_owned());
    }
    let unescaped = id
        .strip_prefix(ESCAPED)
        .and_then(|rest| rest.strip_suffix(END))
        .map(|escaped| escaped.replace("~2", ".").replace("~1", "/").replace("~0", "~"));
    // Two ids of one key would be one entity with two names.
    match unescaped {
        Some(name) if document_id(&name).is_ok_and(|again| again == id) => Ok(name),
        Some(_) | None => Err(Status::invalid_argument(format!(
            "The document id \"{id}\" is reserved and names no entity."
        ))),
    }
}
