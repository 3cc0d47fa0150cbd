//! The tables, and that nothing is lost on the way there and back.

use super::*;
use crate::entity::{EmbeddedEntity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};
use crate::{DatabaseName, DocumentPath, Fields, GeoPoint, Timestamp, Value};

fn database() -> DatabaseName {
    DatabaseName::new("p", "d")
}

fn key(id: Id) -> Key {
    Key { partition: Partition::new(&database(), ""), path: vec![PathElement::new("K", id)] }
}

#[test]
fn keys_are_paths_as_the_firestore_api_writes_them() {
    let table = [
        (Id::Number(5), "K/__id5__"),
        (Id::Number(-7), "K/__id-7__"),
        (Id::from("5"), "K/5"),
        (Id::from("x/y"), "K/__escx~1y__"),
        (Id::from("~"), "K/~"),
        (Id::from("~/1"), "K/__esc~0~11__"),
        (Id::from("."), "K/__esc~2__"),
        (Id::from(".."), "K/__esc~2~2__"),
        (Id::from("日本"), "K/日本"),
    ];
    for (id, path) in table {
        let key = key(id);
        let found = document_path_of(&key).expect(path);
        assert_eq!(found.as_str(), path);
        assert_eq!(key_of(&database(), &found), Ok(key));
    }
}

#[test]
fn keys_and_paths_without_a_counterpart_are_refused_by_name() {
    let in_namespace = Key { partition: Partition::new(&database(), "ns"), ..key(Id::from("a")) };
    let of_kind =
        |kind: &str| Key { path: vec![PathElement::new(kind, Id::Number(1))], ..key(Id::Number(1)) };
    let incomplete = PathElement { kind: "K".to_owned(), id: None };
    let table = [
        (in_namespace, "default namespace"),
        (key(Id::from("__id5__")), "reserved"),
        (of_kind("a/b"), "contains"),
        (of_kind("__Stat_Total__"), "reserved"),
        (Key { path: vec![incomplete], ..key(Id::Number(1)) }, "incomplete"),
    ];
    for (key, why) in table {
        let refusal = document_path_of(&key).expect_err(why);
        assert!(refusal.message.contains(why), "{refusal}");
    }
    for id in ["__x__", "__escab__", "__esc~3~1__", "__esc~2__x__", "__bytesAA==__"] {
        let path = DocumentPath::new(&format!("K/{id}")).expect("two ids");
        assert!(key_of(&database(), &path).is_err(), "{id}");
    }
}

fn plain(value: EntityValue) -> Property {
    value.into()
}

fn excluded(value: EntityValue) -> Property {
    Property { excluded: true, ..value.into() }
}

