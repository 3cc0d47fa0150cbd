//! Random queries over random documents answer as the oracle does, whatever indexes there are.

use std::time::Duration;

use database::View;
use model::query::{
    Aggregation, AggregationKind, AggregationQuery, Cursor, Direction, FieldOperator, Filter, Order,
    Selector, StructuredQuery, UnaryOperator,
};
use model::{Document, DocumentPath, FieldPath, Fields, Parent, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use query::{Anchor, AnchoredValues, MissingIndex};

use crate::oracle::{self, Documents};
use crate::text;
use crate::world::{World, run};

/// Enough composites that many queries are served by one, forward or backward, alone or merged.
const INDEXES: &[&str] = &[
    "c a asc, b asc",
    "c a asc, b desc",
    "c b desc, a desc",
    "c a asc, m.x asc",
    "c b asc, m.x asc",
    "c t contains, a desc",
    "c t contains, b asc",
    "c a asc, b asc, m.x desc",
    "c m.x asc, a asc, b asc",
    "group c a asc",
    "group c b desc",
    "group c t contains",
    "group c a desc, b asc",
    "group c b asc, a desc",
];

fn scalars() -> Vec<Value> {
    [
        "null", "true", "nan", "-inf", "0", "1", "1.0", "1.5", "2", "3", "\"\"", "\"x\"", "\"x0\"", "at(5)",
        "/c/k",
    ]
    .map(text::value)
    .to_vec()
}

/// Mostly one of few numbers, so that documents and filters meet.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![4 => (0..4i64).prop_map(Value::Integer), 1 => select(scalars())]
}

fn any_value() -> impl Strategy<Value = Value> {
    let map = scalar().prop_map(|value| Value::Map(Fields::from([("x".to_owned(), value)])));
    prop_oneof![
        16 => scalar(),
        2 => vec(scalar(), 0..3).prop_map(Value::Array),
        1 => map,
    ]
}

fn document_path() -> impl Strategy<Value = DocumentPath> {
    let paths = [
        "c/a",
        "c/b",
        "c/k",
        "c/z",
        "c/__id7__",
        "c/a0",
        "c/d",
        "c/e",
        "c/f",
        "c/g",
        "c/h",
        "d/a",
        "d/k",
        "c/a/c/a",
        "c/a/c/k",
        "c/a/c/k/c/b",
        "c/k/d/x",
        "d/a/c/b",
        "d/a/c/k",
        "d/k/c/a",
        "d/k/e/f/c/x",
        "e/a",
    ];
    select(paths.to_vec()).prop_map(|path| DocumentPath::new(path).expect("even"))
}

fn documents() -> impl Strategy<Value = Documents> {
    let fields = (
        option::weighted(0.95, any_value()),
        option::weighted(0.9, any_value()),
        option::weighted(0.8, scalar()),
        option::weighted(0.8, vec(scalar(), 0..4)),
    );
    let fields = fields.prop_map(|(a, b, x, t)| {
        let map = x.map(|value| Value::Map(Fields::from([("x".to_owned(), value)])));
        let named = [("a", a), ("b", b), ("m", map), ("t", t.map(Value::Array))];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Fields>()
    });
    btree_map(document_path(), fields, 0..24)
}

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).expect(text)
}

fn reference() -> impl Strategy<Value = Value> {
    document_path().prop_map(|path| Value::Reference(text::database().document(&path)))
}

fn one_filter() -> impl Strategy<Value = Filter> {
    use FieldOperator::*;
    let field = || select(vec!["a", "b", "m.x", "m"]).prop_map(path);
    let compared = (
        field(),
        select(vec![
            Equal,
            Equal,
            Equal,
            LessThan,
            LessThanOrEqual,
            GreaterThan,
            GreaterThanOrEqual,
            NotEqual,
        ]),
        any_value(),
    );
    let compared = compared.prop_map(|(path, operator, value)| Filter::Field { path, operator, value });
    let listed = (field(), select(vec![In, In, NotIn]), vec(scalar(), 1..4))
        .prop_map(|(path, operator, values)| Filter::Field { path, operator, value: Value::Array(values) });
    let contains =
        any_value().prop_map(|value| Filter::Field { path: path("t"), operator: ArrayContains, value });
    let contains_any = vec(scalar(), 1..3).prop_map(|values| Filter::Field {
        path: path("t"),
        operator: ArrayContainsAny,
        value: Value::Array(values),
    });
    let unary = (
        field(),
        select(vec![
            UnaryOperator::IsNull,
            UnaryOperator::IsNan,
            UnaryOperator::IsNotNull,
            UnaryOperator::IsNotNan,
        ]),
    );
    let unary = unary.prop_map(|(path, operator)| Filter::Unary { path, operator });
    let named = (
        select(vec![Equal, LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, NotEqual]),
        reference(),
    );
    let named = named.prop_map(|(operator, value)| Filter::Field {
        path: FieldPath::document_name(),
        operator,
        value,
    });
    prop_oneof![6 => compared, 2 => listed, 2 => contains, 1 => contains_any, 1 => unary, 1 => named]
}

