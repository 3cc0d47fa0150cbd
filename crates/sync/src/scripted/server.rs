//! The server that plays a script: a few documents, calls that are written down, and a way to break.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::target::ResumeType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    AggregationResult, BatchGetDocumentsRequest, BatchGetDocumentsResponse, ListenRequest, ListenResponse,
    RunAggregationQueryRequest, RunAggregationQueryResponse, RunQueryRequest, RunQueryResponse, Value,
    batch_get_documents_request, batch_get_documents_response, listen_request, run_aggregation_query_request,
    run_query_request, structured_aggregation_query, value::ValueType,
};
use http::{Request, Response};
use hyper_util::rt::TokioIo;
use prost_types::Timestamp;
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;

use super::collection::{self, Version, full_name, short};
use super::lines::Line;
use crate::time::Time;

/// Before a connection is cut: until what was said has arrived and nobody has anything to do.
const ARRIVED: Duration = Duration::from_millis(1);

/// The script's time zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(pub(super) Time);

impl Clock {
    pub(super) fn at(self, seconds: i64) -> Time {
        Time(self.0.0 + seconds * 1_000_000)
    }

    pub(super) fn seconds(self, time: Time) -> String {
        format!("@{}", (time.0 - self.0.0) as f64 / 1e6)
    }
}

/// What goes wrong with one call: after so many documents it fails, or is silent for ever.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) after: usize,
    pub(super) status: Option<Status>,
}

/// What the server has, and does.
pub(super) struct Play {
    pub(super) clock: Clock,
    pub(super) documents: BTreeMap<String, Version>,
    pub(super) now: i64,
    pub(super) listens: VecDeque<Vec<Line>>,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    /// What has happened, in lines.
    pub(super) log: Vec<String>,
    connection: Option<AbortHandle>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Scripted(Arc<Mutex<Play>>);

type Answer<T> = Result<tonic::Response<ReceiverStream<Result<T, Status>>>, Status>;

impl Scripted {
    pub(super) fn new(clock: Clock) -> Scripted {
        let (documents, listens, faults) = (BTreeMap::new(), VecDeque::new(), HashMap::new());
        let (log, connection) = (Vec::new(), None);
        Scripted(Arc::new(Mutex::new(Play { clock, documents, now: 0, listens, faults, log, connection })))
    }

    pub(super) fn play(&self) -> MutexGuard<'_, Play> {
        self.0.lock().expect("a test that panics has failed")
    }

    /// Serves, and answers a channel that leads here.
    pub(super) fn serve(&self) -> Channel {
        let (incoming, connections) = mpsc::unbounded_channel();
        let serving = Server::builder().add_service(self.clone());
        tokio::spawn(serving.serve_with_incoming(UnboundedReceiverStream::new(connections)));
        let this = self.clone();
        let connector = tower::service_fn(move |_| {
            let connected = this.connect(&incoming);
            async move { Ok::<_, Infallible>(TokioIo::new(connected)) }
        });
        Endpoint::from_static("http://scripted").connect_with_connector_lazy(connector)
    }

