//! Clients that all change one document: by transforms, and by reading it and writing it back in transactions.

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use tonic::transport::Channel;
use tonic::{Code, Status};
use wire::batch_get_documents_request::ConsistencySelector;
use wire::batch_get_documents_response::Result as Found;
use wire::document_transform::{FieldTransform, field_transform::TransformType};
use wire::transaction_options::{Mode, ReadWrite};
use wire::value::ValueType;

use super::firestore::{self, DATABASE, Firestore};
use crate::failure::Failure;
use crate::load::Client;
use crate::sample::value;

const FIELD: &str = "n";

/// The name of a counter document.
pub fn counter(id: &str) -> String {
    firestore::name("counters", id)
}

/// Sets a counter to 0.
pub async fn reset(client: &mut Firestore, name: &str) -> Result<(), Failure> {
    firestore::commit(client, vec![assignment(name, 0)]).await.map(drop)
}

/// What a counter stands at.
pub async fn read(client: &mut Firestore, name: &str) -> Result<i64, Failure> {
    let request = wire::GetDocumentRequest { name: name.to_owned(), ..wire::GetDocumentRequest::default() };
    let document = client.get_document(request).await?.into_inner();
    number(&document).ok_or_else(|| Failure::new(format!("{name} has no number")))
}

fn assignment(name: &str, number: i64) -> wire::Write {
    firestore::set(name.to_owned(), [(FIELD.to_owned(), value(ValueType::IntegerValue(number)))].into())
}

fn number(document: &wire::Document) -> Option<i64> {
    match document.fields.get(FIELD)?.value_type {
        Some(ValueType::IntegerValue(number)) => Some(number),
        _ => None,
    }
}

/// Adds 1 by a transform, over and over.
pub struct IncrementClient {
    firestore: Firestore,
    counter: String,
    pub done: i64,
}

impl IncrementClient {
    pub fn new(channel: Channel, counter: &str) -> Self {
        IncrementClient { firestore: Firestore::new(channel), counter: counter.to_owned(), done: 0 }
    }
}

impl Client for IncrementClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let transform = FieldTransform {
            field_path: FIELD.to_owned(),
            transform_type: Some(TransformType::Increment(value(ValueType::IntegerValue(1)))),
        };
        let write = wire::Write {
            update_mask: Some(wire::DocumentMask::default()),
            update_transforms: vec![transform],
            ..firestore::set(self.counter.clone(), [].into())
        };
        firestore::commit(&mut self.firestore, vec![write]).await?;
        self.done += 1;
        Ok(())
    }
}

/// Adds 1 by a read-write transaction, over and over, as the official clients do it: the first read begins the
/// transaction, and one that is aborted is tried again as its own successor.
pub struct TransactionClient {
    firestore: Firestore,
    counter: String,
    pub done: i64,
    pub aborted: i64,
}

impl TransactionClient {
    pub fn new(channel: Channel, counter: &str) -> Self {
        TransactionClient {
            firestore: Firestore::new(channel),
            counter: counter.to_owned(),
            done: 0,
            aborted: 0,
        }
    }

    /// One attempt. `token` is the attempt before, and becomes this one.
    async fn attempt(&mut self, token: &mut Bytes) -> Result<(), Status> {
        let mode = Mode::ReadWrite(ReadWrite { retry_transaction: token.clone() });
        let options = wire::TransactionOptions { mode: Some(mode) };
        let request = wire::BatchGetDocumentsRequest {
            database: DATABASE.to_owned(),
            documents: vec![self.counter.clone()],
            consistency_selector: Some(ConsistencySelector::NewTransaction(options)),
            ..wire::BatchGetDocumentsRequest::default()
        };
        let mut answers = self.firestore.batch_get_documents(request).await?.into_inner();
        let mut before = None;
        while let Some(answer) = answers.message().await? {
            if !answer.transaction.is_empty() {
                *token = answer.transaction;
            }
            if let Some(Found::Found(document)) = answer.result {
                before = number(&document);
            }
        }
        let before = before.ok_or_else(|| Status::data_loss("the counter was not found"))?;
        let request = wire::CommitRequest {
            database: DATABASE.to_owned(),
            writes: vec![assignment(&self.counter, before + 1)],
            transaction: token.clone(),
        };
        self.firestore.commit(request).await.map(drop)
    }
}

impl Client for TransactionClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let mut token = Bytes::new();
        loop {
            match self.attempt(&mut token).await {
                Ok(()) => {
                    self.done += 1;
                    return Ok(());
                }
                Err(status) if status.code() == Code::Aborted => self.aborted += 1,
                Err(status) => return Err(status.into()),
            }
        }
    }
}
