//! Which `allow` decides: matching of paths, methods, errors beside each other, functions, documents of a commit.

use model::Value;
use rules::{Accesses, Operation, Request, Verdict};

use crate::world::{NOW, World, fields, path, rules, wrapped};

/// A denial's text as the emulator words it, or `allowed`.
fn text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Denied(denial) => denial.to_string(),
    }
}

fn allowed(inner: &str, name: &str) -> bool {
    World::signed_in("ada").get(&rules(&wrapped(inner)), name).is_allowed()
}

#[test]
fn a_path_is_matched_whole() {
    let table = [
        ("match /a/{x} { allow read; }", "a/b", true),
        ("match /a/{x} { allow read; }", "b/b", false),
        ("match /a/{x} { allow read; }", "a/b/c/d", false),
        ("match /a/b { allow read; }", "a/b", true),
        ("match /a/b { allow read; }", "a/c", false),
        ("match /a/{x}/c/{y} { allow read: if x == 'b' && y == 'd'; }", "a/b/c/d", true),
        ("match /a/{x} { match /c/{y} { allow read: if x == 'b' && y == 'd'; } }", "a/b/c/d", true),
        ("match /a/{x} { match /c/{y} { allow read; } }", "a/b", false),
        ("match /{x=**} { allow read: if x == /a/b/c/d && string(x) == 'a/b/c/d'; }", "a/b/c/d", true),
        ("match /a/{x=**} { allow read; }", "a/b", true),
        ("match /a/b/{x=**} { allow read: if x == path('/c/d') && x[1] == 'd'; }", "a/b/c/d", true),
        // Nothing is enough for a recursive wildcard of the second version.
        ("match /a/b/{x=**} { allow read; }", "a/b", true),
        ("match /{x=**}/c/{y} { allow read: if y == 'd'; }", "a/b/c/d", true),
        ("match /{x=**}/c/{y} { allow read; }", "c/d", true),
        ("match /{x=**}/c/{y} { allow read; }", "c/d/e/f", false),
        ("match /{x=**} { match /c/{y} { allow read; } }", "a/b/c/d", true),
        ("match /{x=**} { match /{y=**} { allow read; } }", "a/b/c/d", true),
        // An inner wildcard hides an outer one of the same name.
        ("match /a/{x} { match /c/{x} { allow read: if x == 'd'; } }", "a/b/c/d", true),
        ("match /a/{x} { allow read: if database == '(default)'; }", "a/b", true),
        ("match /ä-1.x/{x} { allow read; }", "ä-1.x/b", true),
    ];
    for (inner, name, expected) in table {
        assert_eq!(allowed(inner, name), expected, "{inner} {name}");
    }
}

#[test]
fn the_first_version_needs_a_segment_for_a_recursive_wildcard() {
    let source = |rest: &str| {
        format!(
            "service cloud.firestore {{ match /databases/{{d}}/documents {{ match /a/b{rest} {{ allow read; }} }} }}"
        )
    };
    let world = World::default();
    assert!(world.get(&rules(&source("/{x=**}")), "a/b/c/d").is_allowed());
    assert!(!world.get(&rules(&source("/{x=**}")), "a/b").is_allowed());
    assert!(world.get(&rules(&format!("rules_version = '2'; {}", source("/{x=**}"))), "a/b").is_allowed());
}

#[test]
fn only_the_service_of_documents_counts() {
    let source = "service firebase.storage { match /databases/{d}/documents/{x=**} { allow read; } }";
    assert!(!World::default().get(&rules(source), "a/b").is_allowed());
}

#[test]
fn methods_are_split_into_reads_and_writes() {
    let mut world = World::default().with("a/old", []).with("a/both", []);
    world.after.extend([("a/new".to_owned(), fields([])), ("a/both".to_owned(), fields([]))]);
    let table = [
        ("read", [true, false, false, false]),
        ("get", [true, false, false, false]),
        ("list", [false, false, false, false]),
        ("write", [false, true, true, true]),
        ("create", [false, true, false, false]),
        ("update", [false, false, true, false]),
        ("delete", [false, false, false, true]),
        ("read, delete", [true, false, false, true]),
        ("fetch", [false, false, false, false]),
    ];
    for (methods, expected) in table {
        let ruleset = rules(&wrapped(&format!("match /a/{{x}} {{ allow {methods}; }}")));
        let found = [
            world.get(&ruleset, "a/old").is_allowed(),
            world.write(&ruleset, "a/new", &mut Accesses::for_documents()).is_allowed(),
            world.write(&ruleset, "a/both", &mut Accesses::for_documents()).is_allowed(),
            world.write(&ruleset, "a/old", &mut Accesses::for_documents()).is_allowed(),
        ];
        assert_eq!(found, expected, "allow {methods}");
    }
}

