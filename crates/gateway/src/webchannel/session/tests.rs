//! Sessions over a clock that stands still until everybody waits.

use std::pin::pin;

use bytes::Bytes;
use database::Store;
use futures::{Stream, StreamExt};
use host::Host;
use service::{MissingIndex, Service};
use storage::memory::MemoryEngine;

use super::super::back;
use super::super::parse::Style;
use super::super::state::{GAP, STUCK, UNATTENDED};
use super::*;
use crate::connection::Connection;
use crate::stopping::Stopping;

/// A session about Listen, of which the client has said nothing, and its task.
struct Scene {
    session: Arc<Session>,
    began: Instant,
    task: tokio::task::JoinHandle<Outcome>,
    stopping: Stopping,
}

impl Scene {
    fn new() -> Self {
        let host = Host::real();
        let store = Store::open(Arc::new(MemoryEngine::new()), host.clone(), database::Options::default());
        let policies = service::Options { missing_index: MissingIndex::Suggest };
        let service = Arc::new(Service::new(store.expect("an empty store"), host, policies));
        let stopping = Stopping::new();
        let session = Arc::new(Session::new(Topic::Listen, Headers::default(), Arc::default()));
        let conversation =
            Conversation::open(&service, Topic::Listen, model::Principal::Administrator.into());
        let task = tokio::spawn(session.clone().converse(conversation, stopping.follow()));
        Scene { session, began: Instant::now(), task, stopping }
    }

    fn back(&self, style: Style) -> impl Stream<Item = Bytes> + Send + use<> {
        let connection = Connection::local();
        back::chunks(self.session.clone(), 0, style, connection.undelivered())
    }

    async fn forward(&self, number: u64) {
        let map = Map { message: Ok(Bytes::new()), _claims: Arc::new([]) };
        assert!(self.session.forward(vec![(number, map)], 0).await.is_ok());
    }

    /// Waits until the conversation ends, and answers how long that took and how it ended.
    async fn ended(self) -> (Duration, Outcome) {
        let outcome = self.task.await.expect("no panic");
        (self.began.elapsed(), outcome)
    }
}

fn about(took: Duration, expected: Duration) {
    let difference = took.abs_diff(expected);
    assert!(difference < Duration::from_secs(1), "{took:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_reads_ends() {
    let (took, outcome) = Scene::new().ended().await;
    assert_eq!(outcome, None);
    about(took, UNATTENDED);
}

#[tokio::test(start_paused = true)]
async fn a_back_channel_keeps_a_session_alive() {
    let scene = Scene::new();
    tokio::time::sleep(UNATTENDED / 2).await;
    let back = scene.back(Style::Stream);
    tokio::time::sleep(UNATTENDED * 10).await;
    assert!(!scene.task.is_finished());
    let cut = scene.began.elapsed();
    drop(back);
    about(scene.ended().await.0 - cut, UNATTENDED);
}

#[tokio::test(start_paused = true)]
async fn maps_that_wait_for_one_that_never_comes_end_the_session() {
    let scene = Scene::new();
    let _back = scene.back(Style::Stream);
    scene.forward(1).await;
    scene.forward(2).await;
    let (took, outcome) = scene.ended().await;
    assert_eq!(outcome, None);
    about(took, GAP);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_a_full_outbox_loses_its_session() {
    let scene = Scene::new();
    let _back = scene.back(Style::Stream);
    tokio::time::sleep(STUCK * 10).await;
    for _ in 0..8 {
        scene.session.state.lock().push("1".repeat(1 << 20));
    }
    scene.session.work.notify_one();
    let (took, outcome) = scene.ended().await;
    assert_eq!(outcome, None);
    about(took, STUCK * 11);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_gives_signs_of_life_and_ends_after_minutes() {
    let scene = Scene::new();
    let back = scene.back(Style::Stream);
    let times: Vec<_> = back.map(|_| scene.began.elapsed()).collect().await;
    assert_eq!(times[0].as_secs(), 0, "at once");
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(pauses.max() < Some(Duration::from_secs(30)), "{times:?}");
    about(*times.last().expect("some"), Duration::from_secs(240));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_poll_ends_before_the_client_gives_up() {
    let scene = Scene::new();
    for (millis, expected) in [(None, 25_000), (Some(1_000), 1_000), (Some(600_000), 25_000)] {
        let before = Instant::now();
        let chunks: Vec<_> = scene.back(Style::Poll { millis }).collect().await;
        assert_eq!(chunks.len(), 1);
        about(before.elapsed(), Duration::from_millis(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_a_while_for_a_client_that_lost_its_connection() {
    let scene = Scene::new();
    scene.session.end(&Err(Status::new(Code::Aborted, "over")));
    assert_eq!(scene.task.await.expect("no panic"), None);
    let lingering = scene.session.linger();
    let mut lingering = pin!(lingering);
    assert!(tokio::time::timeout(LINGER / 2, &mut lingering).await.is_err());
    let connection = Connection::local();
    let again = back::chunks(scene.session.clone(), 0, Style::Stream, connection.undelivered());
    assert_eq!(again.collect::<Vec<_>>().await.len(), 1);
    lingering.await;
    about(scene.began.elapsed(), LINGER);
    assert!(matches!(scene.session.forward(Vec::new(), 0).await, Err(Refused::Gone)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_says_so() {
    let scene = Scene::new();
    scene.stopping.begin();
    let (took, outcome) = scene.ended().await;
    assert_eq!(outcome, Some(Err(Status::new(Code::Unavailable, "The server is stopping."))));
    about(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_makes_a_post_wait_and_give_up() {
    let session = Arc::new(Session::new(Topic::Write, Headers::default(), Arc::default()));
    let map = || Map { message: Ok(Bytes::new()), _claims: Arc::new([]) };
    let full = (0..1_000).map(|number| (number, map())).collect();
    assert!(session.forward(full, 0).await.is_ok());
    let before = Instant::now();
    assert!(matches!(session.forward(vec![(1_000, map())], 0).await, Err(Refused::Busy)));
    about(before.elapsed(), ROOM);
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.forward(vec![(1_000, map())], 0).await.is_ok() }
    });
    tokio::task::yield_now().await;
    assert!(matches!(session.step(true), Step::Take(_)));
    assert!(waiting.await.expect("no panic"), "room was made");
}
