//! The answers of write streams that their clients have not acknowledged, for as long as the client
//! may come back for them.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::write::{CommitResult, WriteResult};
use model::{DatabaseName, Principal, Status, Value};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::no_token;

/// Answers, and bytes of them, that one stream keeps; of more the oldest are forgotten.
const ANSWERS: usize = 100;
const ANSWER_BYTES: usize = 256 * 1024;
/// Bytes of answers that all streams keep together.
const ALL_BYTES: usize = 64 * 1024 * 1024;
/// How long, and how many, streams are kept that nobody holds.
const KEPT: Duration = Duration::from_secs(10 * 60);
const KEPT_STREAMS: usize = 10_000;

/// The streams that can be resumed.
#[derive(Default)]
pub(crate) struct WriteStreams {
    table: Mutex<Table>,
    bytes: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<Box<str>, Arc<Log>>,
    /// Those that somebody left, and when, the oldest first. One that was taken up again since stands
    /// here with a time that is no longer its own.
    left: VecDeque<(Duration, Arc<Log>)>,
}

/// One stream.
pub(crate) struct Log {
    id: Box<str>,
    database: DatabaseName,
    /// Who opened it, and is told what becomes of it.
    owner: Principal,
    state: Mutex<State>,
    news: Notify,
    all_bytes: Arc<AtomicUsize>,
}

struct State {
    /// The results numbered `last - answers.len() + 1 ..= last`, with their sizes.
    answers: VecDeque<(Arc<CommitResult>, usize)>,
    bytes: usize,
    /// The number of the last answer.
    last: u64,
    running: bool,
    /// Why nothing will follow.
    failed: Option<Status>,
    /// Counts those who held the stream; the last one does.
    holder: u64,
    /// When the holder left.
    left: Option<Duration>,
}

/// A commit under way. If it is lost, the stream fails.
pub(crate) struct Running {
    log: Option<Arc<Log>>,
}

impl WriteStreams {
    /// A new stream; only its owner, who knows `secret`, can resume it.
    pub(crate) fn open(
        &self,
        database: &DatabaseName,
        owner: &Principal,
        secret: [u8; 16],
        now: Duration,
    ) -> Arc<Log> {
        let id = format!("{:032x}", u128::from_be_bytes(secret)).into_boxed_str();
        let log = Arc::new(Log {
            id: id.clone(),
            database: database.clone(),
            owner: owner.clone(),
            state: Mutex::new(State {
                answers: VecDeque::new(),
                bytes: 0,
                last: 0,
                running: false,
                failed: None,
                holder: 0,
                left: None,
            }),
            news: Notify::new(),
            all_bytes: self.bytes.clone(),
        });
        let mut table = self.table.lock();
        self.expire(&mut table, now);
        table.by_id.insert(id, log.clone());
        log
    }

    /// The caller's stream of that name, if it still has all answers after number `told`.
    pub(crate) fn find(
        &self,
        database: &DatabaseName,
        caller: &Principal,
        id: &str,
        told: u64,
        now: Duration,
    ) -> Result<Arc<Log>, Status> {
        let mut table = self.table.lock();
        self.expire(&mut table, now);
        let log = table.by_id.get(id);
        let log = log.filter(|log| log.database == *database && log.owner.is_same_as(caller));
        let Some(log) = log else {
            return Err(Status::aborted(format!(
                "The write stream {id} is not known any more. Begin a new one."
            )));
        };
        let state = log.state.lock();
        if told > state.last {
            return Err(no_token());
        }
        if told < state.forgotten() {
            return Err(forgotten());
        }
        drop(state);
        Ok(log.clone())
    }

    /// The holder of a stream went away; it may come back. Nothing happens when it is held by another
    /// by now, or over.
    pub(crate) fn left(&self, log: &Arc<Log>, holder: u64, now: Duration) {
        let mut table = self.table.lock();
        let mut state = log.state.lock();
        if state.holder != holder || !table.by_id.contains_key(&log.id) {
            return;
        }
        state.left = Some(now);
        drop(state);
        table.left.push_back((now, log.clone()));
        self.expire(&mut table, now);
    }