fn filter() -> impl Strategy<Value = Option<Filter>> {
    let leaf = one_filter();
    let tree = leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 2..3).prop_map(Filter::And),
            2 => vec(inner, 2..3).prop_map(Filter::Or),
        ]
    });
    option::weighted(0.85, tree)
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let direction = || select(vec![Direction::Ascending, Direction::Descending]);
    let order = (select(vec!["a", "b", "m.x", "__name__"]), direction());
    vec(order, 0..3).prop_map(|orders| {
        let mut kept: Vec<Order> = Vec::new();
        for (name, direction) in orders {
            let path = if name == "__name__" { FieldPath::document_name() } else { path(name) };
            let over = kept.iter().any(|order| order.path.is_document_name() || order.path == path);
            if !over {
                kept.push(Order { path, direction });
            }
        }
        kept
    })
}

fn source() -> impl Strategy<Value = (Parent, Selector)> {
    let parent = |path: &str| Parent::Document(DocumentPath::new(path).expect("even"));
    let from = |id: Option<&str>, all_descendants| Selector {
        collection_id: id.map(str::to_owned),
        all_descendants,
    };
    prop_oneof![
        6 => Just((Parent::Root, from(Some("c"), false))),
        1 => Just((parent("c/a"), from(Some("c"), false))),
        3 => Just((Parent::Root, from(Some("c"), true))),
        1 => Just((parent("d/a"), from(Some("c"), true))),
        1 => Just((parent("c/a"), from(Some("c"), true))),
        1 => Just((Parent::Root, from(None, true))),
        1 => Just((parent("c/a"), from(None, false))),
    ]
}

fn cursor(orders: &[Order]) -> impl Strategy<Value = Option<Cursor>> + use<> {
    let names: Vec<bool> = orders.iter().map(|order| order.path.is_document_name()).collect();
    let values: Vec<BoxedStrategy<Value>> =
        names.iter().map(|name| if *name { reference().boxed() } else { any_value().boxed() }).collect();
    (option::weighted(0.2, values), 0..=names.len(), any::<bool>()).prop_map(|(values, length, before)| {
        let mut values = values?;
        values.truncate(length.max(1));
        (!values.is_empty()).then_some(Cursor { values, before })
    })
}

fn query() -> impl Strategy<Value = StructuredQuery> {
    let parts = (source(), filter(), orders()).prop_flat_map(|(source, filter, orders)| {
        let cursors = (cursor(&orders), cursor(&orders));
        (
            Just(source),
            Just(filter),
            Just(orders),
            cursors,
            prop_oneof![4 => Just(0), 1 => 1..3i32],
            option::of(1..9i32),
        )
    });
    parts.prop_map(|((parent, from), filter, order_by, (start_at, end_at), offset, limit)| StructuredQuery {
        parent,
        from,
        select: None,
        filter,
        order_by,
        start_at,
        end_at,
        offset,
        limit,
        find_nearest: None,
    })
}

/// Compares one query's answers with the oracle's, under both policies; false when it is refused.
fn check(view: &View, documents: &Documents, query: &StructuredQuery) -> Result<bool, TestCaseError> {
    let outcome = match query::run_query(view, query, MissingIndex::Suggest) {
        Ok(outcome) => outcome,
        Err(status) => {
            prop_assert_eq!(status.code, model::Code::InvalidArgument, "{}", status);
            return Ok(false);
        }
    };
    let plan = outcome.plan.to_string();
    let expected = oracle::answer(documents, query);
    let found = crate::world::drain(outcome).expect("an answer");
    let paths: Vec<DocumentPath> = found.iter().map(|document| document.path.clone()).collect();
    prop_assert_eq!(&paths, &expected, "{}", &plan);
    if let Ok(strict) = run(view, query, MissingIndex::Require) {
        let paths: Vec<DocumentPath> = strict.into_iter().map(|document| document.path).collect();
        prop_assert_eq!(&paths, &expected, "required: {}", &plan);
    }
    totals(view, documents, query, &expected)?;
    placed(view, documents, query, &expected)?;
    Ok(true)
}

