//! What is refused, with production's texts.

use bytes::Bytes;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    PropertyOperator,
};
use model::entity::{EntityValue, Property};
use model::{Code, Status};
use query::entities::{prepare_entities, prepare_entity_aggregation};

use crate::world::{World, database, key, query};

fn refused(query: &EntityQuery) -> String {
    let Status { code, message, .. } = prepare_entities(query, &database()).expect_err("it is refused");
    assert_eq!(code, Code::InvalidArgument, "{message}");
    message
}

fn list(count: usize) -> String {
    vec!["1"; count].join(", ")
}

#[test]
fn queries_that_production_refuses() {
    let many = (0..11).map(|n| format!("p{n} > 1")).collect::<Vec<_>>().join(" AND ");
    let thirty_six = ["a", "b"].map(|name| format!("{name} IN ARRAY({})", list(6))).join(" AND ");
    let table = [
        ("SELECT * FROM T LIMIT -1", "Limit must be non-negative."),
        ("SELECT * FROM T OFFSET -1", "Offset must be non-negative."),
        ("SELECT * WHERE a = 1", "kind is required for filter: a"),
        ("SELECT * ORDER BY a", "kind is required for all orders except __key__ ascending"),
        ("SELECT * ORDER BY __key__ DESC", "kind is required for all orders except __key__ ascending"),
        ("a b! SELECT * FROM T", "Illegal string \"a b\" in namespace id."),
        ("SELECT * FROM T WHERE __key__ = 5", "__key__ filter value must be a Key"),
        ("SELECT * FROM T WHERE a HAS ANCESTOR KEY(T, 1)", "property must be __key__"),
        ("SELECT * FROM T WHERE __key__ HAS ANCESTOR 5", "HAS_ANCESTOR requires a key value"),
        (
            "SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(NAMESPACE('zz'), T, 1)",
            "The query namespace is '' but ancestor namespace is 'zz'.",
        ),
        (
            "SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(PROJECT('q'), T, 1)",
            "mismatched databases within request: s~p vs. s~q",
        ),
        (
            "SELECT * FROM T WHERE (__key__ HAS ANCESTOR KEY(T, 1) AND a = 1) OR b = 2",
            "All disjunctions must have a common and unique ancestor constraint.",
        ),
        ("SELECT * FROM T WHERE a IN 5", "IN requires an ArrayValue."),
        (
            &format!("SELECT * FROM T WHERE a IN ARRAY({})", list(31)),
            "IN supports up to 30 values. There are 31 values in the IN filter in your query.",
        ),
        (&format!("SELECT * FROM T WHERE a NOT IN ARRAY({})", list(11)), "NOT_IN supports up to 10 values."),
        (
            "SELECT * FROM T WHERE a != 1 AND b != 2",
            "Only a single 'NOT_EQUAL' or 'NOT_IN' is allowed per query.",
        ),
        (
            "SELECT * FROM T WHERE a NOT IN ARRAY(1) AND b IN ARRAY(1)",
            "'NOT_IN' cannot be used in the same query with 'IN' or 'OR'.",
        ),
        (
            &format!("SELECT * FROM T WHERE {thirty_six}"),
            "Too many disjunctions after normalization. Result had 36 disjunctions which is more than the maximum of 30",
        ),
        (
            &format!("SELECT * FROM T WHERE {many}"),
            "The query contains 11 distinct inequality fields: [p0, p1, p10, p2, p3, p4, p5, p6, p7, p8, p9]. A query \
             may not have more than 10 distinct inequality fields.",
        ),
        ("SELECT * FROM T WHERE a = ARRAY(1)", "A list value is not allowed"),
        ("SELECT * FROM T ORDER BY a, a DESC", "order by clause cannot contain duplicate fields a"),
        ("SELECT a FROM T WHERE a = 1", "Cannot use projection on a property with an equality filter."),
        ("SELECT a, a FROM T", "Cannot project a property multiple times."),
        ("SELECT __x__ FROM T", "projections are not supported for the property: __x__"),
        (
            "SELECT DISTINCT a FROM T ORDER BY b",
            "All group by properties must be ordered before any non group by properties.",
        ),
        (
            "SELECT DISTINCT a FROM T WHERE b > 1",
            "Inequality filter on b must also be a group by property when group by properties are set.",
        ),
        ("SELECT * FROM __kind__ WHERE a = 1", "Only comparison filters on __key__ supported"),
        ("SELECT * FROM __kind__ ORDER BY __key__ DESC", "Only ascending order on __key__ supported"),
        (
            "SELECT * FROM __kind__ WHERE __key__ HAS ANCESTOR KEY(a, 1)",
            "ancestor queries on __kind__ not allowed",
        ),
    ];
    for (gql, expected) in table {
        assert_eq!(refused(&query(gql).expect(gql)), expected, "{gql}");
    }
}

