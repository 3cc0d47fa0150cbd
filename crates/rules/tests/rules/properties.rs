//! Properties over random rules, requests and documents.

use model::query::{FieldOperator, Filter};
use model::{FieldPath, Fields, Value};
use proptest::prelude::*;

use crate::world::{World, query, rules, wrapped};

/// Names of fields of the documents; some documents lack some.
const FIELDS: [&str; 3] = ["n", "s", "l"];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0i64..4).prop_map(Value::Integer),
        (0i64..4).prop_map(|number| Value::Double(number as f64)),
        prop_oneof![Just("ada"), Just("bob"), Just("")].prop_map(Value::from),
        any::<bool>().prop_map(Value::Boolean),
        Just(Value::Null),
        proptest::collection::vec((0i64..3).prop_map(Value::Integer), 0..3).prop_map(Value::Array),
        proptest::collection::vec(prop_oneof![Just("ada"), Just("bob")].prop_map(Value::from), 0..3)
            .prop_map(Value::Array),
    ]
}

fn document() -> impl Strategy<Value = Fields> {
    proptest::collection::btree_map(
        proptest::sample::select(&FIELDS[..]).prop_map(str::to_owned),
        value(),
        0..4,
    )
}

/// An operand: a literal, a variable or a part of the document.
fn operand() -> impl Strategy<Value = String> {
    let field = proptest::sample::select(&FIELDS[..]);
    prop_oneof![
        (0i64..4).prop_map(|number| number.to_string()),
        (0i64..4).prop_map(|number| format!("{number}.0")),
        Just("'ada'".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("request.auth.uid".to_owned()),
        Just("x".to_owned()),
        Just("[1, 'ada']".to_owned()),
        Just("resource.data.keys()".to_owned()),
        Just("resource".to_owned()),
        field.clone().prop_map(|name| format!("resource.data.{name}")),
        field.prop_map(|name| format!("resource.data.get('{name}', 1)")),
    ]
}

/// A condition, often about the document.
fn condition() -> impl Strategy<Value = String> {
    let operator = prop_oneof![
        Just("=="),
        Just("!="),
        Just("<"),
        Just("<="),
        Just(">"),
        Just(">="),
        Just("in"),
        Just("+"),
    ];
    let kind = prop_oneof![Just("int"), Just("number"), Just("string"), Just("list"), Just("map")];
    let leaf = prop_oneof![
        4 => (operand(), operator, operand()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        1 => (operand(), kind).prop_map(|(value, kind)| format!("{value} is {kind}")),
        1 => (operand(), prop_oneof![Just("hasAny"), Just("hasAll"), Just("hasOnly")], operand())
            .prop_map(|(list, method, other)| format!("({list}).{method}([{other}])")),
        1 => operand(),
        1 => proptest::sample::select(&FIELDS[..]).prop_map(|name| format!("'{name}' in resource.data")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let operator = prop_oneof![
        3 => Just(FieldOperator::Equal),
        1 => Just(FieldOperator::NotEqual),
        1 => Just(FieldOperator::LessThan),
        1 => Just(FieldOperator::LessThanOrEqual),
        1 => Just(FieldOperator::GreaterThan),
        1 => Just(FieldOperator::GreaterThanOrEqual),
        1 => Just(FieldOperator::ArrayContains),
    ];
    let name = proptest::sample::select(&FIELDS[..]).prop_map(FieldPath::single);
    let leaf = prop_oneof![
        (name.clone(), operator, value()).prop_map(|(path, operator, value)| Filter::Field {
            path,
            operator,
            value
        }),
        (name, proptest::collection::vec(value(), 1..3)).prop_map(|(path, values)| Filter::Field {
            path,
            operator: FieldOperator::In,
            value: Value::Array(values),
        }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Filter::And),
            proptest::collection::vec(inner, 1..3).prop_map(Filter::Or),
        ]
    })
}

/// True when a query with that filter returns the document, said as simply as can be.
fn matches(filter: &Filter, document: &Fields) -> bool {
    use model::order::{TypeClass, compare, equal};
    let (path, operator, operand) = match filter {
        Filter::And(filters) => return filters.iter().all(|filter| matches(filter, document)),
        Filter::Or(filters) => return filters.iter().any(|filter| matches(filter, document)),
        Filter::Field { path, operator, value } => (path, operator, value),
        Filter::Unary { .. } => unreachable!("none is made"),
    };
    let Some(value) = document.get(path.first()) else { return false };
    let same = TypeClass::of(value) == TypeClass::of(operand) && *operand != Value::Null;
    match (operator, operand, value) {
        (FieldOperator::Equal, _, _) => same && equal(value, operand),
        (FieldOperator::NotEqual, _, _) => {
            *operand != Value::Null && *value != Value::Null && !equal(value, operand)
        }
        (FieldOperator::LessThan, _, _) => same && compare(value, operand).is_lt(),
        (FieldOperator::LessThanOrEqual, _, _) => same && compare(value, operand).is_le(),
        (FieldOperator::GreaterThan, _, _) => same && compare(value, operand).is_gt(),
        (FieldOperator::GreaterThanOrEqual, _, _) => same && compare(value, operand).is_ge(),
        (FieldOperator::ArrayContains, _, Value::Array(elements)) => {
            let scalar = !matches!(operand, Value::Array(_) | Value::Null);
            scalar && elements.iter().any(|element| equal(element, operand))
        }
        (FieldOperator::In, Value::Array(candidates), _) => {
            candidates.iter().any(|one| *one != Value::Null && equal(value, one))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The point of a proof: what a query returns, its rules allow for every single document.
    #[test]
    fn an_allowed_query_returns_only_allowed_documents(
        condition in condition(),
        filter in proptest::option::weighted(0.9, filter()),
        documents in proptest::collection::vec(document(), 1..12),
    ) {
        let ruleset = rules(&wrapped(&format!("match /c/{{x}} {{ allow get, list: if {condition}; }}")));
        let asked = query("c", filter.clone());
        let mut world = World::signed_in("ada");
        if world.list(&ruleset, &asked).is_allowed() {
            for document in documents.into_iter().filter(|document| filter.as_ref().is_none_or(|filter| matches(filter, document))) {
                world.before.insert("c/one".to_owned(), document);
                let single = world.get(&ruleset, "c/one");
                prop_assert!(single.is_allowed(), "{condition} allows {filter:?} and not {:?}", world.before);
            }
        }
    }

    #[test]
    fn an_allow_that_is_never_true_changes_nothing(condition in condition(), document in document(), before: bool) {
        let mut world = World::signed_in("ada");
        world.before.insert("c/one".to_owned(), document);
        let verdict = |allows: &str| {
            let ruleset = rules(&wrapped(&format!("match /c/{{x}} {{ {allows} }}")));
            (world.get(&ruleset, "c/one").is_allowed(), world.list(&ruleset, &query("c", None)).is_allowed())
        };
        let one = format!("allow read: if {condition};");
        let (never, two) = ("allow read: if false;", one.clone());
        let both = if before { format!("{never} {two}") } else { format!("{two} {never}") };
        prop_assert_eq!(verdict(&one), verdict(&both));
    }

    #[test]
    fn another_allow_never_denies_what_was_allowed(
        one in condition(),
        other in condition(),
        filter in filter(),
        document in document(),
    ) {
        let mut world = World::signed_in("ada");
        world.before.insert("c/one".to_owned(), document);
        let asked = query("c", Some(filter));
        let verdict = |allows: &str| {
            let ruleset = rules(&wrapped(&format!("match /c/{{x}} {{ {allows} }}")));
            (world.get(&ruleset, "c/one").is_allowed(), world.list(&ruleset, &asked).is_allowed())
        };
        let alone = verdict(&format!("allow read: if {one};"));
        for both in [format!("allow read: if {one}; allow read: if {other};"), format!("allow read: if {other}; allow read: if {one};")] {
            let both = verdict(&both);
            prop_assert!(both.0 >= alone.0 && both.1 >= alone.1, "{one} / {other}");
        }
    }
}
