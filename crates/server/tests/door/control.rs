//! Control requests: security rules and their coverage, and who may reset.

use model::principal::Role;
use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::issuer::TokenIssuer;
use crate::scene::{ROOT, Scene};
use crate::wires::{RULES, exchanged};

fn put(scene: &Scene, path: &str, who: Option<&str>, body: &Value) -> Answer {
    let headers: Vec<_> = who.map(|who| ("Authorization".to_owned(), who.to_owned())).into_iter().collect();
    http::send(scene.address, "PUT", path, &headers, body.to_string().as_bytes())
}

fn source(text: &str, ignore_errors: bool) -> Value {
    json!({ "rules": { "files": [{ "name": "a.rules", "content": text }] }, "ignore_errors": ignore_errors })
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn reads(scene: &Scene, path: &str) -> u16 {
    http::send(scene.address, "GET", &format!("/v1/{ROOT}/{path}"), &[], b"").status
}

const BROKEN: &str = "service cloud.firestore { match /a/{b} { allow read: if ; } }";
const OF_PROJECT: &str = "/emulator/v1/projects/p:securityRules";

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_put_as_the_emulator_takes_them() {
    let scene = Scene::new().await;
    assert_eq!(reads(&scene, "c/d"), 404);
    let answer = put(&scene, OF_PROJECT, None, &source(RULES, false));
    assert_eq!((answer.status, json_of(&answer)), (200, json!({})));
    assert_eq!(reads(&scene, "c/d"), 403);

    let refused = put(&scene, OF_PROJECT, None, &source(BROKEN, false));
    let message = json_of(&refused)["error"]["message"].as_str().expect("a text").to_owned();
    assert_eq!(refused.status, 400);
    assert!(message.starts_with("Error compiling rules:\nL1:"), "{message}");
    assert_eq!(reads(&scene, "c/d"), 403, "those before stay");

    let listed = put(&scene, OF_PROJECT, None, &source(BROKEN, true));
    let issue = &json_of(&listed)["issues"][0];
    assert_eq!((listed.status, issue["severity"].as_str()), (200, Some("ERROR")));
    assert_eq!(issue["sourcePosition"]["fileName"], "a.rules");
    assert_eq!(issue["sourcePosition"]["line"], 1);
    assert!(issue["description"].is_string());
    assert_eq!(json_of(&put(&scene, OF_PROJECT, None, &source(RULES, true))), json!({ "issues": [] }));

    for body in [json!({}), json!({ "rules": { "files": [] } }), json!([1])] {
        assert_eq!(put(&scene, OF_PROJECT, None, &body).status, 400, "{body}");
    }
    let of_database = "/emulator/v1/projects/p/databases/(default):securityRules";
    let open = "service cloud.firestore { match /{all=**} { allow read; } }";
    assert_eq!(put(&scene, of_database, None, &source(open, false)).status, 200);
    assert_eq!(reads(&scene, "c/d"), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_do_not_keep_a_developer_from_clearing() {
    let scene = Scene::new().await;
    scene.set(["own/alice".to_owned()], &[]).await;
    assert_eq!(put(&scene, OF_PROJECT, None, &source(RULES, false)).status, 200);
    let owner = [("Authorization".to_owned(), "Bearer owner".to_owned())];
    let read = || http::send(scene.address, "GET", &format!("/v1/{ROOT}/own/alice"), &owner, b"").status;
    assert_eq!(read(), 200);
    let part = format!("/emulator/v1/{ROOT}/own");
    assert_eq!(http::send(scene.address, "DELETE", &part, &[], b"").status, 200);
    assert_eq!(read(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_tells_what_expressions_came_to() {
    let scene = Scene::new().await;
    let get = |path: &str| http::send(scene.address, "GET", path, &[], b"");
    assert_eq!(get("/emulator/v1/projects/p:ruleCoverage").status, 404);
    let hostile = "service cloud.firestore {\n  match /databases/{db}/documents/c/{d} {\n    \
                   // <script>alert(1)</script>\n    allow get: if d == 'x' || d == '<b>';\n  }\n}\n";
    assert_eq!(put(&scene, OF_PROJECT, None, &source(hostile, false)).status, 200);
    assert_eq!((reads(&scene, "c/x"), reads(&scene, "c/%3Cb%3E"), reads(&scene, "c/y")), (404, 404, 403));

    let report = json_of(&get("/emulator/v1/projects/p:ruleCoverage"));
    assert_eq!(report["rules"]["files"][0]["content"], hostile);
    let condition = &report["report"][0];
    assert_eq!(condition["sourcePosition"]["line"], 4);
    let counted = |truth: bool| {
        let values = condition["values"].as_array().expect("values");
        let found = values.iter().find(|counted| counted["value"] == json!({ "boolValue": truth }));
        found.and_then(|counted| counted["count"].as_u64())
    };
    assert_eq!((counted(true), counted(false)), (Some(2), Some(1)), "{report}");
    assert!(condition["children"].as_array().is_some_and(|children| children.len() == 2), "{report}");

    let page = get("/emulator/v1/projects/p:ruleCoverage.html");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
    );
    assert!(!page.text().contains("<script") && !page.text().contains("<b>"), "{}", page.text());
    assert!(page.text().contains("&lt;script&gt;") && page.text().contains("×2"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_callers_are_verified_only_owners_control() {
    let issuer = TokenIssuer::new();
    let (owner, user) = (issuer.key_file(Role::Owner), issuer.key_file(Role::User));
    let scene = issuer.serve(RULES, gateway::Options::default()).await;
    let owner = format!("Bearer {}", exchanged(&scene, &owner));
    let user = format!("Bearer {}", exchanged(&scene, &user));
    let alice = issuer.bearer("alice");
    let cleared = "/emulator/v1/projects/p/databases/(default)/documents";
    let part = "/emulator/v1/projects/p/databases/(default)/documents/c/d";
    let foreign = "/emulator/v1/projects/q/databases/(default)/documents";
    let coverage = "/emulator/v1/projects/p:ruleCoverage";
    let rules = source(RULES, false).to_string();
    let table = [
        ("DELETE", cleared, 200),
        ("DELETE", part, 200),
        ("DELETE", foreign, 403),
        ("PUT", OF_PROJECT, 200),
        ("PUT", "/emulator/v1/projects/q:securityRules", 403),
        // It would show data, and is collected in development only.
        ("GET", coverage, 404),
        // These are about all projects, and no account owns those.
        ("POST", "/reset", 403),
        ("POST", "/shutdown", 403),
        ("GET", "/", 200),
    ];
    for (verb, path, of_owner) in table {
        let asked = |who: Option<&str>| {
            let headers: Vec<_> =
                who.map(|who| ("Authorization".to_owned(), who.to_owned())).into_iter().collect();
            http::send(scene.address, verb, path, &headers, rules.as_bytes()).status
        };
        assert_eq!(asked(Some(&owner)), of_owner, "{verb} {path}");
        let others = if path == "/" { [200, 200, 200, 200] } else { [403, 403, 403, 401] };
        let found = [asked(Some(&user)), asked(Some(&alice)), asked(None), asked(Some("Bearer owner"))];
        assert_eq!(found, others, "{verb} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_development_can_be_told_to_stop() {
    let scene = Scene::new().await;
    let answer = http::send(scene.address, "POST", "/shutdown", &[], b"");
    assert_eq!((answer.status, answer.text()), (200, "Shutting down...\n"));
    scene.ended().await;
}
