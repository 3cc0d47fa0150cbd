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
pub(crate) fn database(project_id: &str, database_id: &str) -> Result<DatabaseName, Status> {
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
    use model::entity::{Entity, Partition, body};
    use proptest::prelude::*;
    use prost::Message;
    use wire::datastore::key::PathElement;
    use wire::datastore::key::path_element::IdType;
    use wire::datastore::value::ValueType;
    use wire::datastore::{
        self as proto, AggregationQuery, ArrayValue, CommitRequest, GqlQuery, Query, Value,
        mutation::Operation,
    };

    use super::super::to_proto;
    use super::*;

    fn own() -> DatabaseName {
        DatabaseName::new("p", DEFAULT)
    }

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

    fn any_key() -> impl Strategy<Value = proto::Key> {
        let id = prop_oneof![
            Just(None),
            any::<i64>().prop_map(|number| Some(IdType::Id(number))),
            ".{0,4}".prop_map(|name| Some(IdType::Name(name))),
        ];
        let path = prop::collection::vec((".{0,4}", id), 0..4);
        let partition = ("(p|q)?", "[de]?", "[a-z]{0,2}");
        (partition, path).prop_map(|((project_id, database_id, namespace_id), path)| proto::Key {
            partition_id: Some(proto::PartitionId { project_id, database_id, namespace_id }),
            path: path.into_iter().map(|(kind, id_type)| PathElement { kind, id_type }).collect(),
        })
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(None),
            Just(Some(ValueType::NullValue(0))),
            any::<i64>().prop_map(|number| Some(ValueType::IntegerValue(number))),
            any::<f64>().prop_map(|number| Some(ValueType::DoubleValue(number))),
            any::<bool>().prop_map(|truth| Some(ValueType::BooleanValue(truth))),
            ".{0,8}".prop_map(|text| Some(ValueType::StringValue(text))),
            prop::collection::vec(any::<u8>(), 0..8)
                .prop_map(|bytes| Some(ValueType::BlobValue(bytes.into()))),
            (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| {
                Some(ValueType::TimestampValue(wire::Timestamp { seconds, nanos }))
            }),
            any_key().prop_map(|key| Some(ValueType::KeyValue(key))),
        ];
        let wrapped = |kind| {
            (kind, any::<bool>(), any::<i32>()).prop_map(|(value_type, exclude_from_indexes, meaning)| {
                Value { value_type, exclude_from_indexes, meaning }
            })
        };
        wrapped(leaf.boxed()).prop_recursive(4, 32, 4, move |inner| {
            let array = prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| Some(ValueType::ArrayValue(ArrayValue { values })));
            let properties = prop::collection::btree_map("[a-z]{0,2}", inner, 0..4);
            let entity = (prop::option::of(any_key()), properties).prop_map(|(key, properties)| {
                Some(ValueType::EntityValue(proto::Entity { key, properties }))
            });
            wrapped(prop_oneof![array, entity].boxed())
        })
    }

    fn an_entity(value: Value) -> proto::Entity {
        let path = vec![PathElement { kind: "K".to_owned(), id_type: Some(IdType::Id(1)) }];
        let key = Some(proto::Key { partition_id: None, path });
        proto::Entity { key, properties: [("a".to_owned(), value)].into() }
    }

    proptest! {
        #[test]
        fn any_value_is_refused_or_survives_its_stored_form(value in any_value()) {
            let Ok(Entity { properties, .. }) = value::entity(&own(), an_entity(value)) else { return Ok(()) };
            let stored = body::encode(&properties);
            prop_assert_eq!(body::decode(&stored).expect("our own bytes"), properties.clone());
            // What a client is sent is what it may send back.
            let sent = proto::Entity { properties: to_proto::properties(&properties), ..an_entity(Value::default()) };
            let sent = proto::Entity::decode(&*sent.encode_to_vec()).expect("our own bytes");
            let again = value::entity(&own(), sent).expect("what was stored is legal");
            prop_assert_eq!(body::encode(&again.properties), stored);
        }

        #[test]
        fn no_bytes_make_the_conversions_panic(
            value in any_value(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let insert = Some(Operation::Insert(an_entity(value)));
            let mutations = vec![proto::Mutation { operation: insert, ..Default::default() }];
            let mut bytes = CommitRequest { mutations, ..Default::default() }.encode_to_vec();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let partition = Partition::new(&own(), "");
            if let Ok(message) = CommitRequest::decode(&*bytes) {
                for one in message.mutations {
                    drop(mutation::mutation(&own(), one));
                }
            }
            if let Ok(message) = Query::decode(&*bytes) {
                drop(query::query(&own(), &partition.namespace, message));
            }
            if let Ok(message) = AggregationQuery::decode(&*bytes) {
                drop(query::aggregation_query(&own(), &partition.namespace, message));
            }
            if let Ok(message) = GqlQuery::decode(&*bytes) {
                drop(gql::gql(&own(), message));
            }
        }
    }
}
