//! Listen over a real socket, told as the sequences of messages that clients see.

mod scene;

use std::time::Duration;

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use prost::Message;
use proto::listen_request::TargetChange as Change;
use proto::listen_response::ResponseType;
use proto::structured_query::{
    CollectionSelector, Direction, FieldFilter, FieldReference, Filter, Order, field_filter, filter,
};
use proto::target::{DocumentsTarget, QueryTarget, ResumeType, TargetType, query_target};
use proto::target_change::TargetChangeType;
use proto::{CommitRequest, ListenRequest, ListenResponse, StructuredQuery, Target, Write, write::Operation};
use scene::{DATABASE, ROOT, Scene, integer, set};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

/// One stream from the client's side.
struct Stream {
    requests: Option<mpsc::Sender<ListenRequest>>,
    answers: Streaming<ListenResponse>,
    /// The last token of a boundary.
    token: Bytes,
}

impl Stream {
    async fn open(scene: &Scene) -> Self {
        Self::on(scene.channel().await).await
    }

    async fn on(channel: Channel) -> Self {
        let (requests, sent) = mpsc::channel(200);
        let mut client = proto::firestore_client::FirestoreClient::new(channel);
        let answers = client.listen(ReceiverStream::new(sent)).await.expect("a stream");
        Stream { requests: Some(requests), answers: answers.into_inner(), token: Bytes::new() }
    }

    async fn send(&self, request: ListenRequest) {
        self.requests.as_ref().expect("not closed").send(request).await.expect("the call is open");
    }

    async fn add(&self, target: Target) {
        let target_change = Some(Change::AddTarget(target));
        self.send(ListenRequest { database: DATABASE.to_owned(), target_change, ..Default::default() }).await;
    }

    async fn remove(&self, id: i32) {
        let target_change = Some(Change::RemoveTarget(id));
        self.send(ListenRequest { database: DATABASE.to_owned(), target_change, ..Default::default() }).await;
    }

    /// The next message in one line.
    async fn line(&mut self) -> Result<String, Status> {
        let message = tokio::time::timeout(Duration::from_secs(20), self.answers.message()).await;
        match message.expect("a message in time")? {
            Some(message) => Ok(self.told(message)),
            None => Ok("end".to_owned()),
        }
    }

    fn told(&mut self, message: ListenResponse) -> String {
        let short = |name: &str| name.strip_prefix(ROOT).expect("in the database")[1..].to_owned();
        match message.response_type.expect("a kind") {
            ResponseType::TargetChange(change) => {
                if change.target_ids.is_empty() && change.read_time.is_some() {
                    self.token = change.resume_token.clone();
                }
                let kind = match change.target_change_type() {
                    TargetChangeType::NoChange if change.target_ids.is_empty() => return "~".to_owned(),
                    TargetChangeType::NoChange => "no change",
                    TargetChangeType::Add => "add",
                    TargetChangeType::Remove => "remove",
                    TargetChangeType::Current => "current",
                    TargetChangeType::Reset => "reset",
                };
                let cause = change.cause.map(|cause| format!(" {} {}", cause.code, cause.message));
                format!("{kind} {:?}{}", change.target_ids, cause.unwrap_or_default())
            }
            ResponseType::DocumentChange(change) => {
                let document = change.document.expect("a document");
                let n = document.fields.get("n").map_or(String::new(), |n| match n.value_type {
                    Some(proto::value::ValueType::IntegerValue(n)) => format!(" n={n}"),
                    _ => " n=?".to_owned(),
                });
                let removed = if change.removed_target_ids.is_empty() {
                    String::new()
                } else {
                    format!(" not in {:?}", change.removed_target_ids)
                };
                format!("{}{n} in {:?}{removed}", short(&document.name), change.target_ids)
            }
            ResponseType::DocumentDelete(delete) => {
                format!("{} deleted {:?}", short(&delete.document), delete.removed_target_ids)
            }
            ResponseType::DocumentRemove(remove) => {
                format!("{} not in {:?}", short(&remove.document), remove.removed_target_ids)
            }
            ResponseType::Filter(filter) => format!("filter {} {}", filter.target_id, filter.count),
        }
    }