fn meant(meaning: i32, value: EntityValue) -> Property {
    Property { meaning, ..value.into() }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn embedded(key: Option<Key>) -> EntityValue {
    let properties = Properties::from([("x".to_owned(), excluded(EntityValue::Integer(1)))]);
    EntityValue::Entity(EmbeddedEntity { key, properties })
}

#[test]
fn values_have_counterparts_and_come_back() {
    let name = || Value::Reference(database().document(&DocumentPath::new("K/__id1__").expect("two ids")));
    let point = GeoPoint { latitude: 1.0, longitude: 2.0 };
    let long = "l".repeat(1_501);
    let meaning_of = |meaning, value| {
        map([
            ("__type__", "__legacy_meaning_value__".into()),
            ("value", value),
            ("meaning", Value::Integer(meaning)),
        ])
    };
    let table = [
        (plain(EntityValue::Null), Value::Null),
        (plain(EntityValue::Boolean(true)), Value::Boolean(true)),
        (plain(EntityValue::Integer(1)), Value::Integer(1)),
        (plain(EntityValue::Double(-0.0)), Value::Double(-0.0)),
        (plain(EntityValue::Double(f64::NAN)), Value::Double(f64::NAN)),
        (plain(EntityValue::Timestamp(Timestamp::MAX)), Value::Timestamp(Timestamp::MAX)),
        (plain(EntityValue::String("s".to_owned())), "s".into()),
        (excluded(EntityValue::String(long.clone())), long.as_str().into()),
        (plain(EntityValue::Blob("b".into())), Value::Bytes("b".into())),
        (plain(EntityValue::GeoPoint(point)), Value::GeoPoint(point)),
        (excluded(EntityValue::Key(key(Id::Number(1)))), name()),
        (plain(EntityValue::Array(vec![plain(EntityValue::Null)])), Value::Array(vec![Value::Null])),
        (
            plain(EntityValue::Array(vec![excluded(EntityValue::Null), excluded(embedded(None))])),
            Value::Array(vec![Value::Null, map([("x", Value::Integer(1))])]),
        ),
        (excluded(embedded(None)), map([("x", Value::Integer(1))])),
        (
            excluded(embedded(Some(key(Id::Number(1))))),
            map([("__type__", "__legacy_entity__".into()), ("__name__", name()), ("x", Value::Integer(1))]),
        ),
        (meant(20, embedded(None)), map([("__type__", "__legacy_user__".into()), ("x", Value::Integer(1))])),
        (
            meant(7, EntityValue::Integer(i64::MAX)),
            map([("__type__", "__legacy_timestamp__".into()), ("microseconds", Value::Integer(i64::MAX))]),
        ),
        (meant(2, EntityValue::String("l".to_owned())), meaning_of(2, "l".into())),
        (
            Property { excluded: true, ..meant(15, EntityValue::String("t".to_owned())) },
            meaning_of(15, "t".into()),
        ),
        (
            Property {
                excluded: true,
                ..meant(31, EntityValue::Array(vec![plain(EntityValue::Double(1.0))]))
            },
            Value::Vector(vec![1.0]),
        ),
    ];
    for (property, value) in table {
        assert_eq!(value_of(&property), Ok(value.clone()), "{property:?}");
        let back = properties_of(&Fields::from([("v".to_owned(), value)])).expect("an entity's");
        assert_eq!(back["v"], property);
    }
}

#[test]
fn flags_of_entities_are_not_seen_by_documents() {
    let hidden = Properties::from([("v".to_owned(), excluded(EntityValue::Integer(1)))]);
    assert_eq!(fields_of(&hidden), Ok(Fields::from([("v".to_owned(), Value::Integer(1))])));
}

#[test]
fn maps_of_an_unknown_type_are_refused() {
    for value in [
        map([("__type__", Value::Null)]),
        map([("__type__", "x".into())]),
        map([("__type__", "__legacy_timestamp__".into())]),
        map([("__type__", "__legacy_entity__".into()), ("__name__", "K/a".into())]),
        map([
            ("__type__", "__legacy_meaning_value__".into()),
            ("value", Value::Null),
            ("meaning", i64::MAX.into()),
        ]),
    ] {
        let refusal = properties_of(&Fields::from([("v".to_owned(), value)])).expect_err("no entity's");
        assert!(refusal.message.contains("__type__"), "{refusal}");
    }
}

proptest::proptest! {
    #[test]
    fn every_name_comes_back_from_its_path(name in "(_?_?(esc|id)?[a-z0-9~/.]{0,6}_?_?)|\\PC{1,8}") {
        if let Ok(path) = document_path_of(&key(Id::Name(name.clone()))) {
            proptest::prop_assert_eq!(key_of(&database(), &path), Ok(key(Id::Name(name))));
        }
    }

    #[test]
    fn every_id_of_a_document_that_names_an_entity_comes_back(id in "(__(esc)?)?[a-z0-9~]{1,6}(__)?") {
        let path = DocumentPath::new(&format!("K/{id}")).expect("two ids");
        if let Ok(key) = key_of(&database(), &path) {
            proptest::prop_assert_eq!(document_path_of(&key), Ok(path));
        }
    }
}
