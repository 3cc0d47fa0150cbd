//! A guestbook of documents: greetings below one book, got by their names and asked for by their dates.

use std::net::SocketAddr;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use wire::run_query_request::QueryType;
use wire::structured_query::{CollectionSelector, Direction, FieldReference, Order};

use super::asker::Question;
use super::bulk::{self, Content, Load};
use super::firestore::{self, DOCUMENTS};
use crate::failure::Failure;

/// How many there are.
pub const GREETINGS: u64 = 10_000;
/// How many of them a query asks for.
pub const NEWEST: usize = 10;
/// Where they lie.
const COLLECTION: &str = "guestbook/default/greetings";

/// Loads the greetings: each a sample with a date.
pub async fn load(address: SocketAddr) -> Result<(), Failure> {
    let load = Load { collection: COLLECTION, documents: GREETINGS, content: Content::Events };
    bulk::load(address, &load).await.map(drop)
}

/// One greeting, at random.
pub const GET: Question<wire::GetDocumentRequest, wire::Document> = Question {
    method: "/google.firestore.v1.Firestore/GetDocument",
    ask: |random| wire::GetDocumentRequest {
        name: firestore::name(COLLECTION, &bulk::id(random.next() % GREETINGS)),
        ..wire::GetDocumentRequest::default()
    },
    count: |document| usize::from(!document.fields.is_empty()),
    results: 1,
};

/// The newest greetings.
pub const BY_DATE: Question<wire::RunQueryRequest, wire::RunQueryResponse> = Question {
    method: RUN_QUERY,
    ask: |_| {
        let date = FieldReference { field_path: "created_at".to_owned() };
        run(vec![Order { field: Some(date), direction: Direction::Descending.into() }])
    },
    count,
    results: NEWEST,
};

/// The first greetings by their names.
pub const BY_NAME: Question<wire::RunQueryRequest, wire::RunQueryResponse> =
    Question { method: RUN_QUERY, ask: |_| run(Vec::new()), count, results: NEWEST };

const RUN_QUERY: &str = "/google.firestore.v1.Firestore/RunQuery";

fn count(answer: &wire::RunQueryResponse) -> usize {
    usize::from(answer.document.is_some())
}

fn run(order_by: Vec<Order>) -> wire::RunQueryRequest {
    let query = wire::StructuredQuery {
        from: vec![CollectionSelector { collection_id: "greetings".to_owned(), all_descendants: false }],
        order_by,
        limit: Some(i32::try_from(NEWEST).expect("ten")),
        ..wire::StructuredQuery::default()
    };
    wire::RunQueryRequest {
        parent: format!("{DOCUMENTS}/guestbook/default"),
        query_type: Some(QueryType::StructuredQuery(query)),
        ..wire::RunQueryRequest::default()
    }
}
