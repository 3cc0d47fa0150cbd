//! Write streams over a real socket: the handshake, commits in order, how they end, and how a client
//! that lost its connection learns what became of its writes.

mod scene;

use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use proto::{WriteRequest, WriteResponse};
use scene::{DATABASE, ROOT, Scene, integer, set};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

/// One stream from the client's side.
struct Stream {
    requests: mpsc::Sender<WriteRequest>,
    answers: Streaming<WriteResponse>,
}

impl Stream {
    async fn open(scene: &Scene) -> Self {
        let (requests, sent) = mpsc::channel(200);
        let answers = scene.client().await.write(ReceiverStream::new(sent)).await.expect("a stream");
        Stream { requests, answers: answers.into_inner() }
    }

    /// A stream after its handshake, and what it said.
    async fn begun(scene: &Scene) -> (Self, WriteResponse) {
        let mut stream = Self::open(scene).await;
        stream.send(first()).await;
        let handshake = stream.answer().await.expect("an answer").expect("no end");
        (stream, handshake)
    }

    async fn send(&self, request: WriteRequest) {
        self.requests.send(request).await.expect("the call is open");
    }

    /// The next answer; None at the end.
    async fn answer(&mut self) -> Result<Option<WriteResponse>, Status> {
        let answer = tokio::time::timeout(Duration::from_secs(30), self.answers.message());
        answer.await.expect("an answer in time")
    }

    fn half_close(&mut self) {
        self.requests = mpsc::channel(1).0;
    }
}

fn first() -> WriteRequest {
    WriteRequest { database: DATABASE.to_owned(), ..Default::default() }
}

/// Sets `c/{id}` to `number`.
fn write(token: &[u8], id: &str, number: i64) -> WriteRequest {
    let writes = vec![set(&format!("c/{id}"), &[("n", integer(number))])];
    WriteRequest { stream_token: token.to_vec().into(), writes, ..Default::default() }
}