#[test]
fn an_error_does_not_stop_other_allows() {
    assert!(allowed("match /a/{x} { allow read: if 1 / 0 == 1; allow read: if true; }", "a/b"));
    assert!(allowed("match /a/{x} { allow read: if nothing.x; } match /{x=**} { allow read; }", "a/b"));
    assert!(!allowed("match /a/{x} { allow read: if 1 / 0 == 1; allow write: if true; }", "a/b"));
}

#[test]
fn a_denial_tells_why_of_each_allow() {
    let ruleset = rules(&wrapped(
        "match /a/{x} {\n  allow get: if x == 'c';\n  allow get: if resource.data.foo == 1;\n  allow list;\n}\n\
         match /{rest=**} {\n  allow read: if request.auth.uid == 'ada';\n  allow get: if get(/a/b) == null;\n}",
    ));
    let world = World::default().with("a/b", [("bar", Value::Null)]);
    let expected = "\nfalse for 'get' @ L5, Property foo is undefined on object. for 'get' @ L6, \
                    Null value error. for 'get' @ L10, \
                    Service call error. Function: [get], Argument: [/a/b] for 'get' @ L11";
    assert_eq!(text(&world.get(&ruleset, "a/b")), expected);
    let none = rules(&wrapped("match /a/{x} { allow list; }"));
    assert_eq!(text(&world.get(&none, "a/b")), "\nNo matching allow statements");
    let Verdict::Denied(denial) = world.get(&ruleset, "a/b") else { panic!("denied") };
    let positions: Vec<_> =
        denial.reasons.iter().map(|reason| reason.expression.map(|at| at.to_string())).collect();
    assert_eq!(positions, [None, Some("L6:17".into()), Some("L10:18".into()), Some("L11:17".into())]);
}

#[test]
fn writes_see_the_document_before_and_after() {
    let mut world =
        World::signed_in("ada").with("a/b", [("n", Value::Integer(1)), ("owner", Value::from("ada"))]);
    world.after.insert("a/b".into(), fields([("n", Value::Integer(2)), ("owner", Value::from("ada"))]));
    world.after.insert(
        "a/c".into(),
        fields([("at", Value::Timestamp(model::Timestamp::from_micros(NOW).expect("a time")))]),
    );
    let check = |condition: &str, name: &str| {
        let ruleset = rules(&wrapped(&format!("match /a/{{x}} {{ allow write: if {condition}; }}")));
        let verdict = world.write(&ruleset, name, &mut Accesses::for_documents());
        assert_eq!(verdict, Verdict::Allowed, "{condition}");
    };
    check("request.resource.data.n == resource.data.n + 1", "a/b");
    check("request.resource.data.diff(resource.data).affectedKeys().hasOnly(['n'])", "a/b");
    check("request.resource.id == x && request.resource.__name__ == request.path && resource.id == x", "a/b");
    check("request.resource['data']['owner'] == request.auth.uid && request.auth.token.level is int", "a/b");
    check("request.method == 'update' && 'resource' in request && !('query' in request)", "a/b");
    check(
        "request.method == 'create' && resource == null && request.resource.data.at == request.time",
        "a/c",
    );
    world.after.remove("a/b");
    let ruleset = rules(&wrapped(
        "match /a/{x} { allow delete: if request.resource == null && 'resource' in request && resource.data.n == 1; }",
    ));
    assert!(world.write(&ruleset, "a/b", &mut Accesses::for_documents()).is_allowed());
}

#[test]
fn documents_of_a_commit_are_seen_before_and_after() {
    let mut world = World::default().with("a/old", [("n", Value::Integer(1))]);
    world.after.insert("a/new".into(), fields([("n", Value::Integer(2))]));
    let docs = "/databases/$(database)/documents";
    let condition = format!(
        "exists({docs}/a/old) && !existsAfter({docs}/a/old) && !exists({docs}/a/new) \
         && getAfter({docs}/a/new).data.n == 2 && get({docs}/a/old).data.n == 1 && get({docs}/a/new) == null"
    );
    let ruleset = rules(&wrapped(&format!("match /a/{{x}} {{ allow create: if {condition}; }}")));
    assert_eq!(world.write(&ruleset, "a/new", &mut Accesses::for_documents()), Verdict::Allowed);
    assert_eq!(*world.reads.borrow(), ["a/old", "a/old after", "a/new", "a/new after"], "each is read once");
}

