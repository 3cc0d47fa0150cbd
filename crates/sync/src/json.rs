//! Values as the JSON of Firestore's REST interface: `{"name": {"stringValue": "…"}}`.
//!
//! The text is written straight from the message: a tree of JSON values between the two would cost more than all the
//! rest of a first copy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{Value, value::ValueType};

use crate::time::Time;

/// The fields of a document as one JSON object, in the order of their names.
pub(crate) fn fields(fields: &BTreeMap<String, Value>) -> String {
    let mut text = String::with_capacity(64 * fields.len() + 2);
    write_fields(fields, &mut text);
    text
}

fn write_fields(fields: &BTreeMap<String, Value>, to: &mut String) {
    to.push('{');
    for (number, (name, value)) in fields.iter().enumerate() {
        if number > 0 {
            to.push(',');
        }
        write_string(name, to);
        to.push(':');
        write_value(value, to);
    }
    to.push('}');
}

/// One value. Kinds that only pipelines know never stand in documents; they print as null.
fn write_value(value: &Value, to: &mut String) {
    let Some(kind) = &value.value_type else {
        to.push_str(r#"{"nullValue":null}"#);
        return;
    };
    match kind {
        ValueType::BooleanValue(truth) => push(to, format_args!(r#"{{"booleanValue":{truth}}}"#)),
        ValueType::IntegerValue(number) => push(to, format_args!(r#"{{"integerValue":"{number}"}}"#)),
        ValueType::DoubleValue(number) => write_double(*number, to),
        ValueType::TimestampValue(stamp) => {
            push(to, format_args!(r#"{{"timestampValue":"{}"}}"#, Time::from_wire(stamp)));
        }
        ValueType::StringValue(text) => wrapped("stringValue", to, |to| write_string(text, to)),
        ValueType::BytesValue(bytes) => {
            push(to, format_args!(r#"{{"bytesValue":"{}"}}"#, STANDARD.encode(bytes)));
        }
        ValueType::ReferenceValue(name) => wrapped("referenceValue", to, |to| write_string(name, to)),
        ValueType::GeoPointValue(point) => wrapped("geoPointValue", to, |to| {
            let (latitude, longitude) = (point.latitude, point.longitude);
            push(to, format_args!(r#"{{"latitude":{latitude},"longitude":{longitude}}}"#));
        }),
        ValueType::ArrayValue(array) => wrapped("arrayValue", to, |to| write_array(&array.values, to)),
        ValueType::MapValue(map) => wrapped("mapValue", to, |to| match map.fields.is_empty() {
            true => to.push_str("{}"),
            false => wrapped("fields", to, |to| write_fields(&map.fields, to)),
        }),
        ValueType::NullValue(_)
        | ValueType::FieldReferenceValue(_)
        | ValueType::VariableReferenceValue(_)
        | ValueType::FunctionValue(_)
        | ValueType::PipelineValue(_) => to.push_str(r#"{"nullValue":null}"#),
    }
}

fn write_array(values: &[Value], to: &mut String) {
    if values.is_empty() {
        to.push_str("{}");
        return;
    }
    wrapped("values", to, |to| {
        to.push('[');
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                to.push(',');
            }
            write_value(value, to);
        }
        to.push(']');
    });
}

/// JSON has no word for these three, so protobuf's JSON writes them as strings.
fn write_double(number: f64, to: &mut String) {
    if number.is_nan() {
        to.push_str(r#"{"doubleValue":"NaN"}"#);
    } else if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        push(to, format_args!(r#"{{"doubleValue":"{sign}Infinity"}}"#));
    } else if number.abs() >= 1e16 || (number != 0.0 && number.abs() < 1e-5) {
        push(to, format_args!(r#"{{"doubleValue":{number:e}}}"#));
    } else {
        push(to, format_args!(r#"{{"doubleValue":{number}}}"#));
    }
}

/// A string with its quotes.
pub(crate) fn write_string(text: &str, to: &mut String) {
    to.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        to.push_str(&text[plain..at]);
        plain = at + 1;
        match escaped {
            "" => push(to, format_args!("\\u{byte:04x}")),
            escaped => to.push_str(escaped),
        }
    }
    to.push_str(&text[plain..]);
    to.push('"');
}

fn wrapped(name: &str, to: &mut String, inner: impl FnOnce(&mut String)) {
    push(to, format_args!(r#"{{"{name}":"#));
    inner(to);
    to.push('}');
}

fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    to.write_fmt(text).expect("a string takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use googleapis_tonic_google_firestore_v1::google::firestore::v1::{ArrayValue, MapValue};
    use googleapis_tonic_google_firestore_v1::google::r#type::LatLng;

    use super::*;

    fn text(kind: ValueType) -> String {
        let mut text = String::new();
        write_value(&Value { value_type: Some(kind) }, &mut text);
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(read.is_object());
        text
    }

    #[test]
    fn each_type_has_its_form() {
        let one = Value { value_type: Some(ValueType::IntegerValue(1)) };
        let map = BTreeMap::from([("k".to_owned(), one.clone())]);
        let table = [
            (ValueType::NullValue(0), r#"{"nullValue":null}"#),
            (ValueType::BooleanValue(true), r#"{"booleanValue":true}"#),
            (ValueType::IntegerValue(i64::MIN), r#"{"integerValue":"-9223372036854775808"}"#),
            (ValueType::DoubleValue(4.0), r#"{"doubleValue":4}"#),
            (ValueType::DoubleValue(-0.0), r#"{"doubleValue":-0}"#),
            (ValueType::DoubleValue(0.1), r#"{"doubleValue":0.1}"#),
            (ValueType::DoubleValue(f64::MAX), r#"{"doubleValue":1.7976931348623157e308}"#),
            (ValueType::DoubleValue(f64::NAN), r#"{"doubleValue":"NaN"}"#),
            (ValueType::DoubleValue(f64::NEG_INFINITY), r#"{"doubleValue":"-Infinity"}"#),
            (
                ValueType::TimestampValue(Time(1).to_wire()),
                r#"{"timestampValue":"1970-01-01T00:00:00.000001Z"}"#,
            ),
            (
                ValueType::StringValue("a\"\\\n\u{1}é".to_owned()),
                "{\"stringValue\":\"a\\\"\\\\\\n\\u0001é\"}",
            ),
            (ValueType::BytesValue(vec![0xff, 0].into()), r#"{"bytesValue":"/wA="}"#),
            (ValueType::ReferenceValue("p/d".to_owned()), r#"{"referenceValue":"p/d"}"#),
            (
                ValueType::GeoPointValue(LatLng { latitude: 1.5, longitude: 0.0 }),
                r#"{"geoPointValue":{"latitude":1.5,"longitude":0}}"#,
            ),
            (ValueType::ArrayValue(ArrayValue::default()), r#"{"arrayValue":{}}"#),
            (
                ValueType::ArrayValue(ArrayValue { values: vec![one.clone(), one] }),
                r#"{"arrayValue":{"values":[{"integerValue":"1"},{"integerValue":"1"}]}}"#,
            ),
            (ValueType::MapValue(MapValue::default()), r#"{"mapValue":{}}"#),
            (
                ValueType::MapValue(MapValue { fields: map }),
                r#"{"mapValue":{"fields":{"k":{"integerValue":"1"}}}}"#,
            ),
        ];
        for (kind, expected) in table {
            assert_eq!(text(kind), expected);
        }
    }

    #[test]
    fn fields_stand_in_the_order_of_their_names() {
        let null = Value { value_type: Some(ValueType::NullValue(0)) };
        let both = BTreeMap::from([("b".to_owned(), null.clone()), ("a\"".to_owned(), null)]);
        assert_eq!(fields(&both), r#"{"a\"":{"nullValue":null},"b":{"nullValue":null}}"#);
        assert_eq!(fields(&BTreeMap::new()), "{}");
    }
}
