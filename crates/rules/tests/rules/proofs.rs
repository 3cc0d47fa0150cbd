//! Which queries are allowed: those of which every possible result is.

use model::query::FieldOperator::{self, *};
use model::query::{Direction, Filter, Order, Selector, StructuredQuery, UnaryOperator};
use model::{DatabaseName, FieldPath, Parent, Value};

use rules::{Accesses, Operation};

use crate::world::{World, path, query, rules, wrapped};

fn field(name: &str, operator: FieldOperator, value: impl Into<Value>) -> Filter {
    Filter::Field { path: FieldPath::parse(name).expect("a field path"), operator, value: value.into() }
}

fn unary(name: &str, operator: UnaryOperator) -> Filter {
    Filter::Unary { path: FieldPath::parse(name).expect("a field path"), operator }
}

fn array<const N: usize>(values: [&str; N]) -> Value {
    Value::Array(values.map(Value::from).to_vec())
}

fn reference(name: &str) -> Value {
    Value::Reference(DatabaseName::new("p", "(default)").document(&path(name)))
}

fn listed(condition: &str, query: &StructuredQuery) -> bool {
    let ruleset = rules(&wrapped(&format!("match /c/{{d}} {{ allow list: if {condition}; }}")));
    let world = World::signed_in("ada")
        .with("c/one", [("owner", Value::from("ada"))])
        .with("c/two", [("owner", Value::from("bob"))])
        .with("users/ada", [("admin", Value::Boolean(true))]);
    world.list(&ruleset, query).is_allowed()
}

fn check(condition: &str, filter: Option<Filter>, expected: bool) {
    let query = query("c", filter);
    assert_eq!(listed(condition, &query), expected, "{condition} with {:?}", query.filter);
}

#[test]
fn an_equality_makes_a_field_known() {
    let rule = "resource.data.owner == request.auth.uid";
    check(rule, Some(field("owner", Equal, "ada")), true);
    check(rule, Some(field("owner", Equal, "bob")), false);
    check(rule, None, false);
    check(rule, Some(field("other", Equal, "ada")), false);
    check(rule, Some(Filter::And(vec![field("owner", Equal, "ada"), field("n", GreaterThan, 3)])), true);
    check("resource.data.public == true", Some(field("public", Equal, true)), true);
    check("resource.data.public", Some(field("public", Equal, true)), true);
    check("!resource.data.public", Some(field("public", Equal, true)), false);
    check("resource.data.owner.size() == 3", Some(field("owner", Equal, "ada")), true);
    check("resource.data.a.b == 'x'", Some(field("a.b", Equal, "x")), true);
    check("resource.data.a.get('b', '') == 'x'", Some(field("a.b", Equal, "x")), true);
    check("resource.data.get(['a', 'b'], '') == 'x'", Some(field("a.b", Equal, "x")), true);
    check("resource.data.get('z', true)", Some(field("a", Equal, "x")), false);
    check("resource.data.x == null", Some(unary("x", UnaryOperator::IsNull)), true);
    check("resource.data.x != null", Some(unary("x", UnaryOperator::IsNotNull)), true);
}

#[test]
fn every_candidate_of_a_disjunction_must_pass() {
    let rule = "resource.data.owner == request.auth.uid";
    check(rule, Some(field("owner", In, array(["ada"]))), true);
    check(rule, Some(field("owner", In, array(["ada", "bob"]))), false);
    check(rule, Some(Filter::Or(vec![field("owner", Equal, "ada"), field("owner", Equal, "ada")])), true);
    check(rule, Some(Filter::Or(vec![field("owner", Equal, "ada"), field("public", Equal, true)])), false);
    let either = "resource.data.owner == request.auth.uid || resource.data.public == true";
    check(either, Some(Filter::Or(vec![field("owner", Equal, "ada"), field("public", Equal, true)])), true);
    let public = "resource.data.public == true";
    check(public, Some(field("public", In, Value::Array(vec![Value::from(true)]))), true);
    // An `and` of disjunctions is multiplied out.
    let both = Filter::And(vec![field("a", In, array(["1", "2"])), field("b", In, array(["3", "4"]))]);
    check("resource.data.a in ['1', '2'] && resource.data.b in ['3', '4']", Some(both.clone()), true);
    check("resource.data.a in ['1'] && resource.data.b in ['3', '4']", Some(both), false);
    let many = Filter::And(vec![field("a", In, array(["x"; 30])), field("b", In, array(["y"; 30]))]);
    check("true", Some(many), false);
}

