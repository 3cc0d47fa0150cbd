//! A body is, byte for byte, what protobuf writes for the `fields` of a document.

use googleapis_tonic_google_firestore_v1::google::firestore::v1::value::ValueType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{self as wire};
use googleapis_tonic_google_firestore_v1::google::r#type::LatLng;
use model::{Fields, Value, body};
use proptest::prelude::*;
use prost::Message;
use testkit::strategies::fields;

fn message(value: &Value) -> wire::Value {
    let kind = match value {
        Value::Null => ValueType::NullValue(0),
        Value::Boolean(truth) => ValueType::BooleanValue(*truth),
        Value::Integer(number) => ValueType::IntegerValue(*number),
        Value::Double(number) => ValueType::DoubleValue(*number),
        Value::Timestamp(stamp) => {
            let (seconds, nanos) = stamp.to_parts();
            ValueType::TimestampValue(prost_types::Timestamp { seconds, nanos })
        }
        Value::String(text) => ValueType::StringValue(text.clone()),
        Value::Bytes(bytes) => ValueType::BytesValue(bytes.clone()),
        Value::Reference(name) => ValueType::ReferenceValue(name.to_string()),
        Value::GeoPoint(point) => {
            ValueType::GeoPointValue(LatLng { latitude: point.latitude, longitude: point.longitude })
        }
        Value::Array(values) => array(values.iter().map(message).collect()),
        Value::Vector(numbers) => {
            let number = |number: &f64| wire::Value { value_type: Some(ValueType::DoubleValue(*number)) };
            let marker = wire::Value { value_type: Some(ValueType::StringValue("__vector__".to_owned())) };
            let numbers = wire::Value { value_type: Some(array(numbers.iter().map(number).collect())) };
            let fields = [("__type__".to_owned(), marker), ("value".to_owned(), numbers)].into();
            ValueType::MapValue(wire::MapValue { fields })
        }
        Value::Map(fields) => ValueType::MapValue(wire::MapValue { fields: messages(fields) }),
    };
    wire::Value { value_type: Some(kind) }
}

fn array(values: Vec<wire::Value>) -> ValueType {
    ValueType::ArrayValue(wire::ArrayValue { values })
}

fn messages(fields: &Fields) -> std::collections::BTreeMap<String, wire::Value> {
    fields.iter().map(|(name, value)| (name.clone(), message(value))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_body_is_the_fields_of_the_message(fields in fields()) {
        let document = wire::Document { fields: messages(&fields), ..wire::Document::default() };
        prop_assert_eq!(body::encode(&fields), document.encode_to_vec());
    }

    #[test]
    fn a_value_is_its_message(fields in fields()) {
        for value in fields.values() {
            let mut bytes = Vec::new();
            body::encode_value(&mut bytes, value);
            prop_assert_eq!(bytes, message(value).encode_to_vec());
        }
    }
}
