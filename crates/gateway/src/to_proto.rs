//! Domain types as messages, for the answers that carry no stored documents (those are spliced, see
//! [`crate::splice`]).

pub(crate) mod listen;

use model::write::{CommitResult, WriteResult};
use model::{Status, Timestamp, Value};
use service::WriteAnswer;
use wire::firestore::value::ValueType;
use wire::firestore::{self as proto};

/// An instant.
pub(crate) fn timestamp(stamp: Timestamp) -> wire::Timestamp {
    let (seconds, nanos) = stamp.to_parts();
    wire::Timestamp { seconds, nanos }
}

/// A value.
pub(crate) fn value(value: &Value) -> proto::Value {
    let kind = match value {
        Value::Null => ValueType::NullValue(0),
        Value::Boolean(truth) => ValueType::BooleanValue(*truth),
        Value::Integer(number) => ValueType::IntegerValue(*number),
        Value::Double(number) => ValueType::DoubleValue(*number),
        Value::Timestamp(stamp) => ValueType::TimestampValue(timestamp(*stamp)),
        Value::String(text) => ValueType::StringValue(text.clone()),
        Value::Bytes(bytes) => ValueType::BytesValue(bytes.clone()),
        Value::Reference(name) => ValueType::ReferenceValue(name.to_string()),
        Value::GeoPoint(point) => ValueType::GeoPointValue(wire::r#type::LatLng {
            latitude: point.latitude,
            longitude: point.longitude,
        }),
        Value::Array(elements) => array(elements.iter().map(self::value).collect()),
        Value::Vector(elements) => vector(elements),
        Value::Map(fields) => ValueType::MapValue(proto::MapValue {
            fields: fields.iter().map(|(name, field)| (name.clone(), self::value(field))).collect(),
        }),
    };
    proto::Value { value_type: Some(kind) }
}

fn array(values: Vec<proto::Value>) -> ValueType {
    ValueType::ArrayValue(proto::ArrayValue { values })
}

fn vector(elements: &[f64]) -> ValueType {
    let message = |kind| proto::Value { value_type: Some(kind) };
    let numbers = elements.iter().map(|number| message(ValueType::DoubleValue(*number))).collect();
    let kind = ValueType::StringValue(model::value::VECTOR_TYPE.to_owned());
    ValueType::MapValue(proto::MapValue {
        fields: [
            (model::value::TYPE_KEY.to_owned(), message(kind)),
            (model::value::VECTOR_VALUE_KEY.to_owned(), message(array(numbers))),
        ]
        .into(),
    })
}

/// What one write did.
pub(crate) fn write_result(result: &WriteResult) -> proto::WriteResult {
    proto::WriteResult {
        update_time: result.update_time.map(timestamp),
        transform_results: result.transform_results.iter().map(value).collect(),
    }
}

/// What a commit did.
pub(crate) fn commit_response(result: &CommitResult) -> proto::CommitResponse {
    proto::CommitResponse {
        write_results: result.results.iter().map(write_result).collect(),
        commit_time: Some(timestamp(result.commit_time)),
    }
}

/// What one commit of a write stream did.
pub(crate) fn write_response(answer: &WriteAnswer) -> proto::WriteResponse {
    proto::WriteResponse {
        stream_id: String::new(),
        stream_token: answer.token.clone(),
        write_results: answer.result.results.iter().map(write_result).collect(),
        commit_time: Some(timestamp(answer.result.commit_time)),
    }
}

/// A refusal of one of many writes.
pub(crate) fn status(status: &Status) -> wire::rpc::Status {
    let code = crate::grpc::status::code(status.code) as i32;
    wire::rpc::Status { code, message: status.message.clone(), details: crate::grpc::status::details(status) }
}
