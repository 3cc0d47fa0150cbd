//! What is written reads back: ids, paths, names, field paths, document bodies.

use model::body::{self, insert};
use model::encoding::{END, id_length, push_id, push_ids, read_id, read_ids};
use model::value::get_field;
use model::{DatabaseName, DocumentName, DocumentPath, FieldPath, Fields, Parent, Timestamp, Value};
use proptest::prelude::*;
use testkit::strategies::{
    document_id, document_name, document_path, document_value, field_path, fields, timestamp,
};

/// A field path that leads somewhere in `fields`, or nearly.
fn path_into(fields: Fields) -> BoxedStrategy<(Fields, FieldPath)> {
    let mut paths = Vec::new();
    collect(&fields, &mut Vec::new(), &mut paths);
    if paths.is_empty() {
        return (Just(fields), field_path()).boxed();
    }
    let known = prop::sample::select(paths);
    let longer = (known.clone(), field_path()).prop_map(|(mut path, more)| {
        path.extend(more.segments().iter().cloned());
        path
    });
    let path = prop_oneof![3 => known, 1 => longer]
        .prop_map(|names| FieldPath::new(names).expect("names of fields are not empty"));
    (Just(fields), prop_oneof![4 => path, 1 => field_path()]).boxed()
}

fn collect(fields: &Fields, above: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for (name, value) in fields {
        above.push(name.clone());
        paths.push(above.clone());
        if let Value::Map(inner) = value {
            collect(inner, above, paths);
        }
        above.pop();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn ids(id in document_id(), tail in prop::collection::vec(any::<u8>(), 0..4)) {
        let mut bytes = Vec::new();
        push_id(&mut bytes, &id);
        prop_assert_eq!(id_length(&bytes), Ok(bytes.len()));
        let length = bytes.len();
        bytes.extend_from_slice(&tail);
        prop_assert_eq!(id_length(&bytes), Ok(length));
        prop_assert_eq!(read_id(&bytes), Ok((id, &tail[..])));
    }

    #[test]
    fn paths(path in document_path()) {
        let mut bytes = Vec::new();
        push_ids(&mut bytes, path.ids());
        prop_assert_eq!(read_ids(&bytes), Ok((path.as_str().to_owned(), &[][..])));
        bytes.push(END);
        prop_assert_eq!(read_ids(&bytes), Ok((path.as_str().to_owned(), &[END][..])));
        prop_assert_eq!(path.collection().document(path.document_id()), path.clone());
        prop_assert_eq!(path.collection().parent().collection(path.collection_id()), path.collection());
        prop_assert_eq!(DocumentPath::new(path.as_str()), Some(path));
    }

    #[test]
    fn names(name in document_name()) {
        prop_assert_eq!(DocumentName::parse(&name.to_string()), Ok(name.clone()));
        let parent = Parent::Document(name.path.clone());
        prop_assert_eq!(Parent::parse(&name.to_string()), Ok((name.database.clone(), parent)));
        prop_assert_eq!(DatabaseName::parse(&name.database.to_string()), Ok(name.database));
    }

    #[test]
    fn field_paths(path in field_path()) {
        prop_assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
    }

    #[test]
    fn timestamps(stamp in timestamp()) {
        let (seconds, nanos) = stamp.to_parts();
        prop_assert!((0..1_000_000_000).contains(&nanos));
        prop_assert_eq!(Timestamp::from_parts(seconds, nanos), Some(stamp));
        prop_assert_eq!(Timestamp::from_parts(seconds, nanos + 999), Some(stamp));
    }

    #[test]
    fn bodies(fields in fields()) {
        let bytes = body::encode(&fields);
        let read = body::decode(&bytes).expect("what was written is well-formed");
        prop_assert_eq!(body::encode(&read), bytes);
        prop_assert_eq!(show(&read), show(&fields));
    }

    #[test]
    fn values(value in document_value()) {
        let mut bytes = Vec::new();
        body::encode_value(&mut bytes, &value);
        let read = body::decode_value(&bytes).expect("what was written is well-formed");
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", value));
    }

    #[test]
    fn a_field_is_found_without_reading_the_others((fields, path) in fields().prop_flat_map(path_into)) {
        let found = body::find(&body::encode(&fields), &path).expect("a body that we wrote");
        prop_assert_eq!(format!("{:?}", found.as_ref()), format!("{:?}", get_field(&fields, path.segments())));
    }

    #[test]
    fn a_projection_keeps_what_the_mask_names(
        (fields, first) in fields().prop_flat_map(path_into),
        more in prop::collection::vec(field_path(), 0..3),
    ) {
        let mask: Vec<_> = std::iter::once(first).chain(more).collect();
        let mut kept = Fields::new();
        for path in &mask {
            if let Some(value) = get_field(&fields, path.segments()) {
                insert(&mut kept, path.segments(), value.clone());
            }
        }
        prop_assert_eq!(body::project(&body::encode(&fields), &mask), Ok(body::encode(&kept)));
    }
}

/// With the signs of zeros, which `==` does not tell apart in vectors.
fn show(fields: &Fields) -> String {
    format!("{fields:?}")
}

#[test]
fn an_integer_id_has_one_spelling() {
    let parse = |id: &str| DocumentName::parse(&format!("projects/p/databases/d/documents/c/{id}"));
    for id in ["__id0__", "__id7__", "__id-7__", "__id9223372036854775807__", "__id-9223372036854775808__"] {
        assert!(parse(id).is_ok(), "{id}");
    }
    for id in ["__id007__", "__id+7__", "__id-0__", "__id__", "__id7 __", "__id9223372036854775808__"] {
        let refusal = parse(id).expect_err(id);
        assert_eq!(refusal.message, format!("Resource id \"{id}\" is invalid because it is reserved."));
    }
}
