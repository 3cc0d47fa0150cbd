//! Queries that production refuses, with its texts.

use model::query::{Aggregation, AggregationKind, AggregationQuery, Cursor, Filter, StructuredQuery};
use model::{Code, DatabaseName, DocumentName, DocumentPath, FieldPath, Status, Value};

use crate::text;

fn refusal(query: &StructuredQuery) -> Status {
    match query::prepare(query, &text::database()) {
        Ok(_) => panic!("accepted: {query:?}"),
        Err(status) => status,
    }
}

#[test]
fn broken_queries_answer_with_productions_texts() {
    let thirty_one: Vec<String> = (0..31).map(|n| n.to_string()).collect();
    let thirty_one = thirty_one.join(", ");
    let many_orders = (0..99).map(|n| format!("f{n}")).collect::<Vec<_>>().join(", ");
    let eleven = (0..11).map(|n| format!("f{n:02} > 1")).collect::<Vec<_>>().join(" and ");
    let table = [
        ("c where a in 1", "'IN' requires an ArrayValue."),
        ("c where a in []", "'IN' requires an non-empty ArrayValue."),
        ("c where a not in []", "'NOT_IN' requires an non-empty ArrayValue."),
        ("c where a contains any 7", "'ARRAY_CONTAINS_ANY' requires an ArrayValue."),
        (&format!("c where a in [{thirty_one}]"), "'IN' supports up to 30 comparison values."),
        (
            &format!("c where a contains any [{thirty_one}]"),
            "'ARRAY_CONTAINS_ANY' supports up to 30 comparison values.",
        ),
        (
            "c where a not in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]",
            "'NOT_IN' supports up to 10 comparison values.",
        ),
        (
            "c where a in [1, 2, 3, 4, 5, 6] and b in [1, 2, 3, 4, 5, 6]",
            "Too many disjunctions after normalization. Result had 36 disjunctions which is more than the maximum \
             of 30",
        ),
        (
            "c where a contains 1 and b contains any [1, 2]",
            "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.",
        ),
        (
            "c where a != 1 and b not in [1]",
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
        ),
        (
            "c where a is not null and a is not nan",
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
        ),
        (
            "c where a not in [1] and b in [1]",
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
        ),
        (
            "c where a not in [1] and (b = 1 or b = 2)",
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
        ),
        (
            &format!("c where {eleven}"),
            "The query contains 11 distinct inequality fields: [f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, \
             f10]. A query may not have more than 10 distinct inequality fields.",
        ),
        (
            &format!("c where a = 1 and b = 2 order by {many_orders}"),
            "The query may not have more than 100 filters + sort orders + ancestor total. Currently there are 2 \
             filters, 99 sort orders, and no ancestor filter.",
        ),
        (
            &format!("x/y/c where a = 1 order by {many_orders}, z"),
            "The query may not have more than 100 filters + sort orders + ancestor total. Currently there are 1 \
             filters, 100 sort orders, and one ancestor filter.",
        ),
        ("c order by __name__, a", "order by clause cannot contain more fields after the key"),
        ("c order by a, b, a desc", "order by clause cannot contain duplicate fields a"),
        ("c where __name__ = 1", "__key__ filter value must be a Key"),
        ("c where __name__ in [/c/a, 1]", "__key__ filter value must be a Key"),
        ("c where __name__ is null", "__key__ filter value must be a Key"),
        ("c where __name__ contains /c/a", "the name __key__ is reserved"),
        (
            "c where __name__ = /c/a and b > 1",
            "Equality on key is not allowed if there are other inequality fields and key does not appear in \
             inequalities.",
        ),
        ("everything where a = 1", "kind is required for filter: a"),
        ("everything order by __name__ desc", "kind is required for all orders except __key__ ascending"),
        ("children order by a", "kind is required for all orders except __key__ ascending"),
        ("c order by a from (1, 2)", "Cursor has too many values."),
        ("c from (/c/a)", "Cursor has too many values."),
        ("c order by __name__ from (1)", "Cursor __key__ value is not a document reference."),
        ("c where __x__ = 1", "Invalid reserved name in field path __x__"),
        ("c order by a.__x__", "Invalid reserved name in field path __x__"),
        ("c select (__x__)", "Invalid reserved name in field path __x__"),
        ("c limit -1", "limit is negative"),
        ("c offset -1", "offset is negative"),
        ("__x__", "Collection id \"__x__\" is invalid because it is reserved."),
        (&"k".repeat(1501), "The query kind is longer than 1500 bytes."),
        (
            "c nearest 0 of v to [1] by dot",
            "FindNearest.limit must be a positive integer of no more than 1000",
        ),
        (
            "c nearest 1001 of v to [1] by dot",
            "FindNearest.limit must be a positive integer of no more than 1000",
        ),
        ("c nearest 1 of v to [] by dot", "Cannot have a zero length vector."),
        (
            "c nearest 1 of v to [1] by dot as __name__",
            "The distanceResultField.property.name \"__name__\" is reserved.",
        ),
    ];
    for (query, message) in table {
        let status = refusal(&text::query(query));
        assert_eq!((status.code, status.message.as_str()), (Code::InvalidArgument, message), "{query}");
    }
}

