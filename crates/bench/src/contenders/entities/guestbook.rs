//! The guestbook of App Engine: greetings below one book, looked up by their keys and asked for by their dates.

use std::net::SocketAddr;

use googleapis_tonic_google_datastore_v1::google::datastore::v1 as wire;
use host::Random;
use wire::key::PathElement;
use wire::property_filter::Operator;
use wire::value::ValueType;

use super::{COMMIT, DATABASE, PROJECT, commit, element, key, properties, upsert, value};
use crate::contenders::asker::Question;
use crate::contenders::bulk;
use crate::contenders::guestbook::{GREETINGS, NEWEST};
use crate::contenders::lean::LeanClient;
use crate::failure::Failure;
use crate::sample::Sample;

/// Mutations of one commit while entities are loaded.
const BATCH: u64 = 500;
/// The declared index that the guestbook's query reads.
pub const INDEX_YAML: &str = "\
indexes:
- kind: Greeting
  ancestor: yes
  properties:
  - name: date
    direction: desc
";

const KIND: &str = "Greeting";

/// Loads the greetings of the book: each an entity of the samples' size, with a date.
pub async fn load(address: SocketAddr) -> Result<(), Failure> {
    let mut client = LeanClient::several(address, 1).await?.remove(0);
    let method = client.method(COMMIT)?;
    let random = Random::from_seed(1);
    for first in (0..GREETINGS).step_by(BATCH as usize) {
        let greeting = |number: u64| {
            let date = prost_types::Timestamp { seconds: 1_600_000_000 + number as i64, nanos: 0 };
            let mut properties = properties(Sample::random(&random));
            properties.insert("date".to_owned(), value(ValueType::TimestampValue(date)));
            upsert(greeting_key(number), properties)
        };
        let mutations = (first..GREETINGS.min(first + BATCH)).map(greeting).collect();
        let _: wire::CommitResponse = client.call(&method, &commit(mutations, None)).await?;
    }
    Ok(())
}

fn book() -> PathElement {
    element("Guestbook", "default".to_owned())
}

fn greeting_key(number: u64) -> wire::Key {
    key(vec![book(), element(KIND, bulk::id(number))])
}

/// One greeting, at random.
pub const LOOKUP: Question<wire::LookupRequest, wire::LookupResponse> = Question {
    method: "/google.datastore.v1.Datastore/Lookup",
    ask: |random| wire::LookupRequest {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        keys: vec![greeting_key(random.next() % GREETINGS)],
        ..wire::LookupRequest::default()
    },
    count: |answer| answer.found.len(),
    results: 1,
};

/// The newest greetings of the book, which takes the declared index.
pub const BY_DATE: Question<wire::RunQueryRequest, wire::RunQueryResponse> = Question {
    method: RUN_QUERY,
    ask: |_| {
        let newest_first = wire::PropertyOrder {
            property: property("date"),
            direction: wire::property_order::Direction::Descending.into(),
        };
        run(wire::Query { order: vec![newest_first], ..below_the_book() })
    },
    count,
    results: NEWEST,
};

/// The first greetings of the book by their keys, which takes no index.
pub const BY_KEY: Question<wire::RunQueryRequest, wire::RunQueryResponse> =
    Question { method: RUN_QUERY, ask: |_| run(below_the_book()), count, results: NEWEST };

const RUN_QUERY: &str = "/google.datastore.v1.Datastore/RunQuery";

fn count(answer: &wire::RunQueryResponse) -> usize {
    answer.batch.as_ref().map_or(0, |batch| batch.entity_results.len())
}

fn property(name: &str) -> Option<wire::PropertyReference> {
    Some(wire::PropertyReference { name: name.to_owned() })
}

fn below_the_book() -> wire::Query {
    let ancestor = wire::PropertyFilter {
        property: property("__key__"),
        op: Operator::HasAncestor.into(),
        value: Some(value(ValueType::KeyValue(key(vec![book()])))),
    };
    let filter = wire::filter::FilterType::PropertyFilter(ancestor);
    wire::Query {
        kind: vec![wire::KindExpression { name: KIND.to_owned() }],
        filter: Some(wire::Filter { filter_type: Some(filter) }),
        limit: Some(i32::try_from(NEWEST).expect("ten")),
        ..wire::Query::default()
    }
}

fn run(query: wire::Query) -> wire::RunQueryRequest {
    wire::RunQueryRequest {
        project_id: PROJECT.to_owned(),
        database_id: DATABASE.to_owned(),
        query_type: Some(wire::run_query_request::QueryType::Query(query)),
        ..wire::RunQueryRequest::default()
    }
}