#[test]
fn ranges_decide_comparisons() {
    let adult = "resource.data.age >= 18";
    check(adult, Some(field("age", GreaterThanOrEqual, 18)), true);
    check(adult, Some(field("age", GreaterThan, 18)), true);
    check(adult, Some(field("age", GreaterThan, 20.5)), true);
    check(adult, Some(field("age", GreaterThan, 17)), false);
    check(adult, Some(field("age", LessThan, 18)), false);
    check(adult, Some(field("age", Equal, 18)), true);
    check(adult, Some(field("age", GreaterThan, "18")), false);
    check("18 <= resource.data.age", Some(field("age", GreaterThan, 18)), true);
    check("resource.data.age > 18", Some(field("age", GreaterThanOrEqual, 18)), false);
    check("!(resource.data.age < 18)", Some(field("age", GreaterThanOrEqual, 18)), true);
    check("resource.data.age < 65", Some(field("age", LessThan, 65)), true);
    check("resource.data.age <= 64.5", Some(field("age", LessThan, 65)), false);
    check("resource.data.age != 3", Some(field("age", GreaterThan, 3)), true);
    check("resource.data.age != 3", Some(field("age", GreaterThanOrEqual, 3)), false);
    check("resource.data.age is number", Some(field("age", LessThan, 65)), true);
    check("resource.data.age is string", Some(field("age", LessThan, 65)), false);
    check("!(resource.data.age is string)", Some(field("age", LessThan, 65)), true);
    check(
        "resource.data.at < request.time",
        Some(field("at", LessThan, Value::Timestamp(model::Timestamp::ZERO))),
        true,
    );
    check("resource.data.age in [5]", Some(field("age", GreaterThan, 1)), false);
    check("!(resource.data.age in [5])", Some(field("age", GreaterThan, 1)), false);
    check("!(resource.data.age in [0, 1, 'x'])", Some(field("age", GreaterThan, 1)), true);
    check("resource.data.name >= 'a'", Some(field("name", GreaterThanOrEqual, "b")), true);
    check("resource.data.kind != 'x'", Some(field("kind", NotEqual, "x")), true);
    check("resource.data.kind != 'y'", Some(field("kind", NotEqual, "x")), false);
    check("resource.data.kind != null", Some(field("kind", NotEqual, "x")), true);
    check("!(resource.data.kind in ['x', 'y'])", Some(field("kind", NotIn, array(["x", "y"]))), true);
    check(
        "resource.data.age >= 18 && resource.data.age <= 20",
        Some(Filter::And(vec![field("age", GreaterThanOrEqual, 18), field("age", LessThanOrEqual, 20)])),
        true,
    );
    check(
        "resource.data.age == 18",
        Some(Filter::And(vec![field("age", GreaterThanOrEqual, 18), field("age", LessThanOrEqual, 18)])),
        true,
    );
}

/// A query for 1 finds 1 and 1.0, which the language can tell apart.
#[test]
fn a_number_is_known_by_its_value_and_not_by_its_type() {
    check("resource.data.n == 1", Some(field("n", Equal, 1)), true);
    check("resource.data.n == 1.0", Some(field("n", Equal, 1)), true);
    check("resource.data.n < 2 && resource.data.n in [0, 1]", Some(field("n", Equal, 1)), true);
    check("resource.data.n is number", Some(field("n", Equal, 1)), true);
    check("resource.data.n is int", Some(field("n", Equal, 1)), false);
    check("!(resource.data.n is int)", Some(field("n", Equal, 1)), false);
    check("resource.data.l == [1]", Some(field("l", Equal, Value::Array(vec![Value::from(1)]))), false);
    check("resource.data.l != [2]", Some(field("l", Equal, Value::Array(vec![Value::from(1)]))), true);
    check("resource.data.l == ['a']", Some(field("l", Equal, array(["a"]))), true);
}

