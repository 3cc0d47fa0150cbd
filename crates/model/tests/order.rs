//! The order of values is total, and the order of their bytes is the same.

use std::cmp::Ordering;

use model::encoding::{
    class_range, push_ids, push_index_value, push_index_value_descending, push_value, value_length,
};
use model::order::{TypeClass, compare};
use model::{DocumentPath, Value};
use proptest::prelude::*;
use testkit::strategies::{document_path, number, value};

fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_value(&mut bytes, value);
    bytes
}

fn index_bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_index_value(&mut bytes, value);
    bytes
}

fn descending(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_index_value_descending(&mut bytes, value);
    bytes
}

/// Pairs that are often equal, and often differ only deep inside.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    let near = value().prop_flat_map(|value| (Just(value.clone()), changed(value)));
    prop_oneof![near, (value(), value()), (number(), number())]
}

/// `value` with one piece replaced, dropped or added.
fn changed(of: Value) -> BoxedStrategy<Value> {
    match of {
        Value::Array(values) if !values.is_empty() => {
            (0..values.len(), testkit::strategies::value(), any::<bool>())
                .prop_map(move |(at, new, replace)| {
                    let mut values = values.clone();
                    if replace {
                        values[at] = new
                    } else {
                        values.truncate(at)
                    }
                    Value::Array(values)
                })
                .boxed()
        }
        Value::Map(fields) if !fields.is_empty() => {
            (0..fields.len(), testkit::strategies::value(), any::<bool>())
                .prop_map(move |(at, new, replace)| {
                    let key = fields.keys().nth(at).cloned().expect("within the fields");
                    let mut fields = fields.clone();
                    if replace {
                        fields.insert(key, new)
                    } else {
                        fields.remove(&key)
                    };
                    Value::Map(fields)
                })
                .boxed()
        }
        Value::Integer(integer) => {
            prop_oneof![Just(Value::Double(integer as f64)), Just(Value::Integer(integer.saturating_add(1))),]
                .boxed()
        }
        other => prop_oneof![Just(other), value()].boxed(),
    }
}

/// Strings and bytes around the length at which indexes cut, alone and inside of others.
fn long_value() -> impl Strategy<Value = Value> {
    let tail = prop::collection::vec(prop::sample::select(vec!['\0', 'a', 'é']), 0..3);
    let text =
        (1_490usize..1_510, tail).prop_map(|(length, tail)| "x".repeat(length) + &String::from_iter(tail));
    let leaf = prop_oneof![
        text.clone().prop_map(Value::String),
        text.prop_map(|text| Value::Bytes(text.into_bytes().into())),
        Just(Value::Integer(1)),
    ];
    leaf.prop_recursive(2, 6, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn bytes_sort_as_values_do((left, right) in pair()) {
        prop_assert_eq!(bytes(&left).cmp(&bytes(&right)), compare(&left, &right));
        prop_assert_eq!(index_bytes(&left).cmp(&index_bytes(&right)), compare(&left, &right));
        prop_assert_eq!(descending(&left).cmp(&descending(&right)), compare(&right, &left));
    }

    #[test]
    fn what_follows_a_value_does_not_disturb_its_order(
        (left, right) in pair(),
        left_tail in prop::collection::vec(any::<u8>(), 0..4),
        right_tail in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let order = compare(&left, &right);
        if order.is_ne() {
            prop_assert_eq!([bytes(&left), left_tail.clone()].concat().cmp(&[bytes(&right), right_tail.clone()].concat()), order);
            prop_assert_eq!(
                [descending(&left), left_tail].concat().cmp(&[descending(&right), right_tail].concat()),
                order.reverse()
            );
        }
    }

    #[test]
    fn the_order_is_total(a in value(), b in value(), c in value()) {
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|left, right| compare(left, right));
        prop_assert!(compare(sorted[0], sorted[1]).is_le());
        prop_assert!(compare(sorted[1], sorted[2]).is_le());
        prop_assert!(compare(sorted[0], sorted[2]).is_le());
    }

    #[test]
    fn a_value_tells_where_it_ends(value in value(), tail in prop::collection::vec(any::<u8>(), 0..6)) {
        let whole = bytes(&value);
        prop_assert_eq!(value_length(&[whole.clone(), tail.clone()].concat(), false), Ok(whole.len()));
        let inverted = descending(&value);
        prop_assert_eq!(value_length(&[inverted.clone(), tail].concat(), true), Ok(inverted.len()));
        for end in 0..whole.len() {
            prop_assert!(value_length(&whole[..end], false).is_err(), "cut at {}", end);
        }
    }

    #[test]
    fn a_cut_value_never_changes_sides(left in long_value(), right in long_value()) {
        let order = compare(&left, &right);
        let cut = index_bytes(&left).cmp(&index_bytes(&right));
        prop_assert!(cut == order || cut.is_eq(), "{:?} became {:?}", order, cut);
        prop_assert_eq!(descending(&left).cmp(&descending(&right)), cut.reverse());
        let whole = index_bytes(&left);
        prop_assert_eq!(value_length(&whole, false), Ok(whole.len()));
        prop_assert!(whole.len() < 1_500 + 2 * 1_510, "{} bytes", whole.len());
    }

    #[test]
    fn a_class_is_a_range_of_first_bytes(left in value(), right in value()) {
        let (from, to) = class_range(&left);
        let inside = (from..to).contains(&bytes(&right)[0]);
        let same = TypeClass::of(&left) == TypeClass::of(&right);
        let nan = matches!(left, Value::Integer(_) | Value::Double(_)) && right.is_nan();
        prop_assert_eq!(inside, same && !nan);
    }

    #[test]
    fn paths_sort_as_their_bytes_do(left in document_path(), right in document_path()) {
        let bytes = |path: &DocumentPath| {
            let mut bytes = Vec::new();
            push_ids(&mut bytes, path.ids());
            bytes
        };
        prop_assert_eq!(bytes(&left).cmp(&bytes(&right)), left.cmp(&right));
        prop_assert_eq!(bytes(&left) == bytes(&right), left == right);
    }
}
