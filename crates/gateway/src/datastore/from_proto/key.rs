//! Keys and partitions. What names no database is in the request's own.

use std::sync::Arc;

use model::entity::validate::{check_database, check_namespace};
use model::entity::{Id, Key, Partition, PathElement};
use model::{DatabaseName, Status};
use wire::datastore::key::path_element::IdType;
use wire::datastore::{self as proto};

use super::stored_database;

/// A key, as it stands: whether it may be what it is, is told by what it is for.
pub(crate) fn key(database: &DatabaseName, key: proto::Key) -> Key {
    Key { partition: given(database, key.partition_id), path: path(key.path) }
}

/// Where a query is to run.
pub(crate) fn partition(
    database: &DatabaseName,
    partition: Option<proto::PartitionId>,
) -> Result<Partition, Status> {
    let root = Key { partition: given(database, partition), path: Vec::new() };
    check_database(&root, database)?;
    check_namespace(&root.partition.namespace)?;
    Ok(root.partition)
}

fn given(database: &DatabaseName, partition: Option<proto::PartitionId>) -> Partition {
    let proto::PartitionId { project_id, database_id, namespace_id } = partition.unwrap_or_default();
    if project_id.is_empty() && database_id.is_empty() {
        return Partition::new(database, &namespace_id);
    }
    // By far the most keys are of the request's own database.
    let own = |own: &Arc<str>, given: &str| if **own == *given { own.clone() } else { given.into() };
    Partition {
        project: own(&database.project, &project_id),
        database: own(&database.database, stored_database(&database_id)),
        namespace: namespace_id.into(),
    }
}

fn path(elements: Vec<proto::key::PathElement>) -> Vec<PathElement> {
    let element = |element: proto::key::PathElement| PathElement {
        kind: element.kind,
        id: element.id_type.map(|id| match id {
            IdType::Id(number) => Id::Number(number),
            IdType::Name(name) => Id::Name(name),
        }),
    };
    elements.into_iter().map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_the_requests_own_or_refused() {
        let named = DatabaseName::new("p", "other");
        let unnamed = DatabaseName::new("p", "(default)");
        let table = [
            (&unnamed, ("", "", ""), Ok("")),
            (&unnamed, ("p", "", "n"), Ok("n")),
            (&unnamed, ("", "", "n"), Ok("n")),
            (&unnamed, ("zzz", "", ""), Err("s~p vs. s~zzz")),
            (&named, ("p", "other", ""), Ok("")),
            (&named, ("", "", ""), Ok("")),
            (&named, ("", "other", ""), Err("s~p#other vs. s~#other")),
            (&named, ("p", "", ""), Err("s~p#other vs. s~p")),
        ];
        for (database, (project, id, namespace), expected) in table {
            let given = proto::PartitionId {
                project_id: project.to_owned(),
                database_id: id.to_owned(),
                namespace_id: namespace.to_owned(),
            };
            let read = partition(database, Some(given));
            let read = read.map(|read| read.namespace.to_string()).map_err(|refusal| refusal.message);
            let text = |text| format!("mismatched databases within request: {text}");
            assert_eq!(read, expected.map(str::to_owned).map_err(text), "{project} {id}");
        }
    }
}