/// An index keeps 1,500 bytes, so a query cannot tell two longer strings apart.
#[test]
fn what_an_index_cuts_is_not_known() {
    let long = "x".repeat(1_500);
    let rule = format!("resource.data.s == '{long}'");
    check(&rule, Some(field("s", Equal, long.as_str())), false);
    check("resource.data.s is string", Some(field("s", Equal, long.as_str())), true);
}

#[test]
fn elements_of_an_array_are_known() {
    let rule = "request.auth.uid in resource.data.members";
    check(rule, Some(field("members", ArrayContains, "ada")), true);
    check(rule, Some(field("members", ArrayContains, "bob")), false);
    check(rule, Some(field("members", ArrayContainsAny, array(["ada"]))), true);
    check(rule, Some(field("members", ArrayContainsAny, array(["ada", "bob"]))), false);
    check(rule, Some(field("members", Equal, array(["bob", "ada"]))), true);
    check("resource.data.members.hasAny(['ada', 'bob'])", Some(field("members", ArrayContains, "ada")), true);
    check("resource.data.members.hasAll(['ada'])", Some(field("members", ArrayContains, "ada")), true);
    check("resource.data.members.hasOnly(['ada'])", Some(field("members", ArrayContains, "ada")), false);
    check("resource.data.members.size() == 1", Some(field("members", ArrayContains, "ada")), false);
    check("resource.data.members is list", Some(field("members", ArrayContains, "ada")), true);
}

#[test]
fn what_is_not_known_denies_whichever_way_it_is_asked() {
    for condition in [
        "resource.data.secret == 1",
        "resource.data.secret != 1",
        "!(resource.data.secret == 1)",
        "[resource.data.owner, resource.data.secret].size() == 2",
        "{'a': resource.data.secret}.size() == 1",
        "[resource.data].size() == 1 && resource.data.size() >= 0",
        "'secret' in resource.data || !('secret' in resource.data)",
        "resource.data == {'owner': 'ada'}",
        "resource.data != {'owner': 'ada'}",
        "resource.data.secret == resource.data.secret",
        "resource.data.keys().hasOnly(['owner'])",
        "resource.data.diff({}).addedKeys().size() > 0",
        "resource.data.secret ? true : true",
        "d == 'one' || d != 'one'",
        "d.size() > 0",
        "get(/databases/$(database)/documents/users/$(resource.data.secret)) == null",
        "exists(/databases/$(database)/documents/users/$(d)) || true && d == 'x'",
        "get(resource.__name__) == null",
    ] {
        check(condition, Some(field("owner", Equal, "ada")), false);
    }
    // What does not depend on it is no matter.
    for condition in [
        "resource.data.secret == 1 || true",
        "resource != null && resource.data != null",
        "'owner' in resource.data && resource.data.keys().hasAll(['owner'])",
        "d is string && resource.id is string && resource.__name__ is path && request.path is path",
        "d != null",
        "get(/databases/$(database)/documents/users/$(request.auth.uid)).data.admin",
        "exists(/databases/$(database)/documents/users/$(resource.data.owner))",
    ] {
        check(condition, Some(field("owner", Equal, "ada")), true);
    }
}

#[test]
fn fields_of_the_order_exist() {
    let mut ordered = query("c", None);
    assert!(!listed("'n' in resource.data", &ordered));
    ordered.order_by.push(Order { path: FieldPath::single("n"), direction: Direction::Descending });
    assert!(listed("'n' in resource.data", &ordered));
    assert!(listed("request.query.orderBy == {'n': 'DESC'}", &ordered));
    assert!(!listed("resource.data.n == resource.data.n", &ordered));
}

#[test]
fn the_query_itself_can_be_asked() {
    let limited = |limit| StructuredQuery { limit, ..query("c", None) };
    assert!(listed("request.query.limit <= 2", &limited(Some(2))));
    assert!(!listed("request.query.limit <= 2", &limited(Some(3))));
    assert!(!listed("request.query.limit <= 2", &limited(None)));
    assert!(listed("request.query.limit == null", &limited(None)));
    assert!(listed("request.query.offset == 0 && request.query.orderBy == {}", &limited(None)));
    assert!(listed("request.query.kind == 'c' && request.query.parent == null", &limited(None)));
    assert!(listed("!request.query.allDescendants && request.query.keys().size() == 9", &limited(None)));
    assert!(listed(
        "request.method == 'list' && 'query' in request && !('resource' in request)",
        &limited(None)
    ));
}

