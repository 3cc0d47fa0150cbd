//! Random keys, values and entities: few names, so that they meet, and the corners of each type.

use bytes::Bytes;
use model::entity::{EmbeddedEntity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};
use model::{DatabaseName, GeoPoint};
use proptest::prelude::*;
use proptest::sample::select;

use super::{key as property_name, number as native_number, text, timestamp};

/// A kind: any characters, also those that paths are made of.
pub fn kind() -> impl Strategy<Value = String> {
    let odd =
        vec!["a/b", "a.b", ".", "..", "/", "./", ".\u{10ffff}", "__id5__", "__id5__\0", "a\0", "a", "K", "k"];
    prop_oneof![
        3 => select(odd).prop_map(str::to_owned),
        1 => text().prop_filter("a kind", |text| !text.is_empty()),
    ]
}

/// An id: numbers of both signs, and names like kinds.
pub fn id() -> impl Strategy<Value = Id> {
    let numbers = prop_oneof![1i64..20, -5i64..0, select(vec![i64::MIN, i64::MAX, 1 << 52])];
    prop_oneof![numbers.prop_map(Id::Number), kind().prop_map(Id::Name)]
}

/// A complete key of one of a few partitions, up to three steps deep.
pub fn key() -> impl Strategy<Value = Key> {
    let databases = select(vec![("p", "(default)"), ("p", "q"), ("pp", "a")]);
    let namespaces = select(vec!["", "-", "a", "a.b", "__id5__"]);
    (databases, namespaces, path()).prop_map(|((project, database), namespace, path)| {
        let partition = Partition::new(&DatabaseName::new(project, database), namespace);
        Key { partition, path }
    })
}

/// The path of a complete key.
pub fn path() -> impl Strategy<Value = Vec<PathElement>> {
    prop::collection::vec((kind(), id()).prop_map(|(kind, id)| PathElement::new(kind, id)), 1..4)
}

/// A value that indexes hold.
pub fn scalar() -> BoxedStrategy<EntityValue> {
    prop_oneof![
        1 => Just(EntityValue::Null),
        1 => any::<bool>().prop_map(EntityValue::Boolean),
        4 => number(),
        2 => timestamp().prop_map(EntityValue::Timestamp),
        3 => text().prop_map(EntityValue::String),
        2 => prop::collection::vec(select(vec![0, 1, 2, b'a', 0x7f, 0xfe, 0xff]), 0..5)
            .prop_map(|bytes| EntityValue::Blob(Bytes::from(bytes))),
        1 => key().prop_map(EntityValue::Key),
        1 => (select(vec![-90.0, 0.0, 1.5, 90.0]), select(vec![-180.0, 0.0, 2.5, 180.0]))
            .prop_map(|(latitude, longitude)| EntityValue::GeoPoint(GeoPoint { latitude, longitude })),
    ]
    .boxed()
}

/// Integers and doubles, often of one size.
pub fn number() -> impl Strategy<Value = EntityValue> {
    native_number().prop_map(|number| match number {
        model::Value::Integer(number) => EntityValue::Integer(number),
        model::Value::Double(number) => EntityValue::Double(number),
        other => unreachable!("{other:?} is no number"),
    })
}

/// Any value with what is remembered with it; arrays and embedded entities too.
pub fn property() -> BoxedStrategy<Property> {
    let leaf = with_hints(scalar());
    leaf.prop_recursive(3, 16, 4, |inner| {
        let elements = inner
            .clone()
            .prop_filter("no array in an array", |element| !matches!(element.value, EntityValue::Array(_)));
        let array = prop::collection::vec(elements, 0..4)
            .prop_map(|elements| Property::from(EntityValue::Array(elements)));
        let names = super::key();
        let entity = (prop::option::of(key()), prop::collection::btree_map(names, inner, 0..4))
            .prop_map(|(key, properties)| EntityValue::Entity(EmbeddedEntity { key, properties }));
        prop_oneof![array.boxed(), with_hints(entity.boxed())]
    })
    .boxed()
}

/// The properties of an entity.
pub fn properties() -> impl Strategy<Value = Properties> {
    prop::collection::btree_map(property_name(), property(), 0..5)
}

fn with_hints(value: BoxedStrategy<EntityValue>) -> BoxedStrategy<Property> {
    let meaning = prop_oneof![3 => Just(0), 1 => select(vec![9, 18, -1, i32::MAX])];
    (value, prop::bool::weighted(0.3), meaning)
        .prop_map(|(value, excluded, meaning)| Property { value, excluded, meaning })
        .boxed()
}