    async fn expect(&mut self, lines: &[&str]) {
        let mut seen = Vec::new();
        while seen.len() < lines.len() {
            seen.push(self.line().await.unwrap_or_else(|refusal| panic!("{refusal} after {seen:?}")));
        }
        assert_eq!(seen, lines);
    }

    async fn expect_end(&mut self, code: Code, text: &str) {
        loop {
            match self.line().await {
                Ok(line) => assert_ne!(line, "end"),
                Err(refusal) => {
                    assert_eq!((refusal.code(), refusal.message()), (code, text));
                    return;
                }
            }
        }
    }
}

fn documents(id: i32, paths: &[&str]) -> Target {
    let documents = paths.iter().map(|path| format!("{ROOT}/{path}")).collect();
    let target_type = Some(TargetType::Documents(DocumentsTarget { documents }));
    Target { target_id: id, target_type, ..Default::default() }
}

/// Documents of `c`, by `n`.
fn query(id: i32, change: impl FnOnce(&mut StructuredQuery)) -> Target {
    let from = vec![CollectionSelector { collection_id: "c".to_owned(), all_descendants: false }];
    let mut structured = StructuredQuery { from, ..Default::default() };
    change(&mut structured);
    let query_type = Some(query_target::QueryType::StructuredQuery(structured));
    let target_type = Some(TargetType::Query(QueryTarget { parent: ROOT.to_owned(), query_type }));
    Target { target_id: id, target_type, ..Default::default() }
}

fn at_least(number: i64) -> impl FnOnce(&mut StructuredQuery) {
    move |query| {
        let field = Some(FieldReference { field_path: "n".to_owned() });
        let op = field_filter::Operator::GreaterThanOrEqual as i32;
        let filter = FieldFilter { field, op, value: Some(integer(number)) };
        query.r#where = Some(Filter { filter_type: Some(filter::FilterType::FieldFilter(filter)) });
    }
}

fn largest(count: i32) -> impl FnOnce(&mut StructuredQuery) {
    move |query| {
        let field = Some(FieldReference { field_path: "n".to_owned() });
        query.order_by = vec![Order { field, direction: Direction::Descending as i32 }];
        query.limit = Some(count);
    }
}

fn resumed(target: Target, token: &Bytes) -> Target {
    Target { resume_type: Some(ResumeType::ResumeToken(token.clone())), ..target }
}

async fn put(scene: &Scene, path: &str, number: i64) {
    commit(scene, vec![set(path, &[("n", integer(number))])]).await;
}

fn delete(path: &str) -> Write {
    Write { operation: Some(Operation::Delete(format!("{ROOT}/{path}"))), ..Default::default() }
}

