//! Entities: the order of keys and values is that of their bytes, a body is its message, and indexes hold each value.

use std::cmp::Ordering;

use googleapis_tonic_google_datastore_v1::google::datastore::v1 as wire;
use model::encoding::push_ids;
use model::entity::encoding::{push_value, push_value_descending, read_value, value_length};
use model::entity::indexed::indexed_values;
use model::entity::order::{ValueClass, compare, equal};
use model::entity::{
    EmbeddedEntity, EntityValue, Id, Key, PathElement, Properties, Property, StoredKey, body,
};
use model::{DocumentPath, FieldPath, GeoPoint, Timestamp};
use proptest::prelude::*;
use prost::Message;
use testkit::strategies::entities::{key, properties, property, scalar};

fn bytes(value: &EntityValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(push_value(&mut bytes, value));
    bytes
}

fn descending(value: &EntityValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_value_descending(&mut bytes, value);
    bytes
}

fn path_bytes(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_ids(&mut bytes, key.document_path().expect("the key is complete").ids());
    bytes
}

fn message_of_key(key: &Key) -> wire::Key {
    let database = key.partition.database.replace("(default)", "");
    let partition = wire::PartitionId {
        project_id: key.partition.project.to_string(),
        database_id: database,
        namespace_id: key.partition.namespace.to_string(),
    };
    let step = |step: &model::entity::PathElement| wire::key::PathElement {
        kind: step.kind.clone(),
        id_type: step.id.as_ref().map(|id| match id {
            Id::Number(number) => wire::key::path_element::IdType::Id(*number),
            Id::Name(name) => wire::key::path_element::IdType::Name(name.clone()),
        }),
    };
    wire::Key { partition_id: Some(partition), path: key.path.iter().map(step).collect() }
}

fn message(property: &Property) -> wire::Value {
    use wire::value::ValueType as T;
    let kind = match &property.value {
        EntityValue::Null => T::NullValue(0),
        EntityValue::Boolean(truth) => T::BooleanValue(*truth),
        EntityValue::Integer(number) => T::IntegerValue(*number),
        EntityValue::Double(number) => T::DoubleValue(*number),
        EntityValue::Timestamp(stamp) => {
            let (seconds, nanos) = stamp.to_parts();
            T::TimestampValue(prost_types::Timestamp { seconds, nanos })
        }
        EntityValue::Key(key) => T::KeyValue(message_of_key(key)),
        EntityValue::String(text) => T::StringValue(text.clone()),
        EntityValue::Blob(bytes) => T::BlobValue(bytes.clone()),
        EntityValue::GeoPoint(GeoPoint { latitude, longitude }) => {
            let (latitude, longitude) = (*latitude, *longitude);
            T::GeoPointValue(googleapis_tonic_google_datastore_v1::google::r#type::LatLng {
                latitude,
                longitude,
            })
        }
        EntityValue::Entity(EmbeddedEntity { key, properties }) => {
            let key = key.as_ref().map(message_of_key);
            T::EntityValue(wire::Entity { key, properties: messages(properties) })
        }
        EntityValue::Array(elements) => {
            T::ArrayValue(wire::ArrayValue { values: elements.iter().map(message).collect() })
        }
    };
    wire::Value { meaning: property.meaning, exclude_from_indexes: property.excluded, value_type: Some(kind) }
}

