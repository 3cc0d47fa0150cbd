//! The calls that are made, each with its deadline, credentials and routing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as firestore;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::structured_aggregation_query::{
    Aggregation, QueryType, aggregation,
};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    BatchGetDocumentsRequest, BatchGetDocumentsResponse, Document, ListenRequest, ListenResponse,
    RunAggregationQueryRequest, RunQueryRequest, RunQueryResponse, StructuredAggregationQuery,
    StructuredQuery, batch_get_documents_request, batch_get_documents_response,
    run_aggregation_query_request, run_query_request,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::connection::Address;
use crate::credentials::Credentials;
use crate::failure::{Failure, Kind};
use crate::meters::Meters;
use crate::source::Source;
use crate::time::Time;

/// The longest wait for an answer, or for the next part of one. A count of millions may take so long.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(70);
/// One message: a document of 1 MiB and what is around it, with room.
const MOST_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// The name of the count in an aggregation.
const COUNT: &str = "n";
/// What a failure was about.
const FETCHING: &str = "could not fetch documents";

/// A connection to one database.
pub struct Client {
    firestore: FirestoreClient<Channel>,
    source: Source,
    credentials: Arc<Credentials>,
    meters: Arc<Meters>,
}

impl Client {
    /// A client that connects when it first asks.
    ///
    /// # Errors
    ///
    /// The address or the source cannot be right.
    pub fn new(
        address: &Address,
        source: Source,
        credentials: Arc<Credentials>,
        meters: Arc<Meters>,
    ) -> Result<Client, Failure> {
        let channel = address.channel(Arc::clone(&meters))?;
        Client::over(channel, source, credentials, meters)
    }

    /// A client over a channel that is there. The channel counts the bytes, or nobody.
    pub(crate) fn over(
        channel: Channel,
        source: Source,
        credentials: Arc<Credentials>,
        meters: Arc<Meters>,
    ) -> Result<Client, Failure> {
        source.check()?;
        let firestore = FirestoreClient::new(channel).max_decoding_message_size(MOST_MESSAGE_BYTES);
        Ok(Client { firestore, source, credentials, meters })
    }

    /// What is followed.
    pub fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn meters(&self) -> Arc<Meters> {
        Arc::clone(&self.meters)
    }

    /// Runs a query, now or as of a time.
    pub(crate) async fn run_query(
        &self,
        query: StructuredQuery,
        at: Option<Time>,
    ) -> Result<Answer, Failure> {
        let request = RunQueryRequest {
            parent: self.source.parent(),
            query_type: Some(run_query_request::QueryType::StructuredQuery(query)),
            consistency_selector: at.map(|at| run_query_request::ConsistencySelector::ReadTime(at.to_wire())),
            ..RunQueryRequest::default()
        };
        let mut firestore = self.firestore.clone();
        let stream =
            self.answered("could not read", firestore.run_query(self.request(request).await?)).await?;
        Ok(Answer { stream, read_time: None })
    }

    /// How many documents a query has, and when that was so.
    pub(crate) async fn count(
        &self,
        query: StructuredQuery,
        at: Option<Time>,
    ) -> Result<(u64, Time), Failure> {
        let count = Aggregation {
            alias: COUNT.to_owned(),
            operator: Some(aggregation::Operator::Count(aggregation::Count { up_to: None })),
        };
        let query = StructuredAggregationQuery {
            aggregations: vec![count],
            query_type: Some(QueryType::StructuredQuery(query)),
        };
        let request = RunAggregationQueryRequest {
            parent: self.source.parent(),
            query_type: Some(run_aggregation_query_request::QueryType::StructuredAggregationQuery(query)),
            consistency_selector: at
                .map(|at| run_aggregation_query_request::ConsistencySelector::ReadTime(at.to_wire())),
            ..RunAggregationQueryRequest::default()
        };
        let doing = "could not count";
        let mut firestore = self.firestore.clone();
        let mut stream =
            self.answered(doing, firestore.run_aggregation_query(self.request(request).await?)).await?;
        while let Some(part) = self.next(doing, &mut stream).await? {
            let counted = part.result.as_ref().and_then(|result| result.aggregate_fields.get(COUNT));
            if let (Some(firestore::value::ValueType::IntegerValue(count)), Some(time)) =
                (counted.and_then(|value| value.value_type.as_ref()), &part.read_time)
            {
                return Ok((u64::try_from(*count).unwrap_or(0), Time::from_wire(time)));
            }
        }
        Err(Failure::new(Kind::Passing, "could not count: the server's answer has no number"))
    }