#[test]
fn what_cannot_be_read_ends_the_decision() {
    let docs = "/databases/$(database)/documents";
    let ruleset =
        rules(&wrapped(&format!("match /a/{{x}} {{ allow get: if exists({docs}/x/broken) || true; }}")));
    let a_b = path("a/b");
    let time = model::Timestamp::ZERO;
    let operation = Operation::Get { path: &a_b, before: None };
    let request = Request { database: &"(default)".into(), time, auth: None, operation };
    let status = ruleset.decide(&request, &World::default(), &mut Accesses::for_documents(), None);
    assert_eq!(status.expect_err("not a decision").code, model::Code::Aborted);
}

#[test]
fn functions_see_their_own_scope() {
    let table = [
        ("function f(a) { return a == 'b'; } match /a/{x} { allow read: if f(x); }", true),
        ("match /a/{x} { function f() { return x == 'b'; } allow read: if f(); }", true),
        // A function outside does not see a wildcard inside.
        ("function f() { return x == 'b'; } match /a/{x} { allow read: if f(); }", false),
        (
            "function f() { let a = request.auth.uid; let b = a + '!'; return b == 'ada!'; } match /a/{x} { allow read: if f(); }",
            true,
        ),
        // The inner function hides the outer one.
        (
            "function f() { return false; } match /a/{x} { function f() { return true; } allow read: if f(); }",
            true,
        ),
        (
            "function f() { return g(); } function g() { return true; } match /a/{x} { allow read: if f(); }",
            true,
        ),
        ("function f(x) { return x == 1; } match /a/{x} { allow read: if f(1) && x == 'b'; }", true),
        ("match /a/{x} { allow read: if f(); } function f() { return true }", true),
        // Wrong in number, unknown: both compile.
        ("function f(a) { return true; } match /a/{x} { allow read: if f(); }", false),
        ("match /a/{x} { allow read: if f() || true; }", true),
        // A parameter hides a namespace.
        ("function f(math) { return math.a == 1; } match /a/{x} { allow read: if f({'a': 1}); }", true),
        ("match /a/{request} { allow read: if request == 'b'; }", true),
    ];
    for (inner, expected) in table {
        assert_eq!(allowed(inner, "a/b"), expected, "{inner}");
    }
}

#[test]
fn every_type_of_a_document_has_a_type_of_the_language() {
    let database = model::DatabaseName::new("p", "(default)");
    let world = World::default().with(
        "a/b",
        [
            ("null", Value::Null),
            ("bool", Value::Boolean(true)),
            ("int", Value::Integer(7)),
            ("float", Value::Double(0.5)),
            ("time", Value::Timestamp(model::Timestamp::ZERO)),
            ("string", Value::from("s")),
            ("bytes", Value::Bytes(bytes::Bytes::from_static(&[1, 255]))),
            ("reference", Value::Reference(database.document(&path("x/y")))),
            ("point", Value::GeoPoint(model::GeoPoint { latitude: 1.0, longitude: 2.0 })),
            ("list", Value::Array(vec![Value::Integer(1)])),
            ("vector", Value::Vector(vec![0.5])),
            ("map", Value::Map(fields([("a", Value::Integer(1))]))),
        ],
    );
    let conditions = [
        "resource.data.null == null",
        "resource.data.bool",
        "resource.data.int is int && resource.data.int == 7",
        "resource.data.float is float",
        "resource.data.time == timestamp.value(0)",
        "resource.data.string == 's'",
        "resource.data.bytes.toHexString() == '01FF'",
        "resource.data.reference == /databases/(default)/documents/x/y && resource.data.reference is path",
        "resource.data.point.longitude() == 2.0 && resource.data.point is latlng",
        "resource.data.list == [1]",
        "resource.data.vector is map && resource.data.vector.value == [0.5]",
        "resource.data.map.a == 1 && resource.data.map == {'a': 1}",
        "resource.data.size() == 12 && 'int' in resource.data && !('x' in resource.data)",
        "resource.data.keys().hasAll(['int', 'map']) && resource.data == resource.data",
        "resource.data.get('int', 0) == 7 && resource.data.get('x', 0) == 0",
        "resource.data.get(['map', 'a'], 0) == 1 && resource.data.values().size() == 12",
    ];
    for condition in conditions {
        let ruleset = rules(&wrapped(&format!("match /a/{{x}} {{ allow get: if {condition}; }}")));
        assert_eq!(text(&world.get(&ruleset, "a/b")), "allowed", "{condition}");
    }
}