async fn number_of(scene: &Scene, id: &str) -> Result<proto::Document, Status> {
    let name = format!("{ROOT}/c/{id}");
    let get = proto::GetDocumentRequest { name, ..Default::default() };
    scene.client().await.get_document(get).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_commits_sent_ahead_are_answered_in_order() {
    let scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    assert!(!handshake.stream_id.is_empty() && !handshake.stream_token.is_empty());
    for number in 0..100 {
        stream.send(write(&handshake.stream_token, "same", number)).await;
    }
    let mut last = None;
    for number in 0..100 {
        let answer = stream.answer().await.expect("an answer").expect("no end");
        assert_eq!(answer.write_results.len(), 1);
        assert!(answer.stream_id.is_empty() && !answer.stream_token.is_empty(), "{number}");
        let time = answer.commit_time.map(|time| (time.seconds, time.nanos));
        assert!(time > last, "commits are in order: {time:?} after {last:?}");
        last = time;
    }
    assert_eq!(number_of(&scene, "same").await.expect("the document").fields["n"], integer(99));
    stream.half_close();
    assert_eq!(stream.answer().await.expect("a good end"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_close_ends_the_stream_after_what_was_sent() {
    let scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    for number in 0..10 {
        stream.send(write(&handshake.stream_token, "x", number)).await;
    }
    stream.half_close();
    for _ in 0..10 {
        assert!(stream.answer().await.expect("an answer").is_some());
    }
    assert_eq!(stream.answer().await.expect("a good end"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_writes_is_answered_and_ends_the_stream() {
    let scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    stream.send(WriteRequest { stream_token: handshake.stream_token.clone(), ..Default::default() }).await;
    let answer = stream.answer().await.expect("an answer").expect("no end");
    assert!(!answer.stream_token.is_empty() && answer.stream_token != handshake.stream_token);
    assert_eq!((answer.write_results.len(), answer.commit_time), (0, None));
    assert_eq!(stream.answer().await.expect("a good end"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_ends_the_stream_after_the_answers_before_it() {
    let scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    let token = &handshake.stream_token;
    let mut impossible = write(token, "not there", 2);
    let condition = proto::precondition::ConditionType::Exists(true);
    impossible.writes[0].current_document = Some(proto::Precondition { condition_type: Some(condition) });
    stream.send(write(token, "before", 1)).await;
    stream.send(impossible).await;
    // The refusal may have ended the call by then.
    let _ = stream.requests.send(write(token, "after", 3)).await;
    assert!(stream.answer().await.expect("an answer").is_some());
    assert_eq!(stream.answer().await.map_err(|refusal| refusal.code()), Err(Code::NotFound));
    assert!(number_of(&scene, "before").await.is_ok());
    assert_eq!(number_of(&scene, "after").await.map_err(|refusal| refusal.code()), Err(Code::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_requests_that_are_refused() {
    let with = |change: fn(&mut WriteRequest)| {
        let mut request = first();
        change(&mut request);
        request
    };
    let table = [
        (WriteRequest::default(), "'database' must be set on an initial write request."),
        (
            with(|request| request.writes = write(b"", "x", 1).writes),
            "'writes' must not be set on an initial write request.",
        ),
        (
            with(|request| request.stream_token = b"x".to_vec().into()),
            "'stream_token' must not be set on an initial write request without a 'stream_id'.",
        ),
        (
            with(|request| request.stream_id = "x".to_owned()),
            "'stream_token' must be set on an initial write request with a 'stream_id'.",
        ),
        (with(|request| request.database = "projects/p".to_owned()), "Database name \"projects/p\" lacks"),
    ];
    let scene = Scene::new().await;
    for (request, text) in table {
        let mut stream = Stream::open(&scene).await;
        stream.send(request).await;
        let refusal = stream.answer().await.expect_err(text);
        assert_eq!(refusal.code(), Code::InvalidArgument);
        assert!(refusal.message().starts_with(text), "{}", refusal.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_requests_that_are_refused() {
    let scene = Scene::new().await;
    let other = "projects/other/databases/(default)".to_owned();
    let text = format!(
        "Request specified a database ({other}) that did not match the expected database ({DATABASE})"
    );
    let table = [
        (WriteRequest { database: other, ..write(b"", "x", 1) }, text.as_str()),
        (
            WriteRequest { stream_id: "y".to_owned(), ..write(b"", "x", 1) },
            "'stream_id' may only be set on an initial write request.",
        ),
        (write(b"nonsense", "x", 1), "The stream token is not one of this stream."),
        (write(&u64::MAX.to_be_bytes(), "x", 1), "The stream token is not one of this stream."),
    ];
    for (request, text) in table {
        let (mut stream, _) = Stream::begun(&scene).await;
        stream.send(request).await;
        let refusal = stream.answer().await.expect_err(text);
        assert_eq!((refusal.code(), refusal.message()), (Code::InvalidArgument, text));
    }
    let (mut stream, _) = Stream::begun(&scene).await;
    stream.send(WriteRequest { database: DATABASE.to_owned(), ..write(b"", "x", 1) }).await;
    assert!(stream.answer().await.expect("the same database may be named again").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lost_its_answers_hears_them_again() {
    let scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    stream.send(write(&handshake.stream_token, "x", 1)).await;
    let first_answer = stream.answer().await.expect("an answer").expect("no end");
    let mut lost = Vec::new();
    for number in 2..=4 {
        stream.send(write(&first_answer.stream_token, "x", number)).await;
        lost.push(stream.answer().await.expect("an answer").expect("no end"));
    }
    drop(stream);
    let mut again = Stream::open(&scene).await;
    let resume = WriteRequest {
        stream_id: handshake.stream_id.clone(),
        stream_token: first_answer.stream_token.clone(),
        ..first()
    };
    again.send(resume.clone()).await;
    let shaken = again.answer().await.expect("an answer").expect("no end");
    assert_eq!((&shaken.stream_id, &shaken.stream_token), (&handshake.stream_id, &first_answer.stream_token));
    for answer in &lost {
        assert_eq!(again.answer().await.expect("an answer").as_ref(), Some(answer));
    }
    let last = &lost.last().expect("three").stream_token;
    again.send(write(last, "x", 5)).await;
    let fifth = again.answer().await.expect("an answer").expect("no end");
    assert_eq!(number_of(&scene, "x").await.expect("the document").fields["n"], integer(5));

    // What was acknowledged is gone: the client said that it had seen it.
    let mut late = Stream::open(&scene).await;
    late.send(resume).await;
    assert_eq!(late.answer().await.map_err(|refusal| refusal.code()), Err(Code::Aborted));

    // Whoever resumes last has the stream.
    let mut third = Stream::open(&scene).await;
    let resume =
        WriteRequest { stream_id: handshake.stream_id, stream_token: fifth.stream_token.clone(), ..first() };
    third.send(resume).await;
    assert!(third.answer().await.expect("an answer").is_some());
    again.send(write(&fifth.stream_token, "x", 6)).await;
    assert_eq!(again.answer().await.map_err(|refusal| refusal.code()), Err(Code::Aborted));
    third.send(write(&fifth.stream_token, "x", 7)).await;
    assert!(third.answer().await.expect("an answer").is_some());
    assert_eq!(number_of(&scene, "x").await.expect("the document").fields["n"], integer(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_cannot_be_resumed() {
    let scene = Scene::new().await;
    let (mut closed, handshake) = Stream::begun(&scene).await;
    closed.send(WriteRequest::default()).await;
    assert!(closed.answer().await.expect("an answer").is_some());
    let (_open, other) = Stream::begun(&scene).await;
    let elsewhere = "projects/p/databases/other";
    let table = [
        (DATABASE, "never heard of".to_owned(), vec![0; 8], Code::Aborted),
        (DATABASE, handshake.stream_id, handshake.stream_token.to_vec(), Code::Aborted),
        (DATABASE, other.stream_id.clone(), b"nonsense".to_vec(), Code::InvalidArgument),
        (DATABASE, other.stream_id.clone(), 1_u64.to_be_bytes().to_vec(), Code::InvalidArgument),
        (elsewhere, other.stream_id, other.stream_token.to_vec(), Code::Aborted),
    ];
    for (database, stream_id, token, code) in table {
        let mut stream = Stream::open(&scene).await;
        let database = database.to_owned();
        let request =
            WriteRequest { database, stream_id: stream_id.clone(), stream_token: token.into(), ..first() };
        stream.send(request).await;
        assert_eq!(stream.answer().await.map_err(|refusal| refusal.code()), Err(code), "{stream_id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answers_what_was_sent_and_says_unavailable() {
    let mut scene = Scene::new().await;
    let (mut stream, handshake) = Stream::begun(&scene).await;
    stream.send(write(&handshake.stream_token, "x", 1)).await;
    assert!(stream.answer().await.expect("an answer").is_some());
    scene.tell_to_stop();
    let end = stream.answer().await.expect_err("an end");
    assert_eq!((end.code(), end.message()), (Code::Unavailable, "The server is stopping."));
    scene.stop().await;
}