#[test]
fn a_name_that_is_asked_for_is_known() {
    let named = |name: &str| Some(field("__name__", Equal, reference(name)));
    check("d == 'one'", named("c/one"), true);
    check("d == 'one'", named("c/two"), false);
    check("d == 'one'", None, false);
    check(
        "d in ['one', 'two']",
        Some(field("__name__", In, Value::Array(vec![reference("c/one"), reference("c/two")]))),
        true,
    );
    // Alone it is judged as a read of that document.
    let own = "resource.data.owner == request.auth.uid";
    check(own, named("c/one"), true);
    check(own, named("c/two"), false);
    check(own, named("c/none"), false);
    check("resource == null", named("c/none"), true);
    // With another condition the document is not looked at.
    let filter = Filter::And(vec![field("__name__", Equal, reference("c/one")), field("n", Equal, 1)]);
    check(own, Some(filter.clone()), false);
    check("d == 'one' && resource.data.n == 1", Some(filter), true);
}

/// What a listener watches besides its results.
#[test]
fn accesses_name_the_documents_that_a_decision_depends_on() {
    let ruleset = rules(&wrapped(
        "match /c/{d} { allow list: if exists(/databases/$(database)/documents/users/$(request.auth.uid)) || true; }",
    ));
    let mut accesses = Accesses::for_query();
    let query = query("c", Some(field("__name__", Equal, reference("c/one"))));
    let verdict = World::signed_in("ada").ask(&ruleset, Operation::List { query: &query }, &mut accesses);
    assert!(verdict.is_allowed());
    assert_eq!(accesses.paths().map(|path| path.as_str()).collect::<Vec<_>>(), ["users/ada", "c/one"]);
}

#[test]
fn a_right_to_get_is_no_right_to_list() {
    let world = World::default();
    let ruleset = rules(&wrapped("match /c/{d} { allow get; }"));
    assert!(world.get(&ruleset, "c/one").is_allowed());
    assert!(!world.list(&ruleset, &query("c", None)).is_allowed());
}

#[test]
fn a_group_needs_a_rule_for_every_depth() {
    let group = StructuredQuery {
        from: Selector { collection_id: Some("c".into()), all_descendants: true },
        ..query("c", None)
    };
    let below = StructuredQuery { parent: Parent::Document(path("a/b")), ..query("c", None) };
    let group_below = StructuredQuery { parent: Parent::Document(path("a/b")), ..group.clone() };
    let all =
        StructuredQuery { from: Selector { collection_id: None, all_descendants: true }, ..query("c", None) };
    let any = StructuredQuery { from: Selector::default(), ..query("c", None) };
    let flat = query("c", None);
    let queries = [&flat, &below, &group, &group_below, &all, &any];
    let table = [
        ("match /c/{d} { allow list; }", [true, false, false, false, false, false]),
        ("match /a/{b}/c/{d} { allow list: if b == 'b'; }", [false, true, false, false, false, false]),
        ("match /{p=**}/c/{d} { allow list; }", [true, true, true, true, false, false]),
        ("match /{p=**}/c/{d} { allow list: if p == /a/b; }", [false, true, false, false, false, false]),
        ("match /a/b/{p=**}/c/{d} { allow list; }", [false, true, false, true, false, false]),
        ("match /{d=**} { allow list; }", [true, true, true, true, true, true]),
        ("match /{c}/{d} { allow list; }", [true, false, false, false, false, true]),
        ("match /{c}/{d} { allow list: if c == 'c'; }", [true, false, false, false, false, false]),
        ("match /c/one { allow list; }", [false; 6]),
    ];
    for (inner, expected) in table {
        let ruleset = rules(&wrapped(inner));
        let found = queries.map(|query| World::default().list(&ruleset, query).is_allowed());
        assert_eq!(found, expected, "{inner}");
    }
}
