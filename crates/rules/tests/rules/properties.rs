//! Properties over random rules, requests and documents.

use model::query::{FieldOperator, Filter};
use model::{FieldPath, Fields, Value};
use proptest::prelude::*;

use crate::world::{World, query, rules, wrapped};

/// Names of fields of the documents; some documents lack some.
const FIELDS: [&str; 2] = ["n", "s"];

/// Values that are alike in one way and differ in another.
fn values() -> Vec<Value> {
    let list = |values: &[Value]| Value::Array(values.to_vec());
    let (one, float, ada) = (Value::Integer(1), Value::Double(1.0), Value::from("ada"));
    vec![
        one.clone(),
        float.clone(),
        Value::Integer(2),
        Value::Double(1.5),
        ada.clone(),
        Value::from("bob"),
        Value::from(true),
        Value::from(false),
        Value::Null,
        list(&[]),
        list(&[one]),
        list(&[float]),
        list(std::slice::from_ref(&ada)),
        list(&[ada, Value::Integer(2)]),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    proptest::sample::select(values())
}

/// Every document that has some of the fields with some of the values.
fn documents() -> Vec<Fields> {
    let candidates: Vec<Option<Value>> = values().into_iter().map(Some).chain([None]).collect();
    let mut documents = vec![Fields::new()];
    for name in FIELDS {
        let with = |document: &Fields, value: &Option<Value>| {
            let added = value.clone().map(|value| (name.to_owned(), value));
            document.clone().into_iter().chain(added).collect()
        };
        documents = documents
            .iter()
            .flat_map(|document| candidates.iter().map(|value| with(document, value)))
            .collect();
    }
    documents
}

fn document() -> impl Strategy<Value = Fields> {
    proptest::sample::select(documents())
}

/// An operand: mostly a field of the document or a value that it may have.
fn operand() -> impl Strategy<Value = String> {
    let field = proptest::sample::select(&FIELDS[..]);
    const LITERALS: [&str; 13] =
        ["1", "1.0", "2", "1.5", "'ada'", "'bob'", "true", "false", "null", "[]", "[1]", "[1.0]", "['ada']"];
    const OTHERS: [&str; 6] =
        ["request.auth.uid", "x", "resource.data.keys()", "resource", "resource.data", "[1, 'ada', true]"];
    prop_oneof![
        6 => field.clone().prop_map(|name| format!("resource.data.{name}")),
        4 => proptest::sample::select(&LITERALS[..]).prop_map(str::to_owned),
        1 => proptest::sample::select(&OTHERS[..]).prop_map(str::to_owned),
        1 => field.prop_map(|name| format!("resource.data.get('{name}', 1)")),
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
    let kind = prop_oneof![Just("int"), Just("float"), Just("number"), Just("string"), Just("list")];
    let leaf = prop_oneof![
        4 => (operand(), operator, operand()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        2 => (operand(), kind).prop_map(|(value, kind)| format!("{value} is {kind}")),
        1 => (operand(), prop_oneof![Just("hasAny"), Just("hasAll"), Just("hasOnly")], operand())
            .prop_map(|(list, method, other)| format!("({list}).{method}([{other}])")),
        1 => operand(),
        1 => proptest::sample::select(&FIELDS[..]).prop_map(|name| format!("'{name}' in resource.data")),
    ];
    leaf.prop_recursive(2, 4, 3, |inner| {
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
    leaf.prop_recursive(1, 3, 2, |inner| {
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
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The point of a proof: what a query returns, its rules allow for every single document.
    #[test]
    fn an_allowed_query_returns_only_allowed_documents(
        condition in condition(),
        filter in filter(),
    ) {
        let ruleset = rules(&wrapped(&format!("match /c/{{x}} {{ allow get, list: if {condition}; }}")));
        let asked = query("c", Some(filter.clone()));
        let mut world = World::signed_in("ada");
        if world.list(&ruleset, &asked).is_allowed() {
            for document in documents().into_iter().filter(|document| matches(&filter, document)) {
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
