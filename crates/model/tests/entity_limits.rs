//! What entities may not hold, and what production says about it.

use model::entity::validate::{
    KeyUse, check_entity_size, check_filter_value, check_key, check_mutations, check_properties,
};
use model::entity::write::{Mutation, MutationOperation};
use model::entity::{
    EmbeddedEntity, Entity, EntityValue, Id, Key, Partition, PathElement, Properties, Property,
};
use model::{DatabaseName, GeoPoint, Status};

fn key(path: Vec<PathElement>) -> Key {
    Key { partition: Partition::new(&DatabaseName::new("p", "(default)"), ""), path }
}

fn text(length: usize) -> EntityValue {
    EntityValue::String("x".repeat(length))
}

fn indexed(value: EntityValue) -> Property {
    value.into()
}

fn excluded(value: EntityValue) -> Property {
    Property { excluded: true, ..value.into() }
}

fn meant(value: EntityValue, meaning: i32) -> Property {
    Property { meaning, ..value.into() }
}

fn hidden(value: EntityValue, meaning: i32) -> Property {
    Property { meaning, excluded: true, ..value.into() }
}

fn array(elements: Vec<Property>) -> EntityValue {
    EntityValue::Array(elements)
}

fn embedded(name: &str, property: Property) -> EntityValue {
    EntityValue::Entity(EmbeddedEntity {
        key: None,
        properties: Properties::from([(name.to_owned(), property)]),
    })
}

/// So many entities in each other.
fn nested(levels: usize) -> EntityValue {
    (0..levels).fold(EntityValue::Null, |inner, _| embedded("n", inner.into()))
}

fn said(outcome: Result<(), Status>) -> String {
    outcome.map_or_else(|status| status.message, |()| "ok".to_owned())
}

#[test]
fn values_and_their_meanings() {
    let integer = EntityValue::Integer;
    let blob = |length: usize| EntityValue::Blob(vec![0; length].into());
    let point = |latitude, longitude| EntityValue::GeoPoint(GeoPoint { latitude, longitude });
    let double = || indexed(EntityValue::Double(1.0));
    let user = |names: &[&str]| {
        let properties = names.iter().map(|name| ((*name).to_owned(), excluded(text(1))));
        EntityValue::Entity(EmbeddedEntity { key: None, properties: properties.collect() })
    };
    let table = [
        (indexed(text(1_500)), "ok"),
        (indexed(text(1_501)), "The value of property \"v\" is longer than 1500 bytes."),
        (indexed(blob(1_501)), "The value of property \"v\" is longer than 1500 bytes."),
        (excluded(text(1_048_487)), "ok"),
        (excluded(blob(1_048_488)), "The value of property \"v\" is longer than 1048487 bytes."),
        (excluded(embedded("w", indexed(text(1_501)))), "ok"),
        (
            indexed(embedded("w", indexed(text(1_501)))),
            "The value of property \"w\" is longer than 1500 bytes.",
        ),
        (indexed(array(vec![excluded(text(1_501))])), "ok"),
        (indexed(nested(20)), "ok"),
        (indexed(nested(21)), "At most 20 nested entity values are supported."),
        (
            indexed(array(vec![indexed(array(vec![]))])),
            "list_value cannot contain a Value containing another list_value.",
        ),
        (excluded(array(vec![])), "Exclude from indexes cannot be set on a list value"),
        (meant(array(vec![]), 1), "A Value containing a list_value cannot specify a meaning."),
        (hidden(array(vec![double()]), 31), "ok"),
        (meant(array(vec![double()]), 31), "Vector's must be excluded from indexes."),
        (
            hidden(array(vec![indexed(integer(1))]), 31),
            "Value \"v\" has a meaning 31 which does not match array_value field.",
        ),
        (indexed(point(f64::NAN, 0.0)), "Geo point latitude is not a number."),
        (indexed(point(-90.0, 180.0)), "ok"),
        (indexed(embedded("", indexed(integer(1)))), "The property.name is the empty string."),
        (meant(text(5), 1), "ok"),
        (meant(integer(5), 1), "Value \"v\" has a meaning 1 which does not match string_value field."),
        (
            meant(integer(5), 7),
            "A timestamp in range [0001-01-01T00:00:00Z, 9999-12-31T23:59:59.999999Z] must be stored as a timestamp value.",
        ),
        (meant(integer(i64::MAX), 7), "ok"),
        (meant(point(1.0, 1.0), 9), "Unexpected value meaning 9."),
        (meant(integer(100), 13), "ok"),
        (meant(integer(101), 13), "A rating must be between 0 and 100."),
        (meant(text(5), 15), "Indexed value has meaning 15."),
        (hidden(text(5), 15), "ok"),
        (meant(text(5), 18), "Projection property cannot be used."),
        (meant(user(&["email"]), 20), "The user entity is missing required property \"auth_domain\"."),
        (meant(user(&["auth_domain", "email"]), 20), "ok"),
        (hidden(blob(5), 22), "ok"),
        (meant(text(5), 99), "Unknown value meaning 99."),
        (indexed(EntityValue::Key(key(vec![]))), "Key path is empty."),
    ];
    for (property, expected) in table {
        let shown = format!("{property:?}").chars().take(200).collect::<String>();
        assert_eq!(
            said(check_properties(&Properties::from([("v".to_owned(), property)]))),
            expected,
            "{shown}"
        );
    }
}

