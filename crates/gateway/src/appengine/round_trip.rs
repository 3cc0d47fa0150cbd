//! Entities go over this wire and come back as they were, and any bytes are read without a panic.

use model::entity::{
    EmbeddedEntity, Entity, EntityValue, Id, Key, Partition, PathElement, Properties, Property,
};
use model::{GeoPoint, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::home::Home;
use super::messages::entity::EntityProto;
use super::{codec, from_model, meaning, to_model};

fn home() -> Home {
    Home::of("s~guest", None).expect("an app")
}

fn key() -> impl Strategy<Value = Key> {
    let id = prop_oneof![
        any::<i64>().prop_filter("0 is no id", |id| *id != 0).prop_map(Id::Number),
        "[a-z/é]{1,3}".prop_map(Id::Name)
    ];
    let step = ("[A-Z]{1,2}", id).prop_map(|(kind, id)| PathElement { kind, id: Some(id) });
    let partition =
        (prop_oneof![Just("guest"), Just("other")], "[a-z]{0,2}", prop_oneof![Just("(default)"), Just("d")]);
    (vec(step, 1..4), partition).prop_map(|(path, (project, namespace, database))| Key {
        partition: Partition {
            project: project.into(),
            database: database.into(),
            namespace: namespace.as_str().into(),
        },
        path,
    })
}

/// Values with the meanings that Datastore lets them have.
fn property() -> impl Strategy<Value = Property> {
    let with = |meanings: &'static [i32]| prop::sample::select(meanings);
    let excluded = any::<bool>();
    let plain = prop_oneof![
        Just(EntityValue::Null),
        any::<bool>().prop_map(EntityValue::Boolean),
        any::<i64>().prop_map(EntityValue::Integer),
        any::<f64>().prop_map(EntityValue::Double),
        key().prop_map(EntityValue::Key),
        any::<String>().prop_map(EntityValue::String),
        vec(any::<u8>(), 0..5).prop_map(|bytes| EntityValue::Blob(bytes.into())),
        (Timestamp::MIN.micros()..=Timestamp::MAX.micros())
            .prop_map(|micros| EntityValue::Timestamp(Timestamp::from_micros(micros).expect("in range"))),
        (-90.0..90.0, -180.0..180.0)
            .prop_map(|(latitude, longitude)| EntityValue::GeoPoint(GeoPoint { latitude, longitude })),
    ];
    let plain = (plain, excluded).prop_map(|(value, excluded)| Property { value, excluded, meaning: 0 });
    let text = ("[a-z]{0,3}", with(&[1, 2, 8, 10, 17]), excluded).prop_map(|(text, meaning, excluded)| {
        Property { value: EntityValue::String(text), excluded, meaning }
    });
    let bytes = (vec(any::<u8>(), 0..5), with(&[meaning::COMPRESSED, meaning::BYTESTRING])).prop_map(
        |(bytes, meaning)| Property { value: EntityValue::Blob(bytes.into()), excluded: true, meaning },
    );
    let user = ("[a-z]{1,3}", prop::option::of("[0-9]{3}")).prop_map(|(email, id)| {
        let text = |text| Property { value: EntityValue::String(text), excluded: true, meaning: 0 };
        let mut properties = Properties::new();
        properties.insert("email".to_owned(), text(email));
        properties.insert("auth_domain".to_owned(), text("gmail.com".to_owned()));
        properties.extend(id.map(|id| ("user_id".to_owned(), text(id))));
        let value = EntityValue::Entity(EmbeddedEntity { key: None, properties });
        Property { value, excluded: false, meaning: meaning::USER }
    });
    let single = prop_oneof![6 => plain, 1 => text, 1 => bytes, 1 => user];
    let nested = single.clone().prop_recursive(3, 12, 3, move |inner| {
        let array = vec(inner.clone().prop_filter("no arrays in arrays", not_array), 0..4);
        let entity = (prop::option::of(key()), btree_map("[a-z.]{1,3}", inner, 0..3), excluded);
        prop_oneof![
            array.prop_map(|values| EntityValue::Array(indexed_first(values)).into()),
            entity.prop_map(|(key, properties, excluded)| {
                let value = EntityValue::Entity(EmbeddedEntity { key, properties });
                Property { value, excluded, meaning: 0 }
            }),
        ]
    });
    prop_oneof![single, nested]
}

fn not_array(property: &Property) -> bool {
    !matches!(property.value, EntityValue::Array(_))
}

/// The wire keeps the order only among values that are indexed, and among those that are not.
fn indexed_first(mut values: Vec<Property>) -> Vec<Property> {
    values.sort_by_key(|value| value.excluded);
    values
}

proptest! {
    #[test]
    fn an_entity_comes_back_as_it_was(mut key in key(), properties in btree_map("[a-z.é]{1,4}", property(), 0..5)) {
        key.partition.project = "guest".into();
        key.partition.database = "(default)".into();
        let bytes = codec::write(&from_model::entity(&home(), &key, &properties));
        let proto: EntityProto = codec::read(&bytes).expect("what was written can be read");
        prop_assert_eq!(codec::write(&proto), bytes);
        prop_assert_eq!(to_model::entity(&home(), &proto).expect("an entity"), Entity { key, properties });
    }
}
