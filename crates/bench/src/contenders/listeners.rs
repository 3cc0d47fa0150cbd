//! Listeners: many streams over some connections, each with one target, as browsers behind proxies have them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use prost::Message;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use wire::listen_request::TargetChange as Request;
use wire::listen_response::ResponseType as Response;
use wire::structured_query::{CollectionSelector, FieldFilter, FieldReference, Filter, field_filter, filter};
use wire::target::{DocumentsTarget, QueryTarget, TargetType, query_target};
use wire::target_change::TargetChangeType;
use wire::value::ValueType;

use super::firestore::{DATABASE, DOCUMENTS};
use super::lean::LeanClient;
use crate::failure::Failure;
use crate::sample::value;

/// Streams that share a connection: as many as every HTTP/2 server allows.
pub const STREAMS_OF_ONE_CONNECTION: usize = 100;
/// The longest that an answer may take which all listeners wait for.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first byte of an answer that tells a changed document: field 3, a message.
const DOCUMENT_CHANGE: u8 = 3 << 3 | 2;
/// Events that a reader of them may be behind.
const EVENTS: usize = 1_024;

/// Streams that are open until this is dropped.
pub struct Listeners {
    tasks: JoinSet<Failure>,
    current: Arc<Tally>,
    changes: Arc<Tally>,
}

/// A document has changed, and the boundary after it has come.
pub struct Event {
    pub document: wire::Document,
    pub at: Instant,
}

/// Counts, and tells when a goal is reached.
#[derive(Default)]
struct Tally {
    count: AtomicUsize,
    goal: AtomicUsize,
    reached: Notify,
}

impl Tally {
    fn add(&self) {
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.goal.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    async fn reach(&self, goal: usize) {
        self.goal.store(goal, Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) < goal {
            self.reached.notified().await;
        }
    }
}

impl Listeners {
    /// Opens one stream for each target, spread over the connections, and waits until each has its first result.
    pub async fn open(connections: &[LeanClient], targets: Vec<TargetType>) -> Result<Self, Failure> {
        let (current, changes) = <(Arc<Tally>, Arc<Tally>)>::default();
        let mut listeners = Listeners { tasks: JoinSet::new(), current, changes };
        let count = targets.len();
        for (target, connection) in targets.into_iter().zip(connections.iter().cycle()) {
            let (current, changes) = (listeners.current.clone(), listeners.changes.clone());
            let listening = listen(connection.clone(), target, current, move |heard| match heard {
                Heard::Change(_) => {
                    changes.add();
                    Ok(())
                }
                Heard::Target(_) => Ok(()),
            });
            listeners.tasks.spawn(listening);
        }
        let current = listeners.current.clone();
        listeners.wait(current.reach(count)).await?;
        Ok(listeners)
    }

    /// Opens one stream and answers its events, one for each boundary after a change.
    pub async fn follow(
        connection: LeanClient,
        target: TargetType,
    ) -> Result<(Self, mpsc::Receiver<Event>), Failure> {
        let (sender, events) = mpsc::channel(EVENTS);
        let mut listeners =
            Listeners { tasks: JoinSet::new(), current: Arc::default(), changes: Arc::default() };
        let mut changed = None;
        listeners.tasks.spawn(listen(connection, target, listeners.current.clone(), move |heard| {
            let at = Instant::now();
            match heard {
                Heard::Change(bytes) => changed = change(bytes)?,
                Heard::Target(change) if change.target_ids.is_empty() => {
                    if let Some(document) = changed.take() {
                        // Who is gone or far behind does not want it.
                        drop(sender.try_send(Event { document, at }));
                    }
                }
                Heard::Target(_) => {}
            }
            Ok(())
        }));
        let current = listeners.current.clone();
        listeners.wait(current.reach(1)).await?;
        Ok((listeners, events))
    }

    /// Document changes that have come so far, those of the first results included.
    pub fn changes(&self) -> usize {
        self.changes.count.load(Ordering::SeqCst)
    }