    /// Reads documents by their names as of a time; of those that are not there, nothing comes.
    pub(crate) async fn get(&self, names: &[String], at: Time) -> Result<Found, Failure> {
        let root = self.source.root();
        let request = BatchGetDocumentsRequest {
            database: self.source.database_name(),
            documents: names.iter().map(|name| format!("{root}{name}")).collect(),
            consistency_selector: Some(batch_get_documents_request::ConsistencySelector::ReadTime(
                at.to_wire(),
            )),
            ..BatchGetDocumentsRequest::default()
        };
        let mut firestore = self.firestore.clone();
        let stream =
            self.answered(FETCHING, firestore.batch_get_documents(self.request(request).await?)).await?;
        Ok(Found { stream })
    }

    /// Begins to listen. The sender must be kept: without it the stream ends.
    pub(crate) async fn listen(
        &self,
        first: ListenRequest,
    ) -> Result<(mpsc::Sender<ListenRequest>, Streaming<ListenResponse>), Failure> {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(first).expect("a new channel has room for one");
        let mut firestore = self.firestore.clone();
        let request = self.request(ReceiverStream::new(receiver)).await?;
        let stream = self.answered("could not listen", firestore.listen(request)).await?;
        Ok((sender, stream))
    }

    /// What a status of the server's means here; a token that was not taken is thrown away.
    pub(crate) fn failure(&self, doing: &str, status: &Status) -> Failure {
        let failure = Failure::of_status(doing, status);
        if failure.kind == Kind::Unauthenticated {
            self.credentials.renew();
        }
        failure
    }

    async fn answered<T>(
        &self,
        doing: &str,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Failure> {
        self.meters.calls.fetch_add(1, Ordering::Relaxed);
        let answer = tokio::time::timeout(ANSWER_LIMIT, call)
            .await
            .map_err(|_| Failure::too_slow(doing, ANSWER_LIMIT))?;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failure(doing, &status))
    }

    async fn next<T>(&self, doing: &str, stream: &mut Streaming<T>) -> Result<Option<T>, Failure> {
        let next = tokio::time::timeout(ANSWER_LIMIT, stream.message())
            .await
            .map_err(|_| Failure::too_slow(doing, ANSWER_LIMIT))?;
        next.map_err(|status| self.failure(doing, &status))
    }

    /// A request with the headers that production routes by.
    async fn request<T>(&self, message: T) -> Result<Request<T>, Failure> {
        let mut request = Request::new(message);
        let database = self.source.database_name();
        let mut set = |name: &'static str, text: &str| {
            let value = MetadataValue::try_from(text).map_err(|_| {
                Failure::new(Kind::Query, format!("{database} has letters that the protocol cannot carry"))
            })?;
            request.metadata_mut().insert(name, value);
            Ok::<_, Failure>(())
        };
        set("google-cloud-resource-prefix", &database)?;
        set("x-goog-request-params", &format!("database={}", database.replace('/', "%2F")))?;
        let headers = self.credentials.headers(Time::now()).await?;
        if let Some(authorization) = &headers.authorization {
            set("authorization", authorization)?;
        }
        if let Some(project) = headers.user_project {
            set("x-goog-user-project", project)?;
        }
        Ok(request)
    }
}

/// The documents of a query, one after the other.
pub(crate) struct Answer {
    stream: Streaming<RunQueryResponse>,
    read_time: Option<Time>,
}

impl Answer {
    /// The next document; none after the last.
    pub(crate) async fn next(&mut self, client: &Client) -> Result<Option<Document>, Failure> {
        while let Some(part) = client.next("could not read", &mut self.stream).await? {
            if let Some(time) = &part.read_time {
                self.read_time.get_or_insert(Time::from_wire(time));
            }
            if part.document.is_some() {
                return Ok(part.document);
            }
        }
        Ok(None)
    }

    /// When all this is so; known when the first document has come, or none.
    ///
    /// # Errors
    ///
    /// The server did not say.
    pub(crate) fn read_time(&self) -> Result<Time, Failure> {
        self.read_time
            .ok_or_else(|| Failure::new(Kind::Passing, "could not read: the answer has no read time"))
    }
}

/// Documents that were asked for by name, one after the other.
pub(crate) struct Found {
    stream: Streaming<BatchGetDocumentsResponse>,
}

impl Found {
    /// The next document; none after the last.
    pub(crate) async fn next(&mut self, client: &Client) -> Result<Option<Document>, Failure> {
        while let Some(part) = client.next(FETCHING, &mut self.stream).await? {
            if let Some(batch_get_documents_response::Result::Found(document)) = part.result {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }
}