fn messages(properties: &Properties) -> std::collections::BTreeMap<String, wire::Value> {
    properties.iter().map(|(name, property)| (name.clone(), message(property))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_stored_key_is_the_key_and_its_message(key in key()) {
        let stored = StoredKey::new(key.document_path().expect("the key is complete")).expect("a key's path");
        let database = key.partition.database_name();
        prop_assert_eq!(stored.key(&database), key.clone());
        let mut keys = body::StoredKeys::of(&database);
        // The second time below the same parent, then below another and back.
        let child = key.clone().path.into_iter().chain([PathElement::new("C", Id::Number(1))]);
        let child = Key { path: child.collect(), ..key.clone() };
        for key in [&key, &key, &child, &key] {
            let stored = StoredKey::new(key.document_path().expect("the key is complete")).expect("a key's path");
            let mut encoded = Vec::new();
            keys.encode(&mut encoded, &stored);
            prop_assert_eq!(encoded, message_of_key(key).encode_to_vec());
        }
    }

    #[test]
    fn a_property_that_is_told_to_be_single_has_one_value_in_indexes(properties in properties()) {
        let stored = body::encode(&properties);
        let indexed = indexed_values(&properties);
        for (name, property) in &properties {
            let is_plain = !matches!(
                property.value,
                EntityValue::Array(_) | EntityValue::Entity(_) | EntityValue::Key(_)
            );
            let single = body::is_single(&stored, name).expect("our own bytes");
            prop_assert_eq!(single, is_plain && !property.excluded, "{}", name);
            if single && !name.contains('.') {
                prop_assert_eq!(indexed.get(name.as_str()).map(Vec::len), Some(1), "{}", name);
            }
        }
        prop_assert!(!body::is_single(&stored, "not there").expect("our own bytes"));
    }

    #[test]
    fn the_order_of_values_is_the_order_of_their_bytes(a in scalar(), b in scalar()) {
        prop_assert_eq!(compare(&a, &b), bytes(&a).cmp(&bytes(&b)));
        prop_assert_eq!(compare(&a, &b), descending(&a).cmp(&descending(&b)).reverse());
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_the_paths_they_are_stored_under(a in key(), b in key()) {
        let b = Key { partition: model::entity::Partition {
            namespace: b.partition.namespace, ..a.partition.clone()
        }, path: b.path };
        prop_assert_eq!(a.cmp(&b), path_bytes(&a).cmp(&path_bytes(&b)));
        let paths = (a.document_path().unwrap(), b.document_path().unwrap());
        prop_assert_eq!(a.cmp(&b), paths.0.cmp(&paths.1));
        prop_assert_eq!(compare(&EntityValue::Key(a.clone()), &EntityValue::Key(b.clone())), a.cmp(&b));
        let below = a.path.len() < b.path.len() && b.path.starts_with(&a.path)
            && a.partition.namespace == b.partition.namespace;
        prop_assert_eq!(paths.1.is_below(&paths.0), below);
    }

    #[test]
    fn a_path_leads_back_to_its_key(key in key()) {
        let path = key.document_path().unwrap();
        prop_assert_eq!(Key::of_document_path(&key.partition.database_name(), &path), Some(key));
    }

    #[test]
    fn a_value_ends_where_its_bytes_say_and_reads_back(value in scalar(), after in any::<[u8; 3]>()) {
        let up = bytes(&value);
        prop_assert_eq!(value_length(&[&up[..], &after].concat(), false), Ok(up.len()));
        prop_assert_eq!(value_length(&[&descending(&value)[..], &after].concat(), true), Ok(up.len()));
        let (read, rest) = read_value(&up).unwrap();
        prop_assert!(rest.is_empty() && equal(&read, &value), "{:?}", read);
        let (from, to) = ValueClass::of(&value).tags();
        prop_assert!((from..to).contains(&up[0]));
        for end in 0..up.len() {
            prop_assert!(read_value(&up[..end]).is_err());
        }
    }

    #[test]
    fn a_body_is_the_properties_of_the_message(properties in properties()) {
        let entity = wire::Entity { key: None, properties: messages(&properties) };
        let bytes = body::encode(&properties);
        prop_assert_eq!(&bytes, &entity.encode_to_vec());
        prop_assert_eq!(body::decode(&bytes).unwrap(), properties.clone());
        for (name, property) in &properties {
            let found = body::find(&bytes, name).unwrap();
            prop_assert_eq!(found.as_ref(), Some(property));
            let kept = body::project(&bytes, &[FieldPath::single(name)]).unwrap();
            prop_assert_eq!(body::decode(&kept).unwrap(), Properties::from([(name.clone(), property.clone())]));
        }
        prop_assert_eq!(body::find(&bytes, "nobody is called so").unwrap(), None);
    }

    #[test]
    fn a_value_and_a_key_are_their_messages(property in property(), key in key()) {
        let mut bytes = Vec::new();
        body::encode_value(&mut bytes, &property);
        prop_assert_eq!(&bytes, &message(&property).encode_to_vec());
        prop_assert_eq!(body::decode_value(&bytes).unwrap(), property);
        let mut bytes = Vec::new();
        body::encode_key(&mut bytes, &key);
        prop_assert_eq!(&bytes, &message_of_key(&key).encode_to_vec());
        prop_assert_eq!(body::decode_key(&bytes).unwrap(), key);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_a_panic(
        properties in properties(), at in any::<prop::sample::Index>(), byte in any::<u8>(), any in any::<Vec<u8>>(),
    ) {
        let mut bytes = body::encode(&properties).to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [&bytes, &any] {
            let _read = (body::decode(bytes), body::decode_key(bytes), body::decode_value(bytes));
            let _found = (body::find(bytes, "a"), read_value(bytes), value_length(bytes, true));
        }
    }

    #[test]
    fn indexed_values_come_once_each_in_order_and_none_is_excluded(properties in properties()) {
        for values in indexed_values(&properties).values() {
            prop_assert!(!values.is_empty());
            let ordered = values.windows(2).all(|pair| compare(&pair[0], &pair[1]) == Ordering::Less);
            prop_assert!(ordered);
        }
        let mut hidden = properties.clone();
        hidden.values_mut().for_each(|property| match &mut property.value {
            EntityValue::Array(elements) => elements.iter_mut().for_each(|element| element.excluded = true),
            _ => property.excluded = true,
        });
        prop_assert!(indexed_values(&hidden).is_empty());
    }
}

#[test]
fn all_types_stand_on_one_line() {
    let line = [
        EntityValue::Null,
        EntityValue::Integer(i64::MIN),
        EntityValue::Timestamp(Timestamp::ZERO),
        EntityValue::Integer(3),
        EntityValue::Boolean(false),
        EntityValue::Boolean(true),
        EntityValue::String(String::new()),
        EntityValue::Blob(b"a".as_slice().into()),
        EntityValue::String("a\0".to_owned()),
        EntityValue::Double(f64::NEG_INFINITY),
        EntityValue::Double(-0.5),
        EntityValue::Double(0.0),
        EntityValue::Double(f64::INFINITY),
        EntityValue::Double(f64::NAN),
        EntityValue::GeoPoint(GeoPoint { latitude: -1.0, longitude: 5.0 }),
        EntityValue::GeoPoint(GeoPoint { latitude: 1.0, longitude: -5.0 }),
    ];
    assert!(line.windows(2).all(|pair| compare(&pair[0], &pair[1]).is_lt()), "{line:?}");
    let same = [
        (EntityValue::Integer(3), EntityValue::Timestamp(Timestamp::from_micros(3).unwrap())),
        (EntityValue::String("a".to_owned()), EntityValue::Blob(b"a".as_slice().into())),
        (EntityValue::Double(-0.0), EntityValue::Double(0.0)),
    ];
    assert!(same.iter().all(|(a, b)| equal(a, b) && bytes(a) == bytes(b)));
    assert!(!equal(&EntityValue::Integer(1), &EntityValue::Double(1.0)));
}

#[test]
fn keys_sort_as_production_sorts_them() {
    let paths =
        ["KO/__id5__", "KO/__id5__/KO/__id1__", "KO/__id10__", "KO/-", "KO/a", "KO/a.~1b", "KP/__id-1__"];
    let path = |text: &&str| DocumentPath::new(&format!("ns/!/{text}")).unwrap();
    let database = model::DatabaseName::new("p", "(default)");
    let keys: Vec<Key> =
        paths.iter().map(|text| Key::of_document_path(&database, &path(text)).unwrap()).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
}

#[test]
fn a_path_that_no_key_has_is_no_stored_key() {
    for path in ["ns/!", "c/d", "ns/!/K/a.\u{10ffff}", "ns/!/K\u{0}.\u{10ffff}x/a"] {
        assert_eq!(StoredKey::new(DocumentPath::new(path).unwrap()), None, "{path:?}");
    }
}
