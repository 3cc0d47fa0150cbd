//! Clients of the Datastore API: entities put, looked up and asked for below an ancestor, and addresses registered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use googleapis_tonic_google_datastore_v1::google::datastore::v1 as wire;
use host::Random;
use tonic::Code;
use tonic::transport::Channel;
use wire::commit_request::{Mode, TransactionSelector};
use wire::datastore_client::DatastoreClient;
use wire::key::PathElement;
use wire::key::path_element::IdType;
use wire::mutation::Operation;
use wire::read_options::ConsistencyType;
use wire::value::ValueType;

use super::bulk;
use crate::contenders::lean::{LeanClient, LeanMethod};
use crate::failure::Failure;
use crate::load::Client;
use crate::sample::{self, Sample};

/// The project of all benchmarks, and a database of its own: the other one holds documents.
const PROJECT: &str = "bench";
const DATABASE: &str = "entities";
/// Mutations of one commit while entities are loaded.
const BATCH: u64 = 500;
/// Results of one query.
const RESULTS: usize = 10;
/// The declared index that the guestbook's query reads.
pub const INDEX_YAML: &str = "\
indexes:
- kind: Greeting
  ancestor: yes
  properties:
  - name: date
    direction: desc
";

type Datastore = DatastoreClient<Channel>;

fn element(kind: &str, name: String) -> PathElement {
    PathElement { kind: kind.to_owned(), id_type: Some(IdType::Name(name)) }
}

fn key(path: Vec<PathElement>) -> wire::Key {
    let partition = wire::PartitionId {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        namespace_id: String::new(),
    };
    wire::Key { partition_id: Some(partition), path }
}

fn value(kind: ValueType) -> wire::Value {
    wire::Value { value_type: Some(kind), ..wire::Value::default() }
}

fn upsert(key: wire::Key, properties: BTreeMap<String, wire::Value>) -> wire::Mutation {
    let entity = wire::Entity { key: Some(key), properties };
    wire::Mutation { operation: Some(Operation::Upsert(entity)), ..wire::Mutation::default() }
}

fn commit(mutations: Vec<wire::Mutation>, transaction: Option<bytes::Bytes>) -> wire::CommitRequest {
    let mode = if transaction.is_some() { Mode::Transactional } else { Mode::NonTransactional };
    wire::CommitRequest {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        mode: mode.into(),
        mutations,
        transaction_selector: transaction.map(TransactionSelector::Transaction),
    }
}

fn properties(sample: Sample) -> BTreeMap<String, wire::Value> {
    BTreeMap::from([
        ("owner".to_owned(), value(ValueType::StringValue(sample.owner))),
        ("score".to_owned(), value(ValueType::IntegerValue(sample.score))),
        ("text".to_owned(), value(ValueType::StringValue(sample.text))),
    ])
}

/// Puts one new sample entity after the other.
pub struct PutClient {
    connection: LeanClient,
    commit: LeanMethod,
    random: Random,
}

impl PutClient {
    /// So many clients, each with a connection of its own.
    pub async fn several(address: std::net::SocketAddr, count: usize) -> Result<Vec<Self>, Failure> {
        let connections = LeanClient::several(address, count).await?;
        let client = |(number, connection): (usize, LeanClient)| {
            let commit = connection.method("/google.datastore.v1.Datastore/Commit")?;
            Ok(PutClient { connection, commit, random: Random::from_seed(number as u64) })
        };
        connections.into_iter().enumerate().map(client).collect()
    }
}

impl Client for PutClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let path = vec![element(sample::COLLECTION, sample::id(&self.random))];
        let mutation = upsert(key(path), properties(Sample::random(&self.random)));
        let committed: wire::CommitResponse =
            self.connection.call(&self.commit, &commit(vec![mutation], None)).await?;
        match committed.mutation_results.len() {
            1 => Ok(()),
            other => Err(Failure::new(format!("a commit of one mutation was answered with {other} results"))),
        }
    }
}

/// Loads as many greetings below one book: each an entity of the samples' size, with a date.
pub async fn load_greetings(channel: Channel, greetings: u64) -> Result<(), Failure> {
    let mut client = Datastore::new(channel);
    let random = Random::from_seed(1);
    for first in (0..greetings).step_by(BATCH as usize) {
        let greeting = |number: u64| {
            let date = prost_types::Timestamp { seconds: 1_600_000_000 + number as i64, nanos: 0 };
            let mut properties = properties(Sample::random(&random));
            properties.insert("date".to_owned(), value(ValueType::TimestampValue(date)));
            upsert(greeting_key(number), properties)
        };
        let mutations = (first..greetings.min(first + BATCH)).map(greeting).collect();
        client.commit(commit(mutations, None)).await?;
    }
    Ok(())
}

fn book() -> PathElement {
    element("Guestbook", "default".to_owned())
}

fn greeting_key(number: u64) -> wire::Key {
    key(vec![book(), element("Greeting", bulk::id(number))])
}

/// Looks up one greeting after the other, at random.
pub struct LookupReader {
    client: Datastore,
    greetings: u64,
    random: Random,
}

