//! Properties of both ways: what goes through JSON comes back, and nothing makes a reader panic.

use proptest::prelude::*;
use prost::Message as _;
use wire::firestore as proto;
use wire::methods::METHODS;

use super::{Style, answer, bind, request_field, request_message};
use proto::value::ValueType;

fn value() -> impl Strategy<Value = proto::Value> {
    let leaf = prop_oneof![
        Just(ValueType::NullValue(0)),
        any::<bool>().prop_map(ValueType::BooleanValue),
        any::<i64>().prop_map(ValueType::IntegerValue),
        any::<f64>()
            .prop_filter("equal to itself", |number| !number.is_nan())
            .prop_map(ValueType::DoubleValue),
        (-62_135_596_800..253_402_300_800_i64, 0..1_000_000_000)
            .prop_map(|(seconds, nanos)| ValueType::TimestampValue(wire::Timestamp { seconds, nanos })),
        any::<String>().prop_map(ValueType::StringValue),
        any::<Vec<u8>>().prop_map(|bytes| ValueType::BytesValue(bytes.into())),
        "[a-z/]{0,20}".prop_map(ValueType::ReferenceValue),
        (any::<i16>(), any::<i16>()).prop_map(|(latitude, longitude)| {
            ValueType::GeoPointValue(wire::r#type::LatLng {
                latitude: latitude.into(),
                longitude: longitude.into(),
            })
        }),
    ];
    let kind = leaf.prop_recursive(6, 30, 5, |inner| {
        let value = inner.prop_map(|kind| proto::Value { value_type: Some(kind) }).boxed();
        prop_oneof![
            prop::collection::vec(value.clone(), 0..5)
                .prop_map(|values| ValueType::ArrayValue(proto::ArrayValue { values })),
            prop::collection::btree_map(any::<String>(), value, 0..5)
                .prop_map(|fields| ValueType::MapValue(proto::MapValue { fields })),
        ]
    });
    kind.prop_map(|kind| proto::Value { value_type: Some(kind) })
}

fn document() -> impl Strategy<Value = proto::Document> {
    let fields = prop::collection::btree_map(any::<String>(), value(), 0..4);
    ("[a-z/]{0,9}", fields).prop_map(|(name, fields)| proto::Document {
        name,
        fields,
        create_time: None,
        update_time: Some(wire::Timestamp { seconds: 1_700_000_000, nanos: 123_456_000 }),
    })
}

/// JSON that is nearly right: of the words that requests have.
fn nearly_json() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "-1.5e3",
        "\"x\"",
        "\"\\ud83d\"",
        "\"fields\"",
        "\"writes\"",
        "\"update\"",
        "\"integerValue\"",
        "\"mapValue\"",
        "\"arrayValue\"",
        "\"values\"",
        "\"structuredQuery\"",
        "\"limit\"",
        "\"timestampValue\"",
        "\"2020-01-01T00:00:00Z\"",
        "\"nullValue\"",
        "\"bytesValue\"",
        "\"where\"",
        "\"compositeFilter\"",
        "\"op\"",
        "\"é\"",
        " ",
        "\n",
        "\\",
        "\"",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn a_document_is_the_same_after_json(document in document(), pretty: bool, numeric_enums: bool) {
        let style = Style { pretty, numeric_enums };
        let json = answer("google.firestore.v1.Document", &document.encode_to_vec(), style).expect("our own bytes");
        let bytes = request_message("google.firestore.v1.Document", json.as_bytes()).expect("our own JSON");
        let again = proto::Document::decode(&*bytes).expect("a document");
        prop_assert_eq!(again, document);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for definition in METHODS {
            let _ = request_message(definition.request, &bytes);
        }
    }

    #[test]
    fn what_is_nearly_json_is_read_or_refused(json in nearly_json()) {
        for definition in METHODS {
            if let Ok(bytes) = request_message(definition.request, json.as_bytes()) {
                // What was read is a message, and can be written.
                prop_assert!(answer(definition.request, &bytes, Style::PRETTY).is_ok());
            }
        }
        let _ = request_field("google.firestore.v1.UpdateDocumentRequest", "document", json.as_bytes());
    }

    #[test]
    fn any_parameter_is_bound_or_refused(name in "[a-zA-Z._]{0,30}", value: String) {
        for definition in METHODS {
            let _ = bind(definition.request, [(name.as_str(), value.as_str())].into_iter());
        }
    }

    #[test]
    fn any_bytes_are_written_or_refused(bytes: Vec<u8>) {
        for definition in METHODS {
            let _ = answer(definition.response, &bytes, Style::COMPACT);
        }
    }
}

#[test]
fn every_parameter_of_rest_is_bound() {
    let message = "google.firestore.v1.UpdateDocumentRequest";
    let given = [
        ("updateMask.fieldPaths", "a"),
        ("update_mask.field_paths", "b"),
        ("currentDocument.updateTime", "2020-01-01T00:00:00.000001Z"),
        ("unknown", "x"),
        ("mask.unknown", "x"),
        ("document.name", "n"),
    ];
    let bytes = bind(message, given.into_iter()).expect("legal values");
    let read = proto::UpdateDocumentRequest::decode(&*bytes).expect("a request");
    assert_eq!(read.update_mask.expect("a mask").field_paths, ["a", "b"]);
    assert_eq!(read.document.expect("a document").name, "n");
    let seconds = 1_577_836_800;
    let time = proto::precondition::ConditionType::UpdateTime(wire::Timestamp { seconds, nanos: 1_000 });
    assert_eq!(read.current_document.expect("a condition").condition_type, Some(time));

    let twice = [("transaction", "AA=="), ("readTime", "2020-01-01T00:00:00Z")];
    let refusal = bind("google.firestore.v1.GetDocumentRequest", twice.into_iter()).expect_err("a clash");
    let expected =
        "Invalid value (oneof), oneof field 'consistency_selector' is already set. Cannot set 'readTime'";
    assert_eq!(refusal.message(), expected);
}
