//! One client that commits numbered writes and remembers what was acknowledged.

use std::collections::BTreeMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as firestore;

use firestore::firestore_client::FirestoreClient;
use firestore::run_query_request::{ConsistencySelector, QueryType};
use firestore::structured_query::field_filter::Operator;
use firestore::structured_query::filter::FilterType;
use firestore::structured_query::{CollectionSelector, FieldFilter, FieldReference, Filter};
use firestore::value::ValueType;
use firestore::write::Operation;
use firestore::{
    BatchGetDocumentsRequest, CommitRequest, Document, RunQueryRequest, StructuredQuery, Value, Write,
    batch_get_documents_response::Result as Found,
};
use tonic::transport::{Channel, Endpoint};

use crate::process::Server;

pub const WORKERS: usize = 8;
const DATABASE: &str = "projects/kill/databases/(default)";
const COLLECTIONS: [&str; 2] = ["left", "right"];

/// See the module.
pub struct Worker {
    number: usize,
    /// The last commit that was acknowledged.
    acknowledged: u64,
    /// The last commit that was sent.
    sent: u64,
}

impl Worker {
    pub fn new(number: usize) -> Self {
        Worker { number, acknowledged: 0, sent: 0 }
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Commits until the server is gone.
    pub async fn run(mut self, address: String) -> Self {
        let Ok(mut client) = connect(address).await else { return self };
        loop {
            self.sent = self.acknowledged + 1;
            let request = CommitRequest {
                database: DATABASE.into(),
                writes: self.writes(self.sent),
                ..Default::default()
            };
            match client.commit(request).await {
                Ok(_) => self.acknowledged = self.sent,
                Err(_) => return self,
            }
        }
    }

    /// Checks that the server holds what was acknowledged, whole, and no half of anything.
    pub async fn verify(&mut self, server: &Server) {
        let mut client = connect(server.address()).await.expect("the server is ready");
        let stored = self.counter(&mut client).await;
        assert!(
            stored == self.acknowledged || stored == self.sent,
            "worker {}: acknowledged {}, sent {}, stored {stored}",
            self.number,
            self.acknowledged,
            self.sent
        );
        for collection in COLLECTIONS {
            let numbers = self.numbers(&mut client, collection).await;
            let expected: Vec<i64> = (1..=stored as i64).collect();
            assert_eq!(numbers, expected, "worker {} in {collection}", self.number);
        }
        self.acknowledged = stored;
        self.sent = stored;
    }

    fn writes(&self, n: u64) -> Vec<Write> {
        let fields = BTreeMap::from([
            ("worker".to_owned(), integer(self.number as i64)),
            ("n".to_owned(), integer(n as i64)),
            ("text".to_owned(), Value { value_type: Some(ValueType::StringValue(format!("commit {n}"))) }),
        ]);
        let names = COLLECTIONS.iter().map(|collection| format!("{collection}/{}-{n}", self.number));
        let names = names.chain([self.counter_path()]);
        let write = |path: String| Write {
            operation: Some(Operation::Update(Document {
                name: full(&path),
                fields: fields.clone(),
                ..Default::default()
            })),
            ..Default::default()
        };
        names.map(write).collect()
    }

    fn counter_path(&self) -> String {
        format!("counters/{}", self.number)
    }

    async fn counter(&self, client: &mut FirestoreClient<Channel>) -> u64 {
        let request = BatchGetDocumentsRequest {
            database: DATABASE.into(),
            documents: vec![full(&self.counter_path())],
            ..Default::default()
        };
        let mut answers = client.batch_get_documents(request).await.expect("reads work").into_inner();
        let answer = answers.message().await.expect("reads work").expect("one answer a document");
        match answer.result {
            Some(Found::Found(document)) => number(&document) as u64,
            _ => 0,
        }
    }

    /// The numbers of this worker's documents, found through the index on `worker`, sorted.
    async fn numbers(&self, client: &mut FirestoreClient<Channel>, collection: &str) -> Vec<i64> {
        let filter = FieldFilter {
            field: Some(FieldReference { field_path: "worker".into() }),
            op: Operator::Equal.into(),
            value: Some(integer(self.number as i64)),
        };
        let query = StructuredQuery {
            from: vec![CollectionSelector { collection_id: collection.into(), all_descendants: false }],
            r#where: Some(Filter { filter_type: Some(FilterType::FieldFilter(filter)) }),
            ..Default::default()
        };
        let request = RunQueryRequest {
            parent: format!("{DATABASE}/documents"),
            query_type: Some(QueryType::StructuredQuery(query)),
            consistency_selector: None::<ConsistencySelector>,
            ..Default::default()
        };
        let mut answers = client.run_query(request).await.expect("queries work").into_inner();
        let mut numbers = Vec::new();
        while let Some(answer) = answers.message().await.expect("queries work") {
            if let Some(document) = answer.document {
                let n = number(&document);
                let text = Value { value_type: Some(ValueType::StringValue(format!("commit {n}"))) };
                assert_eq!(document.fields.get("text"), Some(&text), "{} is torn", document.name);
                numbers.push(n);
            }
        }
        numbers.sort_unstable();
        numbers
    }
}

async fn connect(address: String) -> Result<FirestoreClient<Channel>, tonic::transport::Error> {
    let channel = Endpoint::from_shared(address)?.connect().await?;
    Ok(FirestoreClient::new(channel))
}

fn full(path: &str) -> String {
    format!("{DATABASE}/documents/{path}")
}

fn integer(number: i64) -> Value {
    Value { value_type: Some(ValueType::IntegerValue(number)) }
}

fn number(document: &Document) -> i64 {
    match document.fields.get("n").and_then(|value| value.value_type.as_ref()) {
        Some(ValueType::IntegerValue(n)) => *n,
        other => panic!("{} has {other:?} for a number", document.name),
    }
}