#[test]
fn values_that_filters_compare_with() {
    let check = |property: Property| said(check_filter_value("v", &property));
    assert_eq!(check(indexed(text(1_501))), "The value of property \"v\" is longer than 1500 bytes.");
    assert_eq!(check(excluded(text(1))), "a filter value must be indexed");
    assert_eq!(check(indexed(nested(1))), "An entity value is not allowed");
    assert_eq!(check(indexed(array(vec![]))), "A list value is not allowed");
    assert_eq!(check(meant(text(1), 99)), "ok");
}

#[test]
fn keys() {
    let step = |kind: &str, id: Option<Id>| PathElement { kind: kind.to_owned(), id };
    let named = |kind: &str, name: &str| step(kind, Some(Id::from(name)));
    let long = "x".repeat(1_501);
    let table = [
        (vec![named("A", "x"); 100], "ok"),
        (vec![named("A", "x"); 101], "Key path is too long. Cannot exceed 100 elements."),
        (vec![named("", "x")], "The kind is the empty string."),
        (vec![named(&long, "x")], "The kind is longer than 1500 bytes."),
        (vec![named("A", "")], "The key path element name is the empty string."),
        (vec![named("A", &long)], "The key path element name is longer than 1500 bytes."),
        (vec![named(&long[1..], &long[1..]); 3], "The key is too large: 9022 bytes are more than 6144."),
        (vec![step("A", None), named("B", "x")], "Key path element must not be incomplete: [A: , B: x]"),
    ];
    for (path, expected) in table {
        assert_eq!(said(check_key(&key(path), KeyUse::Read)), expected);
    }
}

#[test]
fn a_key_of_another_database_and_too_much_at_once_are_refused() {
    let put = |key: Key, properties: Properties| {
        Mutation::from(MutationOperation::Upsert(Entity { key, properties }))
    };
    let database = DatabaseName::new("p1", "(default)");
    let foreign = put(key(vec![PathElement::new("A", 1.into())]), Properties::new());
    let text_of = |mutations: &[Mutation], database| said(check_mutations(mutations, database, true));
    assert_eq!(text_of(&[foreign], &database), "mismatched databases within request: s~p1 vs. s~p");
    let big = Properties::from([("v".to_owned(), excluded(text(1_048_000)))]);
    let number = |id: i64| key(vec![PathElement::new("A", id.into())]);
    assert_eq!(said(check_entity_size(&number(1), &big)), "ok");
    let bigger =
        Properties::from([("v".to_owned(), excluded(text(1_048_487))), ("w".to_owned(), indexed(text(100)))]);
    assert_eq!(said(check_entity_size(&number(1), &bigger)), "entity is too big");
    let database = DatabaseName::new("p", "(default)");
    let many: Vec<_> = (1..12).map(|id| put(number(id), big.clone())).collect();
    assert_eq!(text_of(&many[..10], &database), "ok");
    assert_eq!(text_of(&many, &database), "datastore transaction or write too big.");
}