#[test]
fn filters_that_gql_cannot_write() {
    let filtered =
        |filter| EntityQuery { kind: Some("T".to_owned()), filter: Some(filter), ..EntityQuery::default() };
    let comparison = |operator, value: Property| {
        filtered(EntityFilter::Property { name: "a".to_owned(), operator, value })
    };
    let excluded = Property { value: EntityValue::Integer(1), excluded: true, meaning: 0 };
    let long = EntityValue::String("x".repeat(1_501)).into();
    assert_eq!(
        refused(&filtered(EntityFilter::And(Vec::new()))),
        "A composite filter must have at least one sub-filter."
    );
    assert_eq!(refused(&comparison(PropertyOperator::Equal, excluded)), "a filter value must be indexed");
    assert_eq!(
        refused(&comparison(PropertyOperator::Equal, long)),
        "The value of property \"a\" is longer than 1500 bytes."
    );
    let none = EntityValue::Array(Vec::new()).into();
    assert_eq!(refused(&comparison(PropertyOperator::In, none)), "IN requires an non-empty ArrayValue.");
    let incomplete = model::entity::Key {
        path: vec![model::entity::PathElement { kind: "T".to_owned(), id: None }],
        ..key("T:1")
    };
    let by_key = EntityFilter::Property {
        name: "__key__".to_owned(),
        operator: PropertyOperator::GreaterThan,
        value: EntityValue::Key(incomplete).into(),
    };
    assert_eq!(refused(&filtered(by_key)), "Key path element must not be incomplete: [T: ]");
}

#[test]
fn reserved_names_in_filters_and_orders_find_nothing() {
    let world = World::new(&[]);
    world.put(&["T:1 a=1"]);
    assert_eq!(world.results("SELECT * FROM T WHERE __x__ = 1"), [""; 0]);
    assert_eq!(world.results("SELECT __key__ FROM T ORDER BY __scatter__"), [""; 0]);
}

#[test]
fn a_cursor_serves_its_query_and_its_reverse_only() {
    let world = World::new(&[]);
    world.put(&["T:1 a=1", "T:2 a=2", "T:3 a=3"]);
    let first = |gql: &str| world.run(gql).expect(gql).rows[0].cursor.clone();
    let start =
        |gql: &str, cursor: &Bytes| EntityQuery { start: Some(cursor.clone()), ..query(gql).expect(gql) };
    let by_a = first("SELECT * FROM T ORDER BY a");
    for other in [
        "SELECT * FROM T",
        "SELECT * FROM U ORDER BY a",
        "SELECT * FROM T WHERE a > 0 ORDER BY a",
        "SELECT a FROM T ORDER BY a",
    ] {
        assert_eq!(refused(&start(other, &by_a)), "cursor does not match query", "{other}");
    }
    let same = start("SELECT * FROM T ORDER BY a LIMIT 1 OFFSET 1", &by_a);
    assert!(prepare_entities(&same, &database()).is_ok());
    let forward =
        world.run("SELECT * FROM T WHERE __key__ > KEY(T, 1)").expect("it runs").rows[0].cursor.clone();
    let backward = start("SELECT * FROM T WHERE __key__ > KEY(T, 1) ORDER BY __key__ DESC", &forward);
    let found = query::entities::run_entity_query(&world.view(), &backward, query::MissingIndex::Suggest);
    let keys: Vec<String> = found.expect("it runs").1.rows.iter().map(crate::world::row_text).collect();
    assert_eq!(keys, ["T:2"]);
    for bytes in [&b""[..], b"x", &by_a[..by_a.len() - 1], &[&by_a[..], b"x"].concat()] {
        refused(&start("SELECT * FROM T ORDER BY a", &Bytes::copy_from_slice(bytes)));
    }
}

#[test]
fn aggregations_that_production_refuses() {
    use EntityAggregationKind as Kind;
    let refused = |aggregations: &[(&str, Kind)]| {
        let aggregations = aggregations
            .iter()
            .map(|(alias, kind)| EntityAggregation { alias: (*alias).to_owned(), kind: kind.clone() });
        let query = EntityAggregationQuery {
            query: query("SELECT * FROM T").expect("it parses"),
            aggregations: aggregations.collect(),
        };
        prepare_entity_aggregation(&query, &database()).expect_err("it is refused").message
    };
    let count = || Kind::Count { up_to: None };
    assert_eq!(refused(&[]), "Aggregations can not be empty.");
    let six: Vec<_> = (0..6).map(|_| ("", count())).collect();
    assert_eq!(
        refused(&six),
        "The maximum number of aggregations allowed in an aggregation query is 5. Received: 6"
    );
    assert_eq!(refused(&[("t", count()), ("t", count())]), "Aggregation aliases contain duplicate alias: t.");
    assert_eq!(refused(&[("__x__", count())]), "The property.name \"__x__\" is reserved.");
    assert_eq!(refused(&[("", Kind::Sum(String::new()))]), "Empty aggregation field.");
    assert_eq!(
        refused(&[("", Kind::Average("__key__".to_owned()))]),
        "Aggregations are not supported for the property: __key__"
    );
    assert_eq!(
        refused(&[("", Kind::Count { up_to: Some(-1) })]),
        "The `up_to` value in a COUNT aggregation must be greater than or equal to zero."
    );
}