    /// A pipe with a joint in its middle, where it can be cut.
    fn connect(&self, incoming: &mpsc::UnboundedSender<Result<DuplexStream, Infallible>>) -> DuplexStream {
        let (client, mut near) = duplex(1 << 16);
        let (mut far, server) = duplex(1 << 16);
        let joint = tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await.map(|_| ()) });
        self.play().connection = Some(joint.abort_handle());
        // Without a server the client finds its pipe closed.
        let _ = incoming.send(Ok(server));
        client
    }

    fn run_query(&self, request: &RunQueryRequest) -> Answer<RunQueryResponse> {
        let Some(run_query_request::QueryType::StructuredQuery(query)) = &request.query_type else {
            return Err(Status::unimplemented("only structured queries"));
        };
        let at = match &request.consistency_selector {
            Some(run_query_request::ConsistencySelector::ReadTime(at)) => Some(*at),
            Some(_) | None => None,
        };
        let mut play = self.play();
        let said = format!("query{}{}", collection::asked(query, play.clock), play.said_time(at));
        play.log.push(said);
        let read_time = Some(at.unwrap_or_else(|| play.clock.at(play.now).to_wire()));
        let mut parts: Vec<_> = collection::found(&play.documents, query, play.clock)
            .into_iter()
            .map(|document| RunQueryResponse { document: Some(document), read_time, ..Default::default() })
            .collect();
        if parts.is_empty() {
            parts.push(RunQueryResponse { read_time, ..Default::default() });
        }
        play.answer("query", parts)
    }

    fn count(&self, request: &RunAggregationQueryRequest) -> Answer<RunAggregationQueryResponse> {
        let at = match &request.consistency_selector {
            Some(run_aggregation_query_request::ConsistencySelector::ReadTime(at)) => Some(*at),
            Some(_) | None => None,
        };
        let Some(run_aggregation_query_request::QueryType::StructuredAggregationQuery(query)) =
            &request.query_type
        else {
            return Err(Status::unimplemented("only structured queries"));
        };
        let Some(structured_aggregation_query::QueryType::StructuredQuery(query)) = &query.query_type else {
            return Err(Status::unimplemented("only structured queries"));
        };
        let mut play = self.play();
        let said = format!("count{}{}", collection::asked(query, play.clock), play.said_time(at));
        play.log.push(said);
        let count = collection::found(&play.documents, query, play.clock).len();
        let count = Value { value_type: Some(ValueType::IntegerValue(count as i64)) };
        let result = AggregationResult { aggregate_fields: [("n".to_owned(), count)].into() };
        let read_time = Some(at.unwrap_or_else(|| play.clock.at(play.now).to_wire()));
        let part = RunAggregationQueryResponse { result: Some(result), read_time, ..Default::default() };
        play.answer("count", vec![part])
    }

    fn get(&self, request: &BatchGetDocumentsRequest) -> Answer<BatchGetDocumentsResponse> {
        let at = match &request.consistency_selector {
            Some(batch_get_documents_request::ConsistencySelector::ReadTime(at)) => Some(*at),
            Some(_) | None => None,
        };
        let mut play = self.play();
        let names: Vec<_> = request.documents.iter().map(|name| short(name)).collect();
        let said = format!("get {}{}", names.join(" "), play.said_time(at));
        play.log.push(said);
        let part = |name: &&str| {
            let found = play.documents.get(*name);
            let result = match found {
                Some(version) => {
                    batch_get_documents_response::Result::Found(version.document(name, play.clock))
                }
                None => batch_get_documents_response::Result::Missing(full_name(name)),
            };
            BatchGetDocumentsResponse { result: Some(result), read_time: at, ..Default::default() }
        };
        let parts = names.iter().map(part).collect();
        play.answer("get", parts)
    }

    async fn listen(&self, mut asking: Streaming<ListenRequest>) -> Answer<ListenResponse> {
        let first = asking.message().await?.unwrap_or_default();
        let Some(listen_request::TargetChange::AddTarget(target)) = first.target_change else {
            return Err(Status::invalid_argument("no target"));
        };
        let mut play = self.play();
        let from = match &target.resume_type {
            Some(ResumeType::ResumeToken(token)) => format!(" token={}", String::from_utf8_lossy(token)),
            Some(ResumeType::ReadTime(at)) => play.said_time(Some(*at)),
            None => String::new(),
        };
        let expected = target.expected_count.map(|count| format!(" expecting={count}")).unwrap_or_default();
        play.log.push(format!("listen{from}{expected}"));
        let lines = play.listens.pop_front().unwrap_or_default();
        let connection = play.connection.clone();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            // Reads on, so that a client that ends its stream is noticed.
            let saying = say(lines, sender, connection);
            let hearing = async { while let Ok(Some(_)) = asking.message().await {} };
            tokio::join!(saying, hearing);
        });
        Ok(tonic::Response::new(ReceiverStream::new(receiver)))
    }
}

/// Plays its lines, then is silent until the listener goes.
async fn say(
    lines: Vec<Line>,
    to: mpsc::Sender<Result<ListenResponse, Status>>,
    connection: Option<AbortHandle>,
) {
    for line in lines {
        let said = match line {
            Line::Say(message) => to.send(Ok(*message)).await,
            Line::Wait(time) => {
                tokio::time::sleep(time).await;
                continue;
            }
            Line::Fail(status) => to.send(Err(status)).await,
            Line::End => return,
            Line::Cut => {
                tokio::time::sleep(ARRIVED).await;
                return connection.into_iter().for_each(|connection| connection.abort());
            }
        };
        // The listener has gone.
        if said.is_err() {
            return;
        }
    }
    to.closed().await;
}

impl Play {
    fn said_time(&self, at: Option<Timestamp>) -> String {
        at.map(|at| format!(" at={}", self.clock.seconds(Time::from_wire(&at)))).unwrap_or_default()
    }

    fn answer<T: Send + 'static>(&mut self, kind: &str, mut parts: Vec<T>) -> Answer<T> {
        let fault = self.faults.get_mut(kind).and_then(VecDeque::pop_front);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            if let Some(fault) = &fault {
                parts.truncate(fault.after);
            }
            for part in parts {
                if sender.send(Ok(part)).await.is_err() {
                    return;
                }
            }
            match fault {
                Some(Fault { status: Some(status), .. }) => drop(sender.send(Err(status)).await),
                Some(Fault { status: None, .. }) => sender.closed().await,
                None => {}
            }
        });
        Ok(tonic::Response::new(ReceiverStream::new(receiver)))
    }
}

impl NamedService for Scripted {
    const NAME: &'static str = "google.firestore.v1.Firestore";
}

impl tower::Service<Request<Body>> for Scripted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                "RunQuery" => {
                    let run = tower::service_fn(move |request: tonic::Request<_>| {
                        std::future::ready(this.run_query(request.get_ref()))
                    });
                    Grpc::new(ProstCodec::default()).server_streaming(run, request).await
                }
                "RunAggregationQuery" => {
                    let run = tower::service_fn(move |request: tonic::Request<_>| {
                        std::future::ready(this.count(request.get_ref()))
                    });
                    Grpc::new(ProstCodec::default()).server_streaming(run, request).await
                }
                "BatchGetDocuments" => {
                    let run = tower::service_fn(move |request: tonic::Request<_>| {
                        std::future::ready(this.get(request.get_ref()))
                    });
                    Grpc::new(ProstCodec::default()).server_streaming(run, request).await
                }
                "Listen" => {
                    let run = tower::service_fn(move |request: tonic::Request<_>| {
                        let this = this.clone();
                        async move { this.listen(request.into_inner()).await }
                    });
                    Grpc::new(ProstCodec::default()).streaming(run, request).await
                }
                other => Status::new(Code::Unimplemented, other).into_http(),
            })
        })
    }
}
