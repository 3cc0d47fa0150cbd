//! Random values, names and paths for property tests: small ones that are often equal or nearly so, and the corners
//! of each type.

pub mod entities;

use model::{DatabaseName, DocumentName, DocumentPath, FieldPath, Fields, GeoPoint, Timestamp, Value};
use proptest::prelude::*;
use proptest::sample::select;

/// Any value; arrays may hold arrays, as no document does.
pub fn value() -> BoxedStrategy<Value> {
    let leaf = scalar();
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(Value::Map),
        ]
    })
    .boxed()
}

/// A value that a document may hold: no array in an array.
pub fn document_value() -> BoxedStrategy<Value> {
    value().prop_map(|value| flattened(value, false)).boxed()
}

/// The fields of a document.
pub fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::btree_map(key(), document_value(), 0..6)
}

fn flattened(value: Value, in_array: bool) -> Value {
    match value {
        Value::Array(_) if in_array => Value::from("an array once"),
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| flattened(value, true)).collect())
        }
        Value::Map(fields) => {
            Value::Map(fields.into_iter().map(|(key, value)| (key, flattened(value, false))).collect())
        }
        other => other,
    }
}

/// A value that holds no others.
pub fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Boolean),
        4 => number(),
        1 => timestamp().prop_map(Value::Timestamp),
        3 => text().prop_map(Value::String),
        2 => prop::collection::vec(select(vec![0, 1, 2, 0x7f, 0xfe, 0xff]), 0..5)
            .prop_map(|bytes| Value::Bytes(bytes.into())),
        1 => document_name().prop_map(Value::Reference),
        1 => (double_within(90.0), double_within(180.0))
            .prop_map(|(latitude, longitude)| Value::GeoPoint(GeoPoint { latitude, longitude })),
        1 => prop::collection::vec(any::<f64>().prop_filter("a number", |d| !d.is_nan()), 1..4)
            .prop_map(Value::Vector),
    ]
    .boxed()
}

/// Integers and doubles, many of them next to each other where doubles get sparse.
pub fn number() -> BoxedStrategy<Value> {
    let anchors =
        vec![0, 1, -1, 1 << 53, -(1 << 53), 1 << 62, i64::MAX - 512, i64::MIN + 512, i64::MAX, i64::MIN];
    let near = (select(anchors), -600i64..=600).prop_map(|(anchor, by)| anchor.saturating_add(by));
    let special = vec![
        0.0,
        -0.0,
        0.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        9_223_372_036_854_775_808.0,
    ];
    prop_oneof![
        near.clone().prop_map(Value::Integer),
        near.prop_map(|integer| Value::Double(integer as f64)),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Double),
        select(special).prop_map(Value::Double),
    ]
    .boxed()
}

/// Any instant that a timestamp can hold.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    let whole = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
    prop_oneof![whole, -2_000_000i64..2_000_000]
        .prop_map(|micros| Timestamp::from_micros(micros).expect("within the range"))
}

/// Without -0.0: messages do not keep its sign in a geo point.
fn double_within(bound: f64) -> impl Strategy<Value = f64> {
    prop_oneof![-bound..=bound, select(vec![0.0, bound, -bound])]
}

/// Short strings with the characters that encodings stumble over.
pub fn text() -> impl Strategy<Value = String> {
    let chars = vec!['\0', '\u{1}', 'a', 'b', '\u{7f}', 'é', '\u{ffff}', '\u{10000}', '\u{10ffff}'];
    prop::collection::vec(select(chars), 0..5).prop_map(String::from_iter)
}

/// A field's name: not empty, sometimes in need of quotes.
pub fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["a", "b", "ab", "_", "value", "x1"]).prop_map(str::to_owned),
        select(vec![".", "`", "\\", "a.b", "1", "日本", " ", "a`b\\", "\0"]).prop_map(str::to_owned),
        text().prop_filter("a name", |text| !text.is_empty()),
    ]
}

/// A path of one to four names.
pub fn field_path() -> impl Strategy<Value = FieldPath> {
    prop::collection::vec(key(), 1..4)
        .prop_map(|names| FieldPath::new(names).expect("none of the names is empty"))
}

/// A document's id: integer ids among them, and what nearly is one.
pub fn document_id() -> BoxedStrategy<String> {
    let near = vec!["__id", "__idx__x", "id7", "_", "__a", "-", "é", "\u{1}", "a\0", "a\0b", "a", "aa"];
    prop_oneof![
        3 => select(near).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| format!("__id{number}__")),
        1 => (-20i64..20).prop_map(|number| format!("__id{number}__")),
        2 => text().prop_filter("an id", |text| !text.is_empty() && text != "." && text != ".."),
    ]
    .boxed()
}

/// A collection's id.
pub fn collection_id() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["c", "d", "cc", "c\0", "日"]).prop_map(str::to_owned),
        text().prop_filter("an id", |text| !text.is_empty() && text != "." && text != ".."),
    ]
}

/// A document's path, up to three levels deep.
pub fn document_path() -> impl Strategy<Value = DocumentPath> {
    prop::collection::vec((collection_id(), document_id()), 1..4).prop_map(|pairs| {
        let ids: Vec<_> = pairs.into_iter().map(|(collection, id)| format!("{collection}/{id}")).collect();
        DocumentPath::new(&ids.join("/")).expect("an even number of ids")
    })
}

/// The name of a document of one of a few databases.
pub fn document_name() -> impl Strategy<Value = DocumentName> {
    let databases = select(vec![("p", "(default)"), ("p", "q"), ("pp", "a"), ("p", "qq")]);
    (databases, document_path())
        .prop_map(|((project, database), path)| DatabaseName::new(project, database).document(&path))
}
