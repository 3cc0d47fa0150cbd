//! Many who register the same addresses at once: each address is to be had by one of them only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use googleapis_tonic_google_datastore_v1::google::datastore::v1 as wire;
use tonic::Code;
use tonic::transport::Channel;
use wire::datastore_client::DatastoreClient;
use wire::read_options::ConsistencyType;

use super::{DATABASE, PROJECT, commit, element, key, upsert};
use crate::failure::Failure;

type Datastore = DatastoreClient<Channel>;

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
