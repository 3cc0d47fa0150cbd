//! Clients of a Firestore server: the published gRPC client, one connection each.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use host::Random;
use tonic::transport::{Channel, Endpoint};
use wire::firestore_client::FirestoreClient;
use wire::write::Operation;

use crate::contenders::lean::{LeanClient, LeanMethod};
use crate::failure::Failure;
use crate::load::Client;
use crate::sample::{self, COLLECTION, Sample};

/// The database of all benchmarks.
pub const DATABASE: &str = "projects/bench/databases/(default)";
/// What the names of all documents begin with.
pub const DOCUMENTS: &str = "projects/bench/databases/(default)/documents";

/// A client with a connection of its own.
pub type Firestore = FirestoreClient<Channel>;

/// Opens connections to one server.
pub async fn connect(address: SocketAddr, count: usize) -> Result<Vec<Channel>, Failure> {
    let endpoint =
        Endpoint::from_shared(format!("http://{address}")).map_err(Failure::doing("name a server"))?;
    let endpoint = endpoint.tcp_nodelay(true);
    let mut channels = Vec::with_capacity(count);
    for _ in 0..count {
        channels.push(endpoint.connect().await.map_err(Failure::doing(format!("connect to {address}")))?);
    }
    Ok(channels)
}

/// The full name of a document.
pub fn name(collection: &str, id: &str) -> String {
    format!("{DOCUMENTS}/{collection}/{id}")
}

/// A write that sets all fields of a document.
pub fn set(name: String, fields: BTreeMap<String, wire::Value>) -> wire::Write {
    let document = wire::Document { name, fields, ..wire::Document::default() };
    wire::Write { operation: Some(Operation::Update(document)), ..wire::Write::default() }
}

/// Commits without a transaction.
pub async fn commit(
    client: &mut Firestore,
    writes: Vec<wire::Write>,
) -> Result<wire::CommitResponse, Failure> {
    let request =
        wire::CommitRequest { database: DATABASE.to_owned(), writes, ..wire::CommitRequest::default() };
    Ok(client.commit(request).await?.into_inner())
}

/// Commits one new sample document after the other.
pub struct CommitClient {
    connection: LeanClient,
    commit: LeanMethod,
    random: Random,
}

impl CommitClient {
    /// So many clients, each with a connection of its own.
    pub async fn several(address: SocketAddr, count: usize) -> Result<Vec<Self>, Failure> {
        let connections = LeanClient::several(address, count).await?;
        let client = |(number, connection): (usize, LeanClient)| {
            let commit = connection.method("/google.firestore.v1.Firestore/Commit")?;
            Ok(CommitClient { connection, commit, random: Random::from_seed(number as u64) })
        };
        connections.into_iter().enumerate().map(client).collect()
    }
}

impl CommitClient {
    /// The same, by somebody.
    pub fn by(self, authorization: &str) -> Self {
        CommitClient { connection: self.connection.by(authorization), ..self }
    }
}

impl Client for CommitClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let name = name(COLLECTION, &sample::id(&self.random));
        let writes = vec![set(name, Sample::random(&self.random).wire_fields())];
        let request =
            wire::CommitRequest { database: DATABASE.to_owned(), writes, ..wire::CommitRequest::default() };
        let committed: wire::CommitResponse = self.connection.call(&self.commit, &request).await?;
        if committed.write_results.len() != 1 {
            return Err(Failure::new("a commit of one write was answered with another number of results"));
        }
        Ok(())
    }
}
