//! Every method, as everybody asks for it where callers are verified and no rules allow anything.

use model::principal::Role;
use serde_json::{Value, json};

use crate::http;
use crate::issuer::TokenIssuer;
use crate::scene::{ROOT, Scene};
use crate::wires::exchanged;

/// What a method takes.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Reading,
    Writing,
}
use Takes::{Reading, Writing};

/// A verb, an address and a body for each method that answers one request; what it takes of an account.
fn methods() -> Vec<(&'static str, String, Value, Takes)> {
    let root = |rest: &str| format!("/v1/{ROOT}{rest}");
    let of_project = |method: &str| format!("/v1/projects/entities:{method}");
    let name = format!("{ROOT}/c/d");
    let query = json!({ "from": [{ "collectionId": "c" }] });
    let group = json!({
        "from": [{ "collectionId": "c", "allDescendants": true }],
        "orderBy": [{ "field": { "fieldPath": "__name__" } }],
    });
    let count = json!({ "structuredQuery": query, "aggregations": [{ "alias": "n", "count": {} }] });
    let (key, kind) = (json!({ "path": [{ "kind": "K", "id": "1" }] }), json!({ "kind": [{ "name": "K" }] }));
    let figures = json!({ "nestedQuery": kind, "aggregations": [{ "alias": "n", "count": {} }] });
    let (read_only, delete) = (json!({ "readOnly": {} }), json!([{ "delete": name }]));
    vec![
        ("GET", root("/c/d"), json!(null), Reading),
        ("GET", root("/c"), json!(null), Reading),
        ("GET", root("/c?showMissing=true"), json!(null), Reading),
        ("POST", root("/c"), json!({}), Writing),
        ("PATCH", root("/c/d"), json!({}), Writing),
        ("DELETE", root("/c/d"), json!(null), Writing),
        ("POST", root(":batchGet"), json!({ "documents": [name] }), Reading),
        (
            "POST",
            root(":batchGet"),
            json!({ "documents": [name], "newTransaction": { "readWrite": {} } }),
            Writing,
        ),
        ("POST", root(":batchGet"), json!({ "documents": [] }), Reading),
        ("POST", root(":beginTransaction"), json!({}), Writing),
        ("POST", root(":beginTransaction"), json!({ "options": read_only }), Reading),
        ("POST", root(":commit"), json!({ "writes": delete }), Writing),
        ("POST", root(":commit"), json!({}), Writing),
        ("POST", root(":batchWrite"), json!({ "writes": delete }), Writing),
        ("POST", root(":rollback"), json!({ "transaction": "AAAA" }), Reading),
        ("POST", root(":runQuery"), json!({ "structuredQuery": query }), Reading),
        ("POST", root(":runQuery"), json!({ "structuredQuery": query, "explainOptions": {} }), Reading),
        ("POST", root(":runAggregationQuery"), json!({ "structuredAggregationQuery": count }), Reading),
        ("POST", root(":partitionQuery"), json!({ "structuredQuery": group, "partitionCount": 2 }), Reading),
        ("POST", root(":listCollectionIds"), json!({}), Reading),
        ("POST", of_project("lookup"), json!({ "keys": [key] }), Reading),
        ("POST", of_project("runQuery"), json!({ "query": kind }), Reading),
        ("POST", of_project("runAggregationQuery"), json!({ "aggregationQuery": figures }), Reading),
        ("POST", of_project("beginTransaction"), json!({}), Writing),
        ("POST", of_project("rollback"), json!({ "transaction": "AAAA" }), Reading),
        (
            "POST",
            of_project("commit"),
            json!({ "mode": "NON_TRANSACTIONAL", "mutations": [{ "delete": key }] }),
            Writing,
        ),
        ("POST", of_project("allocateIds"), json!({ "keys": [{ "path": [{ "kind": "K" }] }] }), Writing),
        ("POST", of_project("reserveIds"), json!({ "keys": [key] }), Writing),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_is_reached_without_a_decision() {
    let issuer = TokenIssuer::new();
    let (viewer, user) = (issuer.key_file(Role::Viewer), issuer.key_file(Role::User));
    let scene = Scene::behind(Some(issuer.door()), gateway::Options::default()).await;
    let account = |file: &Value| format!("Bearer {}", exchanged(&scene, file));
    let (viewer, user, alice) = (account(&viewer), account(&user), issuer.bearer("alice"));
    let ask = |who: Option<&str>, verb: &str, path: &str, body: &str| {
        let headers: Vec<_> =
            who.map(|who| ("Authorization".to_owned(), who.to_owned())).into_iter().collect();
        http::send(scene.address, verb, path, &headers, body.as_bytes()).status
    };
    for (verb, path, body, takes) in methods() {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let of = |project: &str, text: &str| {
            let named = text.replace("projects/p/", &format!("projects/{project}/"));
            named.replace("projects/entities:", &format!("projects/{project}:"))
        };
        let asked = |who: Option<&str>, project: &str| {
            (
                ask(who, verb, &of(project, &path), &of(project, &body)),
                format!("{who:?} {verb} {path} {body}"),
            )
        };
        let is = |(status, what): (u16, String), expected| assert_eq!(status, expected, "{what}");
        // Entities and documents are never in one database, and its first use decides: strangers come first.
        is(asked(None, "p"), 403);
        is(asked(Some(&alice), "p"), 403);
        is(asked(Some("Bearer owner"), "p"), 401);
        for who in [&viewer, &user, &alice] {
            is(asked(Some(who), "q"), 403);
        }
        let (of_user, what) = asked(Some(&user), "p");
        assert_ne!(of_user, 403, "{what}");
        let (of_viewer, what) = asked(Some(&viewer), "p");
        assert_eq!(of_viewer == 403, takes == Writing, "{what}: {of_viewer}");
    }
}
