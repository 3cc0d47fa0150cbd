//! Keys, values and results of mutations as messages; stored entities are spliced instead
//! (see [`super::splice`]).

pub(crate) mod query;

use model::entity::write::{EntityCommitResult, MutationResult};
use model::entity::{EntityValue, Id, Key, Partition, Properties, Property};
use wire::datastore::key::path_element::IdType;
use wire::datastore::value::ValueType;
use wire::datastore::{self as proto};

use crate::to_proto::timestamp;

/// What the database without a name is called elsewhere; here it has none.
const DEFAULT: &str = "(default)";

/// A key with its whole partition.
pub(crate) fn key(key: &Key) -> proto::Key {
    let element = |element: &model::entity::PathElement| proto::key::PathElement {
        kind: element.kind.clone(),
        id_type: element.id.as_ref().map(|id| match id {
            Id::Number(number) => IdType::Id(*number),
            Id::Name(name) => IdType::Name(name.clone()),
        }),
    };
    proto::Key { partition_id: Some(partition(&key.partition)), path: key.path.iter().map(element).collect() }
}

/// A partition; what is not told apart has no name.
pub(crate) fn partition(partition: &Partition) -> proto::PartitionId {
    let database_id = match &*partition.database {
        DEFAULT => String::new(),
        named => named.to_owned(),
    };
    proto::PartitionId {
        project_id: partition.project.to_string(),
        database_id,
        namespace_id: partition.namespace.to_string(),
    }
}

/// A value with what is remembered of it.
pub(crate) fn property(property: &Property) -> proto::Value {
    let Property { value, excluded, meaning } = property;
    proto::Value { meaning: *meaning, exclude_from_indexes: *excluded, value_type: Some(kind(value)) }
}

/// A value that is indexed and has no meaning.
pub(crate) fn value(value: &EntityValue) -> proto::Value {
    proto::Value { value_type: Some(kind(value)), ..Default::default() }
}

/// Properties by name.
pub(crate) fn properties(properties: &Properties) -> std::collections::BTreeMap<String, proto::Value> {
    properties.iter().map(|(name, one)| (name.clone(), property(one))).collect()
}

fn kind(value: &EntityValue) -> ValueType {
    match value {
        EntityValue::Null => ValueType::NullValue(0),
        EntityValue::Boolean(truth) => ValueType::BooleanValue(*truth),
        EntityValue::Integer(number) => ValueType::IntegerValue(*number),
        EntityValue::Double(number) => ValueType::DoubleValue(*number),
        EntityValue::Timestamp(stamp) => ValueType::TimestampValue(timestamp(*stamp)),
        EntityValue::Key(named) => ValueType::KeyValue(key(named)),
        EntityValue::String(text) => ValueType::StringValue(text.clone()),
        EntityValue::Blob(bytes) => ValueType::BlobValue(bytes.clone()),
        EntityValue::GeoPoint(point) => ValueType::GeoPointValue(wire::r#type::LatLng {
            latitude: point.latitude,
            longitude: point.longitude,
        }),
        EntityValue::Entity(entity) => ValueType::EntityValue(proto::Entity {
            key: entity.key.as_ref().map(key),
            properties: properties(&entity.properties),
        }),
        EntityValue::Array(elements) => {
            ValueType::ArrayValue(proto::ArrayValue { values: elements.iter().map(property).collect() })
        }
    }
}

/// What a commit did.
pub(crate) fn commit_response(result: &EntityCommitResult) -> proto::CommitResponse {
    proto::CommitResponse {
        mutation_results: result.results.iter().map(mutation_result).collect(),
        index_updates: 0,
        commit_time: Some(timestamp(result.commit_time)),
    }
}

/// The key is there only when the server made it: clients take any key for one of theirs.
fn mutation_result(result: &MutationResult) -> proto::MutationResult {
    proto::MutationResult {
        key: result.key.as_ref().map(key),
        version: result.version,
        create_time: result.create_time.map(timestamp),
        update_time: result.update_time.map(timestamp),
        conflict_detected: result.conflict_detected,
        transform_results: result.transform_results.iter().map(value).collect(),
    }
}