impl LookupReader {
    pub fn new(channel: Channel, greetings: u64, random: Random) -> Self {
        LookupReader { client: Datastore::new(channel), greetings, random }
    }
}

impl Client for LookupReader {
    async fn operate(&mut self) -> Result<(), Failure> {
        let request = wire::LookupRequest {
            project_id: PROJECT.to_owned(),
            database_id: DATABASE.to_owned(),
            keys: vec![greeting_key(self.random.next() % self.greetings)],
            ..wire::LookupRequest::default()
        };
        match self.client.lookup(request).await?.into_inner().found.len() {
            1 => Ok(()),
            _ => Err(Failure::new("an entity that was loaded is not found")),
        }
    }
}

/// Asks for the ten newest greetings of the book.
pub struct NewestReader {
    client: Datastore,
}

impl NewestReader {
    pub fn new(channel: Channel) -> Self {
        NewestReader { client: Datastore::new(channel) }
    }
}

impl Client for NewestReader {
    async fn operate(&mut self) -> Result<(), Failure> {
        let name = |name: &str| Some(wire::PropertyReference { name: name.to_owned() });
        let ancestor = wire::PropertyFilter {
            property: name("__key__"),
            op: wire::property_filter::Operator::HasAncestor.into(),
            value: Some(value(ValueType::KeyValue(key(vec![book()])))),
        };
        let newest_first = wire::PropertyOrder {
            property: name("date"),
            direction: wire::property_order::Direction::Descending.into(),
        };
        let query = wire::Query {
            kind: vec![wire::KindExpression { name: "Greeting".to_owned() }],
            filter: Some(wire::Filter {
                filter_type: Some(wire::filter::FilterType::PropertyFilter(ancestor)),
            }),
            order: vec![newest_first],
            limit: Some(i32::try_from(RESULTS).expect("ten")),
            ..wire::Query::default()
        };
        let request = wire::RunQueryRequest {
            project_id: PROJECT.to_owned(),
            database_id: DATABASE.to_owned(),
            query_type: Some(wire::run_query_request::QueryType::Query(query)),
            ..wire::RunQueryRequest::default()
        };
        let batch = self.client.run_query(request).await?.into_inner().batch.unwrap_or_default();
        match batch.entity_results.len() {
            RESULTS => Ok(()),
            other => Err(Failure::new(format!("{other} results instead of {RESULTS}"))),
        }
    }
}

/// What many who registered the same addresses at once have seen.
#[derive(Default)]
pub struct Registered {
    /// Addresses that somebody got, by how often.
    pub got: AtomicU64,
    /// Addresses that were found taken.
    pub taken: AtomicU64,
    /// Attempts that lost, and were repeated.
    pub aborted: AtomicU64,
    next: AtomicU64,
}

/// Registers addresses until `attempts` are made by all together; `rivals` in a row are for one address.
pub async fn register(
    channel: Channel,
    registered: Arc<Registered>,
    attempts: u64,
    rivals: u64,
) -> Result<(), Failure> {
    let mut client = Datastore::new(channel);
    loop {
        let attempt = registered.next.fetch_add(1, Ordering::Relaxed);
        if attempt >= attempts {
            return Ok(());
        }
        let address = format!("{}@example.com", attempt / rivals);
        let mut previous = bytes::Bytes::new();
        while !register_once(&mut client, &registered, &address, &mut previous).await? {
            registered.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Looks whether the address is there, and puts it, in one transaction; false when that lost.
async fn register_once(
    client: &mut Datastore,
    registered: &Registered,
    address: &str,
    previous: &mut bytes::Bytes,
) -> Result<bool, Failure> {
    let options = wire::transaction_options::ReadWrite { previous_transaction: previous.clone() };
    let mode = Some(wire::transaction_options::Mode::ReadWrite(options));
    let begin = wire::BeginTransactionRequest {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        transaction_options: Some(wire::TransactionOptions { mode }),
    };
    let transaction = client.begin_transaction(begin).await?.into_inner().transaction;
    *previous = transaction.clone();
    let own = key(vec![element("Email", address.to_owned())]);
    let lookup = wire::LookupRequest {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        read_options: Some(wire::ReadOptions {
            consistency_type: Some(ConsistencyType::Transaction(transaction.clone())),
        }),
        keys: vec![own.clone()],
        property_mask: None,
    };
    let found = match client.lookup(lookup).await {
        Ok(answer) => !answer.into_inner().found.is_empty(),
        Err(status) if status.code() == Code::Aborted => return Ok(false),
        Err(status) => return Err(status.into()),
    };
    let mutations = if found { vec![] } else { vec![upsert(own, BTreeMap::new())] };
    match client.commit(commit(mutations, Some(transaction))).await {
        Ok(_) => {
            let count = if found { &registered.taken } else { &registered.got };
            count.fetch_add(1, Ordering::Relaxed);
            Ok(true)
        }
        Err(status) if status.code() == Code::Aborted => Ok(false),
        Err(status) => Err(status.into()),
    }
}