/// A matcher that is asked of each document alone gives the same results, and finds each where it is filed.
fn placed(
    view: &View,
    documents: &Documents,
    query: &StructuredQuery,
    expected: &[DocumentPath],
) -> Result<(), TestCaseError> {
    let matcher = query::prepare(query, view.database()).expect("checked").matcher().expect("no vectors");
    let anchors = matcher.filed_under().anchors;
    let mut places = Vec::new();
    for path in documents.keys() {
        let document = view.get(path).expect("readable").expect("written before");
        let Some(place) = matcher.place(&document).expect("readable") else { continue };
        prop_assert!(matcher.covers(path));
        let held = |anchor: &Anchor| match anchor {
            Anchor::Name(name) => name == path.as_str(),
            Anchor::Value(field, value) => {
                values(&document, field).is_some_and(|values| values.value == *value)
            }
            Anchor::Element(field, value) => {
                values(&document, field).is_some_and(|values| values.elements.contains(value))
            }
        };
        prop_assert!(anchors.as_ref().is_none_or(|anchors| anchors.iter().any(held)), "{:?}", anchors);
        places.push((place, path.clone()));
    }
    places.sort();
    let limit = matcher.limit().map_or(usize::MAX, |limit| limit as usize);
    let shown = places.into_iter().map(|(_, path)| path).skip(matcher.offset() as usize).take(limit);
    prop_assert_eq!(shown.collect::<Vec<_>>(), expected);
    Ok(())
}

fn values(document: &Document, field: &FieldPath) -> Option<AnchoredValues> {
    query::anchored_values(document, field).expect("readable")
}

/// Count, sum and average over the same query. A limit cuts before they do, and the fields they need
/// change what is cut, so only whole results are compared.
fn totals(
    view: &View,
    documents: &Documents,
    query: &StructuredQuery,
    expected: &[DocumentPath],
) -> Result<(), TestCaseError> {
    let ask = |kinds: Vec<AggregationKind>| {
        let aggregations = kinds.into_iter().map(|kind| Aggregation { alias: String::new(), kind }).collect();
        let query = AggregationQuery { query: query.clone(), aggregations };
        let result = query::run_aggregation(view, &query, MissingIndex::Suggest).expect("an answer");
        result.fields.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    let counted = ask(vec![AggregationKind::Count { up_to: None }]);
    prop_assert_eq!(counted, vec![Value::Integer(expected.len() as i64)]);
    if query.limit.is_some() || query.offset > 0 {
        return Ok(());
    }
    let with: Vec<&Value> = expected.iter().filter_map(|path| documents[path].get("b")).collect();
    let numbers: Vec<f64> = with.iter().filter_map(|value| value.as_f64()).collect();
    let sum: f64 = numbers.iter().sum();
    let same = |value: &Value, wanted: f64| {
        value.as_f64().is_some_and(|found| found == wanted || (found.is_nan() && wanted.is_nan()))
    };
    let found = ask(vec![
        AggregationKind::Count { up_to: None },
        AggregationKind::Sum(path("b")),
        AggregationKind::Average(path("b")),
    ]);
    prop_assert_eq!(&found[0], &Value::Integer(with.len() as i64));
    prop_assert!(same(&found[1], sum), "sum {:?}, not {}", &found[1], sum);
    match numbers.len() {
        0 => prop_assert_eq!(&found[2], &Value::Null),
        count => prop_assert!(same(&found[2], sum / count as f64), "average {:?}", &found[2]),
    }
    Ok(())
}

/// Indexes whose entries end in whole paths, descending: `c/a` must sort after `c/a/c/a`.
#[test]
fn a_descending_group_index_keeps_nested_names_in_order() {
    let world = World::new(&["group c b desc"]);
    let fields = text::fields("{b: 1}");
    world.set("c/a", fields.clone());
    world.set("c/a/c/a", fields.clone());
    world.set("c/b", fields);
    let names = |text: &str| crate::world::paths(&world.view(), text);
    assert_eq!(names("group c order by b desc"), ["c/b", "c/a/c/a", "c/a"]);
    assert_eq!(names("group c order by b"), ["c/a", "c/a/c/a", "c/b"]);
    let after = "group c order by b desc, __name__ desc after (1, /c/a/c/a)";
    assert_eq!(names(after), ["c/a"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_queries_answer_as_the_oracle(
        documents in documents(),
        before in documents(),
        queries in vec(query(), 30),
        indexed in any::<bool>(),
    ) {
        let world = World::new(if indexed { INDEXES } else { &[] });
        // An earlier state that is overwritten: nothing of it may show.
        world.set_all(&before);
        for path in before.keys().filter(|path| !documents.contains_key(*path)) {
            world.delete(path.as_str());
        }
        world.set_all(&documents);
        let now = world.view();
        let (past, present) = queries.split_at(queries.len() / 3);
        for query in present {
            check(&now, &documents, query)?;
        }
        // What comes later does not show in the past.
        world.clock.advance(Duration::from_secs(1));
        world.set_all(&before);
        for path in documents.keys() {
            world.delete(path.as_str());
        }
        let then = world.database.view_at(now.read_time()).expect("within the retention");
        for query in past {
            check(&then, &documents, query)?;
        }
    }
}
