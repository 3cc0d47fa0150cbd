//! Clients of the Datastore API: entities put, a guestbook ([`guestbook`]), addresses registered ([`register`]).

pub mod guestbook;
pub mod register;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use googleapis_tonic_google_datastore_v1::google::datastore::v1 as wire;
use host::Random;
use wire::commit_request::{Mode, TransactionSelector};
use wire::key::PathElement;
use wire::key::path_element::IdType;
use wire::mutation::Operation;
use wire::value::ValueType;

use crate::contenders::lean::{LeanClient, LeanMethod};
use crate::failure::Failure;
use crate::load::Client;
use crate::sample::{self, Sample};

/// The project of all benchmarks, and a database of its own: the other one holds documents.
const PROJECT: &str = "bench";
const DATABASE: &str = "entities";
const COMMIT: &str = "/google.datastore.v1.Datastore/Commit";

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

/// Where new entities come to lie.
#[derive(Clone, Copy)]
pub enum Group {
    /// Each is the root of a group of its own.
    Own,
    /// All lie below one root.
    Same,
}

/// Puts one new sample entity after the other.
pub struct PutClient {
    connection: LeanClient,
    commit: LeanMethod,
    group: Group,
    random: Random,
}

impl PutClient {
    /// So many clients, each with a connection of its own.
    pub async fn several(address: SocketAddr, count: usize, group: Group) -> Result<Vec<Self>, Failure> {
        let connections = LeanClient::several(address, count).await?;
        let client = |(seed, connection): (u64, LeanClient)| {
            let commit = connection.method(COMMIT)?;
            Ok(PutClient { connection, commit, group, random: Random::from_seed(seed) })
        };
        (0..).zip(connections).map(client).collect()
    }
}

impl Client for PutClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let own = element(sample::COLLECTION, sample::id(&self.random));
        let path = match self.group {
            Group::Own => vec![own],
            Group::Same => vec![element("Root", "only".to_owned()), own],
        };
        let mutation = upsert(key(path), properties(Sample::random(&self.random)));
        let committed: wire::CommitResponse =
            self.connection.call(&self.commit, &commit(vec![mutation], None)).await?;
        match committed.mutation_results.len() {
            1 => Ok(()),
            other => Err(Failure::new(format!("a commit of one mutation was answered with {other} results"))),
        }
    }
}
