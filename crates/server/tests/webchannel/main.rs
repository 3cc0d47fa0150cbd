//! WebChannel over real sockets, as browsers speak it.

#[path = "../scene/mod.rs"]
mod scene;

mod channel;
mod http;

use std::time::Duration;

use channel::{Back, Channel, form, path};
use scene::{DATABASE, ROOT, Scene, integer, text};
use serde_json::{Value, json};

/// A message that follows the collection `c`.
fn follow(target: i32) -> Value {
    let query = json!({ "parent": ROOT, "structuredQuery": { "from": [{ "collectionId": "c" }] } });
    json!({ "database": DATABASE, "addTarget": { "query": query, "targetId": target } })
}

fn write(path: &str, number: i32) -> Value {
    let fields = json!({ "n": { "integerValue": number.to_string() } });
    json!({ "update": { "name": format!("{ROOT}/{path}"), "fields": fields } })
}

/// The next message, in short.
async fn told(back: &mut Back) -> String {
    back.message().await.map_or("end".to_owned(), |(_, message)| in_short(&message))
}

fn in_short(message: &Value) -> String {
    if let Some(change) = message.get("targetChange") {
        let kind = change.get("targetChangeType").and_then(Value::as_str).unwrap_or("~");
        return match change.get("targetIds") {
            Some(ids) => format!("{kind} {ids}"),
            None => kind.to_owned(),
        };
    }
    if let Some(change) = message.get("documentChange") {
        let name = change["document"]["name"].as_str().expect("a name").rsplit('/').next().expect("an id");
        return format!("{name} {}", change["document"]["fields"]);
    }
    message.to_string()
}