async fn commit(scene: &Scene, writes: Vec<Write>) {
    let request = CommitRequest { database: DATABASE.to_owned(), writes, ..Default::default() };
    scene.client().await.commit(request).await.expect("a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_enter_stay_leave_and_vanish() {
    let scene = Scene::new().await;
    put(&scene, "c/a", 1).await;
    put(&scene, "c/b", 5).await;
    let mut stream = Stream::open(&scene).await;
    stream.add(query(2, at_least(3))).await;
    stream.expect(&["add [2]", "c/b n=5 in [2]", "current [2]", "~"]).await;
    put(&scene, "c/a", 4).await;
    stream.expect(&["c/a n=4 in [2]", "~"]).await;
    put(&scene, "c/a", 7).await;
    stream.expect(&["c/a n=7 in [2]", "~"]).await;
    commit(&scene, vec![delete("c/b")]).await;
    stream.expect(&["c/b deleted [2]", "~"]).await;
    put(&scene, "c/a", 0).await;
    let left = stream.line().await.expect("a message");
    assert!(["c/a n=0 in [] not in [2]", "c/a not in [2]"].contains(&left.as_str()), "{left}");
    stream.expect(&["~"]).await;
    stream.remove(2).await;
    stream.expect(&["remove [2]"]).await;
    stream.requests = None;
    stream.expect(&["end"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_lets_the_next_one_in() {
    let scene = Scene::new().await;
    for (path, number) in [("c/a", 1), ("c/b", 2), ("c/c", 3)] {
        put(&scene, path, number).await;
    }
    let mut stream = Stream::open(&scene).await;
    stream.add(query(4, largest(2))).await;
    stream.expect(&["add [4]", "c/c n=3 in [4]", "c/b n=2 in [4]", "current [4]", "~"]).await;
    commit(&scene, vec![delete("c/c")]).await;
    let mut both = [stream.line().await.expect("a message"), stream.line().await.expect("a message")];
    both.sort();
    assert_eq!(both, ["c/a n=1 in [4]", "c/c deleted [4]"]);
    stream.expect(&["~"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_commit_is_one_boundary_for_all_targets() {
    let scene = Scene::new().await;
    put(&scene, "c/a", 1).await;
    let mut stream = Stream::open(&scene).await;
    stream.add(documents(2, &["c/a"])).await;
    stream.expect(&["add [2]", "c/a n=1 in [2]", "current [2]", "~"]).await;
    stream.add(query(6, |_| {})).await;
    stream.expect(&["add [6]", "c/a n=1 in [6]", "current [6]", "~"]).await;
    let writes = (0..5).map(|i| set(&format!("c/{i}"), &[("n", integer(i))]));
    commit(&scene, writes.chain([set("c/a", &[("n", integer(9))])]).collect()).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(stream.line().await.expect("a message"));
    }
    seen.sort();
    let both = |line: &String| line == "c/a n=9 in [2, 6]" || line == "c/a n=9 in [6, 2]";
    assert!(seen.iter().any(both), "{seen:?}");
    assert_eq!(seen[0], "c/0 n=0 in [6]");
    stream.expect(&["~"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_only_what_changed() {
    let scene = Scene::new().await;
    for path in ["c/a", "c/b", "c/c"] {
        put(&scene, path, 1).await;
    }
    let mut stream = Stream::open(&scene).await;
    stream.add(query(2, |_| {})).await;
    stream
        .expect(&["add [2]", "c/a n=1 in [2]", "c/b n=1 in [2]", "c/c n=1 in [2]", "current [2]", "~"])
        .await;
    let token = stream.token.clone();
    assert!(!token.is_empty());
    drop(stream);
    put(&scene, "c/b", 2).await;
    commit(&scene, vec![delete("c/c")]).await;

    let mut again = Stream::open(&scene).await;
    again.add(resumed(query(2, |_| {}), &token)).await;
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != "current [2]") {
        lines.push(again.line().await.expect("a message"));
    }
    again.expect(&["~"]).await;
    let changes: Vec<_> = lines.iter().filter(|line| line.starts_with("c/")).collect();
    assert_eq!(changes, ["c/b n=2 in [2]", "c/c deleted [2]"], "{lines:?}");
    assert_eq!(lines[0], "add [2]");

    let token = again.token.clone();
    let mut unchanged = Stream::open(&scene).await;
    unchanged.add(resumed(query(8, |_| {}), &token)).await;
    unchanged.expect(&["add [8]", "current [8]", "~"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_target_is_told_about_it_alone() {
    let scene = Scene::new().await;
    put(&scene, "c/a", 1).await;
    let mut stream = Stream::open(&scene).await;
    stream.add(documents(2, &["c/a"])).await;
    stream.expect(&["add [2]", "c/a n=1 in [2]", "current [2]", "~"]).await;
    let elsewhere = "projects/q/databases/(default)/documents".to_owned();
    let query_type = Some(query_target::QueryType::StructuredQuery(StructuredQuery::default()));
    let foreign = TargetType::Query(QueryTarget { parent: elsewhere.clone(), query_type });
    let foreign = Target { target_id: 4, target_type: Some(foreign), ..Default::default() };
    let text = format!(
        "remove [4] 3 The parent \"{elsewhere}\" is not in database \"projects/p/databases/(default)\"."
    );
    let table = [
        (
            Target { target_id: 4, ..Default::default() },
            "remove [4] 3 The target must have a query or documents.",
        ),
        (documents(4, &["c"]), "remove [4] 3 Document name"),
        (foreign, text.as_str()),
        (resumed(query(4, |_| {}), &Bytes::from_static(b"nonsense")), "remove [4] 3 bad resume token"),
        (query(4, |query| query.offset = -1), "remove [4] 3 "),
    ];
    for (target, expected) in table {
        stream.add(target).await;
        let line = stream.line().await.expect("the stream goes on");
        assert!(line.starts_with(expected), "{line} instead of {expected}");
    }
    put(&scene, "c/a", 2).await;
    stream.expect(&["c/a n=2 in [2]", "~"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_refused_and_its_neighbours_go_on() {
    let scene = Scene::new().await;
    put(&scene, "c/a", 1).await;
    let (requests, sent) = mpsc::channel(10);
    let mut grpc = tonic::client::Grpc::new(scene.channel().await);
    grpc.ready().await.expect("a connection");
    let path = "/google.firestore.v1.Firestore/Listen".parse().expect("a path");
    let answers = grpc.streaming(Request::new(ReceiverStream::new(sent)), path, scene::RawCodec).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut next = async || {
        let bytes = answers.message().await.expect("a message").expect("no end");
        ListenResponse::decode(bytes).expect("a response").response_type.expect("a kind")
    };
    let database = ListenRequest { database: DATABASE.to_owned(), ..Default::default() }.encode_to_vec();
    // Field 13 of the target is a kind that published definitions do not have.
    let pipeline = [0x12, 6, 0x28, 4, 0x6a, 2, 0x0a, 0];
    requests.send([database.as_slice(), &pipeline].concat().into()).await.expect("sent");
    let ResponseType::TargetChange(refused) = next().await else { panic!("no change of a target") };
    assert_eq!((refused.target_change_type(), refused.target_ids), (TargetChangeType::Remove, vec![4]));
    assert_eq!(refused.cause.map(|cause| cause.code), Some(Code::Unimplemented as i32));
    let target_change = Some(Change::AddTarget(documents(2, &["c/a"])));
    let add = ListenRequest { target_change, ..Default::default() };
    requests.send(add.encode_to_vec().into()).await.expect("sent");
    let ResponseType::TargetChange(added) = next().await else { panic!("no change of a target") };
    assert_eq!((added.target_change_type(), added.target_ids), (TargetChangeType::Add, vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_end_the_stream() {
    let scene = Scene::new().await;
    let mut nameless = Stream::open(&scene).await;
    nameless.send(ListenRequest::default()).await;
    nameless.expect_end(Code::InvalidArgument, "'database' must be set on an initial listen request.").await;
    let mut strange = Stream::open(&scene).await;
    strange.add(documents(2, &["c/a"])).await;
    let other = "projects/p/databases/other";
    strange.send(ListenRequest { database: other.to_owned(), ..Default::default() }).await;
    let text = format!(
        "Request specified a database ({other}) that did not match the expected database ({DATABASE})"
    );
    strange.expect_end(Code::InvalidArgument, &text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_hear_of_one_change() {
    let scene = Scene::new().await;
    put(&scene, "c/a", 1).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let channel = scene.channel().await;
        for _ in 0..100 {
            let stream = Stream::on(channel.clone()).await;
            stream.add(documents(2, &["c/a"])).await;
            streams.push(stream);
        }
    }
    for stream in &mut streams {
        stream.expect(&["add [2]", "c/a n=1 in [2]", "current [2]", "~"]).await;
    }
    put(&scene, "c/a", 2).await;
    for stream in &mut streams {
        stream.expect(&["c/a n=2 in [2]", "~"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_lasts_as_long_as_its_client_says() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let (requests, sent) = mpsc::channel::<ListenRequest>(1);
    let mut request = Request::new(ReceiverStream::new(sent));
    // The header alone: the client's own clock would cut the call first.
    request.metadata_mut().insert("grpc-timeout", "300m".parse().expect("a timeout"));
    let mut answers = client.listen(request).await.expect("a stream").into_inner();
    let end = tokio::time::timeout(Duration::from_secs(20), answers.message()).await.expect("an end in time");
    assert_eq!(end.map_err(|refusal| refusal.code()), Err(Code::DeadlineExceeded));
    drop(requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_to_every_stream() {
    let mut scene = Scene::new().await;
    let mut idle = Stream::open(&scene).await;
    let mut busy = Stream::open(&scene).await;
    busy.add(query(2, |_| {})).await;
    busy.expect(&["add [2]", "current [2]", "~"]).await;
    scene.tell_to_stop();
    for stream in [&mut idle, &mut busy] {
        stream.expect_end(Code::Unavailable, "The server is stopping.").await;
    }
    tokio::time::timeout(Duration::from_secs(3), scene.stop()).await.expect("nothing holds the server up");
}
