//! Requests of the Datastore read into the vocabulary of `model::entity`, with the texts that production
//! refuses bad ones with (DATASTORE.md 1.1, 2.4, 3.2). What can be told of a key, a value or a query once it
//! is read is told further in.

pub(super) mod gql;
pub(super) mod key;
pub(super) mod mutation;
pub(super) mod query;
pub(super) mod read;
pub(super) mod value;

use model::{DatabaseName, FieldPath, Status};
use wire::datastore::PropertyMask;

/// The longest id of a project, a database or a namespace.
const MAX_DIMENSION: usize = 100;
/// What the database without a name is called elsewhere; here it has none.
const DEFAULT: &str = "(default)";

/// The database that a request is for.
pub(super) fn database(project_id: &str, database_id: &str) -> Result<DatabaseName, Status> {
    if !is_project(project_id) {
        return Err(Status::invalid_argument(format!("\"{project_id}\" is an invalid project id.")));
    }
    if !database_id.is_empty() && !is_dimension(database_id) {
        return Err(Status::invalid_argument(format!("\"{database_id}\" is an invalid database id.")));
    }
    Ok(DatabaseName::new(project_id, stored_database(database_id)))
}

/// The properties that a mask names; None, where there is no mask, for all of them.
pub(super) fn mask(mask: Option<PropertyMask>) -> Result<Option<Vec<FieldPath>>, Status> {
    let Some(mask) = mask else { return Ok(None) };
    mask.paths.iter().map(|path| FieldPath::parse(path)).collect::<Result<_, _>>().map(Some)
}

/// As `model` names a database.
fn stored_database(id: &str) -> &str {
    if id.is_empty() { DEFAULT } else { id }
}

/// A project may stand behind a domain: `example.com:p`.
fn is_project(id: &str) -> bool {
    match id.split_once(':') {
        Some((domain, id)) => is_dimension(domain) && is_dimension(id),
        None => is_dimension(id),
    }
}

fn is_dimension(id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=MAX_DIMENSION).contains(&id.len()) && id.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_without_a_name_is_asked_for_without_one() {
        let table = [
            ("p", "", Ok("projects/p/databases/(default)")),
            ("example.com:p", "d", Ok("projects/example.com:p/databases/d")),
            ("P_1!", "", Err("\"P_1!\" is an invalid project id.")),
            ("", "", Err("\"\" is an invalid project id.")),
            ("p", "(default)", Err("\"(default)\" is an invalid database id.")),
        ];
        for (project, id, expected) in table {
            let read = database(project, id);
            let read = read.map(|name| name.to_string()).map_err(|refusal| refusal.message);
            assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{project} {id}");
        }
    }
}