/// Everything up to the next boundary of all targets.
async fn to_boundary(back: &mut Back) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let next = told(back).await;
        all.push(next.clone());
        if next == "~" || next == "end" {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_is_the_recorded_one() {
    let scene = Scene::new().await;
    let target = format!("{}&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&zx=x&t=1", path("Listen"));
    let body = format!(
        "headers=X-Goog-Api-Client%3Agl-js%2F%0D%0AAuthorization%3ABearer%20owner%0D%0A&{}",
        form(0, &[])
    );
    let answer = http::send(scene.address, "POST", &target, &body).await;
    assert_eq!(answer.status, 200);
    let headers = answer.headers.clone();
    let body = answer.body().await;
    let name = &body[r#"52_[[0,["c",""#.len()..][..24];
    assert_eq!(body, format!("52\n[[0,[\"c\",\"{name}\",\"\",8,12,30000]]]"));
    let expected = [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "private, max-age=0"),
        ("x-content-type-options", "nosniff"),
        ("x-http-session-id", name),
        ("access-control-allow-origin", http::ORIGIN),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
    ];
    for (header, value) in expected {
        assert_eq!(headers.get(header).map(String::as_str), Some(value), "{header}");
    }
    let exposed = &headers["access-control-expose-headers"];
    assert!(
        exposed.contains("x-client-wire-protocol, x-http-session-id, x-http-initial-response"),
        "{exposed}"
    );
    let other = Channel::open(scene.address, "Listen", &[]).await;
    assert_ne!(other.name, name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_sees_what_is_there_and_what_changes() {
    let scene = Scene::new().await;
    scene.set(["c/a".to_owned()], &[("n", text("é😀漢"))]).await;
    let mut channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let mut back = channel.back(0).await;
    let first = to_boundary(&mut back).await;
    assert_eq!(first, ["ADD [2]", r#"a {"n":{"stringValue":"é😀漢"}}"#, "CURRENT [2]", "~"]);
    scene.set(["c/b".to_owned()], &[("n", integer(7))]).await;
    assert_eq!(to_boundary(&mut back).await, [r#"b {"n":{"integerValue":"7"}}"#, "~"]);
    let reply = channel.send(&[json!({ "database": DATABASE, "removeTarget": 2 })]).await;
    assert_eq!(reply[0], 1, "there is a back channel: {reply}");
    assert!(reply[1].as_u64() >= Some(6) && reply[2].as_u64() > Some(0), "{reply}");
    assert_eq!(told(&mut back).await, "REMOVE [2]");
    let terminated = channel.post("RID=9&TYPE=terminate", "").await;
    assert_eq!((terminated.status, terminated.body().await), (200, String::new()));
    assert_eq!(back.message().await, None, "the back channel ends");
    let late = channel.get("AID=0&CI=0").await;
    assert_eq!(late.status, 400);
    let body = late.body().await;
    assert!(
        body.find("Unknown SID").is_some_and(|at| at > 0),
        "the client looks behind the first letter: {body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_loses_nothing() {
    let scene = Scene::new().await;
    let channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let mut seen = Vec::new();
    let mut has = 0;
    for number in 0..10 {
        let mut back = channel.back(has).await;
        // Some of it is read, and what was read is not asked for again.
        for _ in 0..number % 4 {
            let Some((next, message)) = back.next().await else { panic!("{seen:?}") };
            assert!(next > has, "{next} comes after {has}");
            has = next;
            seen.push(if message == "noop" { "noop".to_owned() } else { in_short(&message) });
        }
        drop(back);
        scene.set([format!("c/{number}")], &[("n", integer(number))]).await;
    }
    let mut back = channel.back(has).await;
    while !seen.iter().any(|message| message.starts_with("9 ")) {
        seen.push(told(&mut back).await);
    }
    let documents: Vec<_> = seen.iter().filter(|message| message.contains("integerValue")).collect();
    let expected: Vec<_> = (0..10).map(|n| format!(r#"{n} {{"n":{{"integerValue":"{n}"}}}}"#)).collect();
    assert_eq!(documents, expected.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_back_channel_replaces_the_older() {
    let scene = Scene::new().await;
    let channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let mut old = channel.back(0).await;
    let first = to_boundary(&mut old).await;
    let mut new = channel.back(0).await;
    assert_eq!(old.message().await, None, "the older one ends");
    assert_eq!(to_boundary(&mut new).await, first, "from the number on that it names");
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    assert_eq!(to_boundary(&mut new).await, [r#"a {"n":{"integerValue":"1"}}"#, "~"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_polling_brings_what_there_is_and_ends() {
    let scene = Scene::new().await;
    let channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let (mut has, mut seen) = (0, Vec::new());
    while seen.last().is_none_or(|last| last != "~") {
        let mut back = channel.back_with(&format!("AID={has}&CI=1")).await;
        while let Some((number, message)) = back.message().await {
            has = number;
            seen.push(in_short(&message));
        }
    }
    assert_eq!(seen, ["ADD [2]", "CURRENT [2]", "~"]);
    // Nothing to tell: the answer waits as long as it is asked to.
    let mut quiet = channel.back_with(&format!("AID={has}&CI=1&TO=50")).await;
    assert_eq!(quiet.next().await, Some((has + 1, json!("noop"))));
    assert_eq!(quiet.next().await, None);
    let mut waiting = channel.back_with(&format!("AID={}&CI=1", has + 1)).await;
    scene.set(["c/a".to_owned()], &[("n", integer(1))]).await;
    assert_eq!(told(&mut waiting).await, r#"a {"n":{"integerValue":"1"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_done_once_and_in_order() {
    let scene = Scene::new().await;
    let opening = json!({ "database": DATABASE });
    let channel = Channel::open(scene.address, "Write", &[opening]).await;
    let mut back = channel.back(0).await;
    let (_, hello) = back.message().await.expect("an answer");
    let token = &hello["streamToken"];
    assert!(hello["streamId"].is_string() && token.is_string(), "{hello}");
    let commit = |number| json!({ "streamToken": token, "writes": [write(&format!("w/{number}"), number)] });
    // Three POSTs overtake one another, and one is sent again.
    channel.send_at(3, &[commit(3)]).await;
    channel.send_at(2, &[commit(2)]).await;
    channel.send_at(1, &[commit(1)]).await;
    channel.send_at(1, &[commit(1), commit(2)]).await;
    let mut times = Vec::new();
    for _ in 1..=3 {
        let (_, answer) = back.message().await.expect("an answer");
        times.push(answer["commitTime"].as_str().expect("a time").to_owned());
    }
    assert!(times.is_sorted(), "{times:?}");
    let doubled = tokio::time::timeout(Duration::from_millis(300), back.message()).await;
    assert!(doubled.is_err(), "nothing is committed twice: {doubled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_message_is_told_in_the_session() {
    let scene = Scene::new().await;
    let table = [
        ("Listen", json!({ "addTarget": {} }), 400, "INVALID_ARGUMENT"),
        ("Listen", json!({ "nonsense": 1 }), 400, "INVALID_ARGUMENT"),
        ("Write", json!({ "database": DATABASE, "writes": [write("c/a", 1)] }), 400, "INVALID_ARGUMENT"),
    ];
    for (method, message, code, status) in table {
        let channel = Channel::open(scene.address, method, std::slice::from_ref(&message)).await;
        let mut back = channel.back(0).await;
        let (_, refusal) = back.message().await.expect("an error");
        assert_eq!(
            (&refusal["error"]["code"], &refusal["error"]["status"]),
            (&json!(code), &json!(status)),
            "{message}"
        );
        assert!(refusal["error"]["message"].is_string());
        assert_eq!(back.message().await, None, "the session is over");
        let mut again = channel.back(0).await;
        assert_eq!(
            again.message().await.map(|(_, refusal)| refusal["error"]["code"].clone()),
            Some(json!(code))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense() {
    let scene = Scene::new().await;
    let channel = Channel::open(scene.address, "Listen", &[]).await;
    let listen = path("Listen");
    let known = format!("{listen}&SID={}", channel.name);
    let table = [
        ("GET", format!("{listen}&RID=rpc&SID=unknown&AID=0&CI=0"), String::new(), 400, "Unknown SID"),
        ("POST", format!("{listen}&SID=unknown&AID=0"), form(0, &[]), 400, "Unknown SID"),
        ("GET", format!("{}&SID={}&AID=0", path("Write"), channel.name), String::new(), 400, "Unknown SID"),
        ("GET", listen.clone(), String::new(), 400, "no session"),
        ("GET", format!("{known}&AID=x&CI=0"), String::new(), 400, "number"),
        ("POST", known.clone(), "count=1".to_owned(), 400, "maps"),
        ("POST", known.clone(), "count=1&ofs=10000&req0___data__={}".to_owned(), 400, "too far ahead"),
        ("POST", known.clone(), format!("headers=a:{}", "b".repeat(40_000)), 400, "too long"),
        ("POST", listen.clone(), "count=x".to_owned(), 400, "number"),
        ("PUT", known.clone(), String::new(), 400, "GET and POST"),
        ("POST", path("Commit"), String::new(), 404, "Not Found"),
        ("POST", format!("{listen}&SID=unknown&TYPE=terminate"), String::new(), 200, ""),
    ];
    for (method, target, body, status, text) in table {
        let answer = http::send(scene.address, method, &target, &body).await;
        assert_eq!(answer.status, status, "{method} {target}");
        assert_eq!(answer.headers["access-control-allow-origin"], http::ORIGIN, "{method} {target}");
        let body = answer.body().await;
        assert!(body.contains(text), "{method} {target}: {body}");
    }
    let mut back = channel.back(0).await;
    assert_eq!(back.next().await, Some((1, json!("noop"))), "the session lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_tells_its_sessions() {
    let scene = Scene::new().await;
    let channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let mut back = channel.back(0).await;
    to_boundary(&mut back).await;
    let stopping = tokio::spawn(scene.stop());
    let (_, refusal) = back.message().await.expect("an error");
    assert_eq!(refusal["error"]["status"], "UNAVAILABLE");
    assert_eq!(back.message().await, None);
    drop(back);
    tokio::time::timeout(Duration::from_secs(2), stopping).await.expect("at once").expect("well");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_larger_than_the_outbox_comes_in_several_requests() {
    let scene = Scene::new().await;
    let long = "x".repeat(500_000);
    for number in 0..40 {
        scene.set([format!("c/{number:02}")], &[("n", text(&long))]).await;
    }
    let channel = Channel::open(scene.address, "Listen", &[follow(2)]).await;
    let (mut has, mut documents, mut requests) = (0, 0, 0);
    while documents < 40 {
        let mut back = channel.back(has).await;
        requests += 1;
        while let Some((number, message)) = back.message().await {
            has = number;
            documents += usize::from(message.get("documentChange").is_some());
            if documents == 40 {
                break;
            }
        }
    }
    assert!(requests > 1, "what the client has not said that it has is bounded");
}