#[test]
fn a_disjunction_of_nothing_is_refused_and_a_conjunction_of_nothing_is_not() {
    let query = |filter| StructuredQuery { filter: Some(filter), ..text::query("c") };
    let message = "Composite filter must have at least one sub-filter.";
    assert_eq!(refusal(&query(Filter::Or(Vec::new()))).message, message);
    assert_eq!(refusal(&query(Filter::And(vec![Filter::Or(Vec::new())]))).message, message);
    query::prepare(&query(Filter::And(Vec::new())), &text::database()).expect("no filter");
}

#[test]
fn references_to_other_databases_are_refused() {
    let path = DocumentPath::new("c/a").expect("even");
    let other = Value::Reference(DocumentName { database: DatabaseName::new("p", "other"), path });
    let message = "The request was for database 'projects/p/databases/(default)' but was attempting to access \
                   database 'projects/p/databases/other'.";
    let mut query = text::query("c where a = 1 order by __name__");
    query.start_at = Some(Cursor { values: vec![other.clone()], before: true });
    assert_eq!(refusal(&query).message, message);
    let mut query = text::query("c where a = 1");
    if let Some(Filter::Field { value, .. }) = &mut query.filter {
        *value = other;
    }
    assert_eq!(refusal(&query).message, message);
}

#[test]
fn a_query_vector_without_a_direction_has_no_cosine_distance() {
    let status = refusal(&text::query("c nearest 1 of v to [0, 0] by cosine"));
    let message = "Cannot compute cosine distance against a vector with a magnitude of zero.";
    assert_eq!((status.code, status.message.as_str()), (Code::FailedPrecondition, message));
    assert_eq!(status.info.expect("a reason").reason, "COSINE_DISTANCE_ON_ZERO_VECTOR");
}

#[test]
fn broken_aggregations_answer_with_productions_texts() {
    let count =
        |alias: &str, up_to| Aggregation { alias: alias.to_owned(), kind: AggregationKind::Count { up_to } };
    let sum = |path: &str| Aggregation {
        alias: String::new(),
        kind: AggregationKind::Sum(FieldPath::parse(path).expect(path)),
    };
    let reserved = "The property.name \"__x__\" is reserved.";
    let table = [
        (vec![], "Aggregations can not be empty."),
        (
            vec![count("", None); 6],
            "The maximum number of aggregations allowed in an aggregation query is 5. Received: 6",
        ),
        (vec![count("x", None), count("x", None)], "Aggregation aliases contain duplicate alias: x."),
        (vec![count("__x__", None)], reserved),
        (vec![sum("__name__")], "Aggregations are not supported for the property: __key__"),
        (
            vec![count("", Some(-1))],
            "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
        ),
    ];
    for (aggregations, message) in table {
        let query = AggregationQuery { query: text::query("c"), aggregations };
        let status = query::prepare_aggregation(&query, &text::database()).expect_err(message);
        assert_eq!((status.code, status.message.as_str()), (Code::InvalidArgument, message));
    }
    let query = AggregationQuery { query: text::query("c"), aggregations: vec![count("", None); 6] };
    let info =
        query::prepare_aggregation(&query, &text::database()).expect_err("six").info.expect("a reason");
    assert_eq!(info.reason, "TOO_MANY_AGGREGATIONS");
    assert_eq!(info.metadata["actual_aggregations"], "6");
}

/// A filter as large as a request may be is refused in time and memory of its own size.
#[test]
fn a_huge_conjunction_is_refused_without_blowing_up() {
    let leaf = |n: usize| Filter::Field {
        path: FieldPath::single(&format!("f{}", n % 1000)),
        operator: model::query::FieldOperator::Equal,
        value: Value::Integer(1),
    };
    let query =
        StructuredQuery { filter: Some(Filter::And((0..200_000).map(leaf).collect())), ..text::query("c") };
    assert!(refusal(&query).message.starts_with("The query may not have more than 100 filters"));
}
