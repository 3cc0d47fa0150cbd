//! Whose data a call is about, and keys: an app's id on this wire, a project and a database within.

use model::entity::{Id, Key, Partition, PathElement};
use model::{DatabaseName, Status};

use super::codec::Group;
use super::messages::entity::{Element, Path, Reference, ReferenceElement, ReferenceValue};
use crate::datastore;

/// The database that this wire names by nothing.
const DEFAULT_DATABASE: &str = "(default)";

/// An app and one of its databases.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Home {
    /// As the client names it, with the letter of its region: `s~project`. Keys come back with it.
    app: String,
    pub(super) database: DatabaseName,
}

impl Home {
    /// The app of a call. Error: it is empty, or no app can be called so.
    pub(super) fn of(app: &str, database: Option<&str>) -> Result<Self, Status> {
        if app.is_empty() {
            return Err(Status::invalid_argument("app_id must be non-empty"));
        }
        let database = datastore::database(project_of(app), database.unwrap_or_default())?;
        Ok(Home { app: app.to_owned(), database })
    }

    /// The app of the first key. Error: there is none.
    pub(super) fn of_first(keys: &[Reference]) -> Result<Self, Status> {
        let first = keys.first().ok_or_else(|| Status::invalid_argument("The call names no key."))?;
        Self::of_key(first)
    }

    /// The app of a key.
    pub(super) fn of_key(key: &Reference) -> Result<Self, Status> {
        Self::of(&key.app, key.database_id.as_deref())
    }

    /// A key of this app. Error: it is another's.
    pub(super) fn key(&self, reference: &Reference) -> Result<Key, Status> {
        let of = Self::of_key(reference)?;
        if of.database != self.database {
            let text = format!("app \"{}\" cannot access app \"{}\"'s data", self.app, reference.app);
            return Err(Status::invalid_argument(text));
        }
        Ok(of.any_key(reference))
    }

    /// Keys of this app.
    pub(super) fn keys(&self, references: &[Reference]) -> Result<Vec<Key>, Status> {
        references.iter().map(|reference| self.key(reference)).collect()
    }

    fn any_key(&self, reference: &Reference) -> Key {
        let namespace = reference.name_space.as_deref().unwrap_or_default();
        let path = reference.path.element.iter();
        let path = path.map(|Group(Element { kind, id, name })| step(kind, *id, name.as_deref()));
        Key { partition: Partition::new(&self.database, namespace), path: path.collect() }
    }

    /// A key as a value; it may be of any app. Error: of none.
    pub(super) fn key_of_value(value: &ReferenceValue) -> Result<Key, Status> {
        let of = Self::of(&value.app, value.database_id.as_deref())?;
        let namespace = value.name_space.as_deref().unwrap_or_default();
        let path = value.element.iter();
        let path = path.map(|Group(ReferenceElement { kind, id, name })| step(kind, *id, name.as_deref()));
        Ok(Key { partition: Partition::new(&of.database, namespace), path: path.collect() })
    }

    /// A key as clients read it.
    pub(super) fn reference(&self, key: &Key) -> Reference {
        let element = key.path.iter().map(|step| {
            let (id, name) = id_and_name(step);
            Group(Element { kind: step.kind.clone(), id, name })
        });
        Reference {
            app: self.app_of(key),
            path: Path { element: element.collect() },
            name_space: name_space(key),
            database_id: database_id(key),
        }
    }

    /// A key as a value.
    pub(super) fn reference_value(&self, key: &Key) -> ReferenceValue {
        let element = key.path.iter().map(|step| {
            let (id, name) = id_and_name(step);
            Group(ReferenceElement { kind: step.kind.clone(), id, name })
        });
        ReferenceValue {
            app: self.app_of(key),
            element: element.collect(),
            name_space: name_space(key),
            database_id: database_id(key),
        }
    }

    /// The database's id on this wire.
    pub(super) fn database_id(&self) -> Option<String> {
        Some(self.database.database.to_string()).filter(|id| id != DEFAULT_DATABASE)
    }

    /// The app that a key belongs to: another one is taken to be in the same region.
    fn app_of(&self, key: &Key) -> String {
        let project = &key.partition.project;
        let prefix = self.app.len() - project_of(&self.app).len();
        if *project == self.database.project {
            self.app.clone()
        } else {
            format!("{}{project}", &self.app[..prefix])
        }
    }
}

/// The project of an app: what stands behind the letter of its region.
fn project_of(app: &str) -> &str {
    app.split_once('~').map_or(app, |(_, project)| project)
}

/// Id 0 and the empty name mean an id to be allocated, as some old clients write it.
fn step(kind: &str, id: Option<i64>, name: Option<&str>) -> PathElement {
    let name = name.filter(|name| !name.is_empty()).map(Id::from);
    let id = name.or_else(|| id.filter(|id| *id != 0).map(Id::Number));
    PathElement { kind: kind.to_owned(), id }
}

fn id_and_name(step: &PathElement) -> (Option<i64>, Option<String>) {
    match &step.id {
        None => (None, None),
        Some(Id::Number(number)) => (Some(*number), None),
        Some(Id::Name(name)) => (None, Some(name.clone())),
    }
}

fn name_space(key: &Key) -> Option<String> {
    Some(key.partition.namespace.to_string()).filter(|namespace| !namespace.is_empty())
}

fn database_id(key: &Key) -> Option<String> {
    Some(key.partition.database.to_string()).filter(|id| id != DEFAULT_DATABASE)
}