    /// Waits for so many in all.
    pub async fn reach(&mut self, changes: usize) -> Result<(), Failure> {
        let tally = self.changes.clone();
        self.wait(tally.reach(changes)).await
    }

    async fn wait(&mut self, reached: impl Future<Output = ()>) -> Result<(), Failure> {
        tokio::select! {
            () = reached => Ok(()),
            Some(ended) = self.tasks.join_next() => {
                Err(ended.unwrap_or_else(|error| Failure::new(format!("a listener failed: {error}"))))
            }
            () = tokio::time::sleep(PATIENCE) => Err(Failure::new("listeners wait for ever")),
        }
    }
}

/// What a listener hears.
enum Heard {
    /// A document has changed: the whole message, which only some look into.
    Change(Bytes),
    Target(wire::TargetChange),
}

/// Reads one stream to its end, which should not come.
async fn listen(
    connection: LeanClient,
    target: TargetType,
    current: Arc<Tally>,
    told: impl FnMut(Heard) -> Result<(), Failure> + Send,
) -> Failure {
    match read(connection, target, current, told).await {
        Ok(never) => match never {},
        Err(failure) => failure,
    }
}

async fn read(
    mut connection: LeanClient,
    target: TargetType,
    current: Arc<Tally>,
    mut told: impl FnMut(Heard) -> Result<(), Failure> + Send,
) -> Result<Infallible, Failure> {
    let target = wire::Target { target_id: 1, target_type: Some(target), ..wire::Target::default() };
    let request = wire::ListenRequest {
        database: DATABASE.to_owned(),
        target_change: Some(Request::AddTarget(target)),
        ..wire::ListenRequest::default()
    };
    let method = connection.method("/google.firestore.v1.Firestore/Listen")?;
    let mut answers = connection.stream(&method, &request).await?;
    loop {
        let message = answers.next().await?;
        if message.first() == Some(&DOCUMENT_CHANGE) {
            told(Heard::Change(message))?;
            continue;
        }
        let message = wire::ListenResponse::decode(message).map_err(Failure::doing("read an answer"))?;
        let Some(Response::TargetChange(change)) = message.response_type else { continue };
        match change.target_change_type() {
            TargetChangeType::Current => current.add(),
            TargetChangeType::Remove => {
                return Err(Failure::new(format!("refused: {:?}", change.cause)));
            }
            TargetChangeType::Add | TargetChangeType::Reset | TargetChangeType::NoChange => {}
        }
        told(Heard::Target(change))?;
    }
}

fn change(message: Bytes) -> Result<Option<wire::Document>, Failure> {
    let message = wire::ListenResponse::decode(message).map_err(Failure::doing("read an answer"))?;
    Ok(match message.response_type {
        Some(Response::DocumentChange(change)) => change.document,
        Some(
            Response::TargetChange(_)
            | Response::DocumentDelete(_)
            | Response::DocumentRemove(_)
            | Response::Filter(_),
        )
        | None => None,
    })
}

/// Everything in one collection; with an owner, only what is theirs.
pub fn collection(id: &str, owner: Option<String>) -> TargetType {
    let from = CollectionSelector { collection_id: id.to_owned(), all_descendants: false };
    let theirs = |owner| {
        let filter = FieldFilter {
            field: Some(FieldReference { field_path: "owner".to_owned() }),
            op: field_filter::Operator::Equal.into(),
            value: Some(value(ValueType::StringValue(owner))),
        };
        Filter { filter_type: Some(filter::FilterType::FieldFilter(filter)) }
    };
    let query = wire::StructuredQuery {
        from: vec![from],
        r#where: owner.map(theirs),
        ..wire::StructuredQuery::default()
    };
    TargetType::Query(QueryTarget {
        parent: DOCUMENTS.to_owned(),
        query_type: Some(query_target::QueryType::StructuredQuery(query)),
    })
}

/// One document by its full name.
pub fn document(name: String) -> TargetType {
    TargetType::Documents(DocumentsTarget { documents: vec![name] })
}
