//! Clients that read: single documents, and queries of ten results.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use host::Random;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use wire::run_query_request::QueryType;
use wire::structured_aggregation_query::{Aggregation, aggregation};
use wire::structured_query::{
    CollectionSelector, Direction, FieldFilter, FieldReference, Filter, Order, field_filter, filter,
};
use wire::value::ValueType;

use super::bulk::{self, Load};
use super::firestore::{self, DOCUMENTS, Firestore};
use crate::failure::Failure;
use crate::load::Client;
use crate::sample::value;

/// Results of one query.
const RESULTS: usize = 10;

/// Gets one document after the other, at random from a load.
pub struct PointReader {
    firestore: Firestore,
    load: Load,
    random: Random,
    authorization: Option<AsciiMetadataValue>,
}

impl PointReader {
    pub fn new(channel: Channel, load: &Load, random: Random) -> Self {
        PointReader { firestore: Firestore::new(channel), load: load.clone(), random, authorization: None }
    }

    /// The same, by somebody.
    pub fn by(self, authorization: AsciiMetadataValue) -> Self {
        PointReader { authorization: Some(authorization), ..self }
    }
}

impl Client for PointReader {
    async fn operate(&mut self) -> Result<(), Failure> {
        let id = bulk::id(self.random.next() % self.load.documents);
        let name = firestore::name(self.load.collection, &id);
        let request = wire::GetDocumentRequest { name, ..wire::GetDocumentRequest::default() };
        let mut request = tonic::Request::new(request);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        let document = self.firestore.get_document(request).await?.into_inner();
        if document.fields.is_empty() {
            return Err(Failure::new(format!("{} came without fields", document.name)));
        }
        Ok(())
    }
}

/// Asks for the ten documents from a random score on.
pub struct QueryReader {
    firestore: Firestore,
    load: Load,
    random: Random,
}

impl QueryReader {
    pub fn new(channel: Channel, load: &Load, random: Random) -> Self {
        QueryReader { firestore: Firestore::new(channel), load: load.clone(), random }
    }
}

impl Client for QueryReader {
    async fn operate(&mut self) -> Result<(), Failure> {
        let from = self.random.next() % (self.load.documents - RESULTS as u64);
        let query = wire::StructuredQuery {
            r#where: Some(score_filter(field_filter::Operator::GreaterThanOrEqual, bulk::score_above(from))),
            order_by: vec![Order { field: Some(score()), direction: Direction::Ascending.into() }],
            limit: Some(i32::try_from(RESULTS).expect("ten")),
            ..collection(&self.load)
        };
        let request = wire::RunQueryRequest {
            parent: DOCUMENTS.to_owned(),
            query_type: Some(QueryType::StructuredQuery(query)),
            ..wire::RunQueryRequest::default()
        };
        let mut answers = self.firestore.run_query(request).await?.into_inner();
        let mut results = 0;
        while let Some(answer) = answers.message().await? {
            results += usize::from(answer.document.is_some());
        }
        if results == RESULTS {
            Ok(())
        } else {
            Err(Failure::new(format!("{results} results instead of {RESULTS}")))
        }
    }
}

/// What a count read, as the server explains it.
pub struct Counted {
    pub count: i64,
    pub index_entries: String,
    pub documents: String,
}

/// Counts the `below` documents of a load with the lowest scores, and asks what was read for it.
pub async fn count(client: &mut Firestore, load: &Load, below: u64) -> Result<Counted, Failure> {
    let query = wire::StructuredQuery {
        r#where: Some(score_filter(field_filter::Operator::LessThan, bulk::score_above(below))),
        ..collection(load)
    };
    let operator = Some(aggregation::Operator::Count(aggregation::Count::default()));
    let aggregation = wire::StructuredAggregationQuery {
        aggregations: vec![Aggregation { alias: "count".to_owned(), operator }],
        query_type: Some(wire::structured_aggregation_query::QueryType::StructuredQuery(query)),
    };
    let request = wire::RunAggregationQueryRequest {
        parent: DOCUMENTS.to_owned(),
        explain_options: Some(wire::ExplainOptions { analyze: true }),
        query_type: Some(wire::run_aggregation_query_request::QueryType::StructuredAggregationQuery(
            aggregation,
        )),
        ..wire::RunAggregationQueryRequest::default()
    };
    let mut answers = client.run_aggregation_query(request).await?.into_inner();
    let mut counted = Counted { count: -1, index_entries: String::new(), documents: String::new() };
    while let Some(answer) = answers.message().await? {
        let fields = answer.result.map(|result| result.aggregate_fields).unwrap_or_default();
        if let Some(ValueType::IntegerValue(count)) =
            fields.get("count").and_then(|value| value.value_type.clone())
        {
            counted.count = count;
        }
        let stats = answer.explain_metrics.and_then(|metrics| metrics.execution_stats);
        if let Some(stats) = stats.and_then(|stats| stats.debug_stats) {
            counted.index_entries = text(&stats, "index_entries_scanned");
            counted.documents = text(&stats, "documents_scanned");
        }
    }
    Ok(counted)
}

fn text(stats: &prost_types::Struct, name: &str) -> String {
    match stats.fields.get(name).and_then(|value| value.kind.clone()) {
        Some(prost_types::value::Kind::StringValue(text)) => text,
        other => format!("{other:?}"),
    }
}

fn collection(load: &Load) -> wire::StructuredQuery {
    let from = CollectionSelector { collection_id: load.collection.to_owned(), all_descendants: false };
    wire::StructuredQuery { from: vec![from], ..wire::StructuredQuery::default() }
}

fn score() -> FieldReference {
    FieldReference { field_path: "score".to_owned() }
}

fn score_filter(operator: field_filter::Operator, score_is: i64) -> Filter {
    let filter = FieldFilter {
        field: Some(score()),
        op: operator.into(),
        value: Some(value(ValueType::IntegerValue(score_is))),
    };
    Filter { filter_type: Some(filter::FilterType::FieldFilter(filter)) }
}