    /// The stream is over for good.
    pub(crate) fn remove(&self, log: &Log) {
        self.table.lock().by_id.remove(&log.id);
    }

    fn expire(&self, table: &mut Table, now: Duration) {
        while let Some((since, _)) = table.left.front() {
            let too_many = table.left.len() > KEPT_STREAMS || self.bytes.load(Ordering::Relaxed) > ALL_BYTES;
            if !too_many && now.saturating_sub(*since) < KEPT {
                break;
            }
            let (since, log) = table.left.pop_front().expect("there is a first");
            if log.state.lock().left == Some(since) {
                table.by_id.remove(&log.id);
            }
        }
    }
}

impl Log {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn database(&self) -> &DatabaseName {
        &self.database
    }

    /// Makes the caller the one who holds the stream; whoever held it before is told so.
    pub(crate) fn take_over(&self) -> u64 {
        let mut state = self.state.lock();
        state.holder += 1;
        state.left = None;
        self.news.notify_waiters();
        state.holder
    }

    /// Notes that a commit begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        let mut state = self.state.lock();
        assert!(!state.running, "one commit at a time");
        state.running = true;
        Running { log: Some(self.clone()) }
    }

    /// True while something after answer `told` is there or will be.
    pub(crate) fn is_busy(&self, told: u64) -> bool {
        let state = self.state.lock();
        state.running || state.failed.is_some() || state.last > told
    }

    /// The client has seen answer `seen` and all before it.
    pub(crate) fn forget_to(&self, seen: u64) {
        let mut state = self.state.lock();
        while !state.answers.is_empty() && state.forgotten() < seen {
            self.forget_one(&mut state);
        }
    }

    /// Waits for the answer after `told`.
    pub(crate) async fn after(&self, told: u64, holder: u64) -> Result<Arc<CommitResult>, Status> {
        loop {
            let mut news = pin!(self.news.notified());
            // From here on no news is missed.
            news.as_mut().enable();
            if let Some(outcome) = self.state.lock().after(told, holder) {
                return outcome;
            }
            news.await;
        }
    }

    fn finished(&self, outcome: Result<CommitResult, Status>) {
        let mut state = self.state.lock();
        state.running = false;
        match outcome {
            Ok(result) => self.keep(&mut state, result),
            Err(refusal) => state.failed = Some(refusal),
        }
        self.news.notify_waiters();
    }

    /// Keeps an answer, and forgets others if need be; never the new one, which is yet to be told.
    fn keep(&self, state: &mut State, result: CommitResult) {
        let bytes = size(&result);
        state.answers.push_back((Arc::new(result), bytes));
        state.last += 1;
        state.bytes += bytes;
        self.all_bytes.fetch_add(bytes, Ordering::Relaxed);
        let too_much = |state: &State| {
            state.answers.len() > ANSWERS
                || state.bytes > ANSWER_BYTES
                || self.all_bytes.load(Ordering::Relaxed) > ALL_BYTES
        };
        while state.answers.len() > 1 && too_much(state) {
            self.forget_one(state);
        }
    }

    fn forget_one(&self, state: &mut State) {
        if let Some((_, bytes)) = state.answers.pop_front() {
            state.bytes -= bytes;
            self.all_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.all_bytes.fetch_sub(self.state.get_mut().bytes, Ordering::Relaxed);
    }
}

impl State {
    /// The number up to which answers are gone.
    fn forgotten(&self) -> u64 {
        self.last - self.answers.len() as u64
    }

    fn after(&self, told: u64, holder: u64) -> Option<Result<Arc<CommitResult>, Status>> {
        if self.holder != holder {
            return Some(Err(Status::aborted("The write stream was resumed on another connection.")));
        }
        if told < self.last {
            let at =
                told.checked_sub(self.forgotten()).and_then(|at| self.answers.get(usize::try_from(at).ok()?));
            return Some(at.map(|(result, _)| result.clone()).ok_or_else(forgotten));
        }
        self.failed.clone().map(Err)
    }
}

