//! Requests read into the vocabulary of `model`, with the texts that production refuses bad ones with.
//!
//! What stands here is the only place where generated messages become domain types.

pub(crate) mod query;
pub(crate) mod target;
pub(crate) mod transaction;
pub(crate) mod value;
pub(crate) mod write;

use model::{FieldPath, Status, Timestamp};

/// An instant of a request. Digits below a microsecond are cut.
pub(crate) fn timestamp(stamp: wire::Timestamp) -> Result<Timestamp, Status> {
    Timestamp::from_parts(stamp.seconds, stamp.nanos).ok_or_else(|| {
        Status::invalid_argument(format!(
            "Timestamp with seconds {} and nanos {} is outside the permitted range \
             0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.",
            stamp.seconds, stamp.nanos
        ))
    })
}

/// A mask over an answer; one that is absent or empty keeps every field.
pub(crate) fn read_mask(
    mask: Option<wire::firestore::DocumentMask>,
) -> Result<Option<Vec<FieldPath>>, Status> {
    let paths = mask.map(|mask| mask.field_paths).unwrap_or_default();
    if paths.is_empty() {
        return Ok(None);
    }
    paths.iter().map(|path| FieldPath::parse(path)).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use model::{DatabaseName, Parent, body};
    use proptest::prelude::*;
    use prost::Message;
    use wire::firestore::{ArrayValue, Document, MapValue, Value, write::Operation};
    use wire::firestore::{StructuredAggregationQuery, StructuredQuery, Write, value::ValueType};

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(None),
            any::<i64>().prop_map(|number| Some(ValueType::IntegerValue(number))),
            any::<f64>().prop_map(|number| Some(ValueType::DoubleValue(number))),
            any::<bool>().prop_map(|truth| Some(ValueType::BooleanValue(truth))),
            ".{0,8}".prop_map(|text| Some(ValueType::StringValue(text))),
            prop::collection::vec(any::<u8>(), 0..8)
                .prop_map(|bytes| Some(ValueType::BytesValue(bytes.into()))),
            (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| {
                Some(ValueType::TimestampValue(wire::Timestamp { seconds, nanos }))
            }),
            "(projects/p/databases/d/documents(/[a-z_.]{0,3}){0,4})?"
                .prop_map(|name| Some(ValueType::ReferenceValue(name))),
        ]
        .prop_map(|value_type| Value { value_type });
        leaf.prop_recursive(4, 32, 4, |inner| {
            let array = prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| ValueType::ArrayValue(ArrayValue { values }));
            let key = prop_oneof!["[a-z]{0,2}", Just("__type__".to_owned()), Just("value".to_owned())];
            let map = prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|fields| ValueType::MapValue(MapValue { fields }));
            prop_oneof![array, map].prop_map(|kind| Value { value_type: Some(kind) })
        })
    }

    fn a_write(value: Value) -> Write {
        let name = "projects/p/databases/d/documents/c/d".to_owned();
        let fields = [("a".to_owned(), value)].into();
        let document = Document { name, fields, ..Default::default() };
        Write { operation: Some(Operation::Update(document)), ..Default::default() }
    }

    proptest! {
        #[test]
        fn any_value_is_refused_or_survives_its_stored_form(value in any_value()) {
            let Ok(read) = value::value(Some(value)) else { return Ok(()) };
            let fields = model::Fields::from([("a".to_owned(), read)]);
            let stored = body::encode(&fields);
            let mut document = Vec::new();
            let name = model::DocumentPath::new("c/d").expect("even");
            let time = model::Timestamp::ZERO;
            let version =
                model::Document { path: name, create_time: time, update_time: time, body: stored.clone() };
            let splicer = crate::splice::Splicer::new(&DatabaseName::new("p", "d"));
            splicer.push_document(&mut document, &version);
            let sent = Document::decode(&*document).expect("an answer is a message");
            let back = value::fields(sent.fields).expect("what was stored is legal");
            prop_assert_eq!(body::encode(&back), stored);
        }

        #[test]
        fn no_bytes_make_the_conversions_panic(
            value in any_value(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let mut bytes = a_write(value).encode_to_vec();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let database = DatabaseName::new("p", "d");
            if let Ok(message) = Write::decode(&*bytes) {
                drop(write::write(&database, message));
            }
            if let Ok(message) = StructuredQuery::decode(&*bytes) {
                drop(query::structured_query(Parent::Root, message));
            }
            if let Ok(message) = StructuredAggregationQuery::decode(&*bytes) {
                drop(query::aggregation_query(Parent::Root, message));
            }
        }
    }
}