impl Running {
    /// The commit is over.
    pub(crate) fn finished(mut self, outcome: Result<CommitResult, Status>) {
        if let Some(log) = self.log.take() {
            log.finished(outcome);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            log.finished(Err(Status::internal(
                "The commit was lost by a fault of the server; its log says more.",
            )));
        }
    }
}

fn forgotten() -> Status {
    Status::aborted("The write stream no longer has the answers after this token. Begin a new one.")
}

/// The memory that an answer takes, about.
fn size(result: &CommitResult) -> usize {
    let values: usize = result.results.iter().map(|result| result.transform_results.len()).sum();
    // Results of transforms are null, numbers and times.
    size_of::<CommitResult>() + result.results.len() * size_of::<WriteResult>() + values * size_of::<Value>()
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn database() -> DatabaseName {
        DatabaseName::new("p", "d")
    }

    fn stream(streams: &WriteStreams, name: u8) -> Arc<Log> {
        let log = streams.open(&database(), &Principal::Anonymous, [name; 16], NOW);
        log.take_over();
        log
    }

    /// An answer of about so many bytes.
    fn answer(log: &Arc<Log>, bytes: usize) {
        let result = WriteResult { update_time: None, transform_results: vec![] };
        let results = vec![result; bytes / size_of::<WriteResult>()];
        log.begin().finished(Ok(CommitResult { results, commit_time: Timestamp::ZERO }));
    }

    fn found(streams: &WriteStreams, log: &Log, told: u64, now: Duration) -> bool {
        streams.find(&database(), &Principal::Anonymous, log.id(), told, now).is_ok()
    }

    #[test]
    fn a_stream_keeps_so_many_answers_and_so_many_bytes() {
        let streams = WriteStreams::default();
        let log = stream(&streams, 1);
        for _ in 0..ANSWERS + 10 {
            answer(&log, 0);
        }
        assert!(found(&streams, &log, 10, NOW) && !found(&streams, &log, 9, NOW));
        answer(&log, ANSWER_BYTES * 2);
        let last = ANSWERS as u64 + 10;
        assert!(found(&streams, &log, last, NOW), "the answer that is yet to be told stays");
        assert!(!found(&streams, &log, last - 1, NOW));
        log.forget_to(last + 1);
        assert_eq!(streams.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn streams_that_were_left_go_in_time_or_when_there_is_no_room() {
        let streams = WriteStreams::default();
        let logs: Vec<_> = (1..=3).map(|name| stream(&streams, name)).collect();
        streams.left(&logs[0], 1, NOW);
        streams.left(&logs[1], 1, NOW);
        assert_eq!(
            streams.find(&database(), &Principal::Anonymous, logs[1].id(), 0, NOW).expect("kept").take_over(),
            2
        );
        streams.left(&logs[1], 1, NOW);
        assert!(!found(&streams, &logs[0], 0, KEPT), "its time is over");
        assert!(found(&streams, &logs[1], 0, KEPT), "somebody holds it again");
        assert!(found(&streams, &logs[2], 0, KEPT), "it was never left");
        streams.left(&logs[1], 2, KEPT);
        answer(&logs[2], ALL_BYTES + 1024);
        assert!(!found(&streams, &logs[1], 0, KEPT), "it had to make room");
        drop(logs);
        assert_eq!(streams.table.lock().by_id.len(), 1);
    }

    #[tokio::test]
    async fn a_commit_that_is_lost_fails_the_stream() {
        let log = stream(&WriteStreams::default(), 1);
        drop(log.begin());
        assert!(log.is_busy(0));
        assert_eq!(log.after(0, 1).await.map_err(|fault| fault.code), Err(model::Code::Internal));
    }
}
