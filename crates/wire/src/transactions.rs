//! Transaction options and the requests that carry them: the published `ReadWrite` lacks
//! `concurrency_mode`, field 2.

use bytes::Bytes;
use prost::{Message, Oneof};
use prost_types::Timestamp;

use crate::firestore::{DocumentMask, ExplainOptions, StructuredAggregationQuery, StructuredQuery};

/// `google.firestore.v1.TransactionOptions`.
#[derive(Clone, PartialEq, Message)]
pub struct TransactionOptions {
    #[prost(oneof = "transaction_options::Mode", tags = "2, 3")]
    pub mode: Option<transaction_options::Mode>,
}

/// The parts of [`TransactionOptions`].
pub mod transaction_options {
    use super::{Bytes, Message, Oneof};

    pub use googleapis_tonic_google_firestore_v1::google::firestore::v1::transaction_options::{
        ReadOnly, read_only,
    };

    /// May the transaction write?
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Mode {
        #[prost(message, tag = "2")]
        ReadOnly(ReadOnly),
        #[prost(message, tag = "3")]
        ReadWrite(ReadWrite),
    }

    /// Options of a transaction that may write.
    #[derive(Clone, PartialEq, Message)]
    pub struct ReadWrite {
        #[prost(bytes = "bytes", tag = "1")]
        pub retry_transaction: Bytes,
        #[prost(enumeration = "ConcurrencyMode", tag = "2")]
        pub concurrency_mode: i32,
    }

    /// How a transaction defends what it read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
    #[repr(i32)]
    pub enum ConcurrencyMode {
        Unspecified = 0,
        Optimistic = 1,
        Pessimistic = 2,
    }
}

/// `google.firestore.v1.BeginTransactionRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct BeginTransactionRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(message, optional, tag = "2")]
    pub options: Option<TransactionOptions>,
}

/// `google.firestore.v1.BatchGetDocumentsRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct BatchGetDocumentsRequest {
    #[prost(string, tag = "1")]
    pub database: String,
    #[prost(string, repeated, tag = "2")]
    pub documents: Vec<String>,
    #[prost(message, optional, tag = "3")]
    pub mask: Option<DocumentMask>,
    #[prost(oneof = "batch_get_documents_request::ConsistencySelector", tags = "4, 5, 7")]
    pub consistency_selector: Option<batch_get_documents_request::ConsistencySelector>,
}

/// The parts of [`BatchGetDocumentsRequest`].
pub mod batch_get_documents_request {
    use super::{Bytes, Oneof, Timestamp, TransactionOptions};

    /// When the documents are read.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum ConsistencySelector {
        #[prost(bytes, tag = "4")]
        Transaction(Bytes),
        #[prost(message, tag = "5")]
        NewTransaction(TransactionOptions),
        #[prost(message, tag = "7")]
        ReadTime(Timestamp),
    }
}

/// `google.firestore.v1.RunQueryRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct RunQueryRequest {
    #[prost(string, tag = "1")]
    pub parent: String,
    #[prost(message, optional, tag = "10")]
    pub explain_options: Option<ExplainOptions>,
    #[prost(oneof = "run_query_request::QueryType", tags = "2")]
    pub query_type: Option<run_query_request::QueryType>,
    #[prost(oneof = "run_query_request::ConsistencySelector", tags = "5, 6, 7")]
    pub consistency_selector: Option<run_query_request::ConsistencySelector>,
}

/// The parts of [`RunQueryRequest`].
pub mod run_query_request {
    use super::{Bytes, Oneof, StructuredQuery, Timestamp, TransactionOptions};

    /// The one form of query there is.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum QueryType {
        #[prost(message, tag = "2")]
        StructuredQuery(StructuredQuery),
    }

    /// When the query reads.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum ConsistencySelector {
        #[prost(bytes, tag = "5")]
        Transaction(Bytes),
        #[prost(message, tag = "6")]
        NewTransaction(TransactionOptions),
        #[prost(message, tag = "7")]
        ReadTime(Timestamp),
    }
}

/// `google.firestore.v1.RunAggregationQueryRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct RunAggregationQueryRequest {
    #[prost(string, tag = "1")]
    pub parent: String,
    #[prost(message, optional, tag = "8")]
    pub explain_options: Option<ExplainOptions>,
    #[prost(oneof = "run_aggregation_query_request::QueryType", tags = "2")]
    pub query_type: Option<run_aggregation_query_request::QueryType>,
    #[prost(oneof = "run_aggregation_query_request::ConsistencySelector", tags = "4, 5, 6")]
    pub consistency_selector: Option<run_aggregation_query_request::ConsistencySelector>,
}

/// The parts of [`RunAggregationQueryRequest`].
pub mod run_aggregation_query_request {
    use super::{Bytes, Oneof, StructuredAggregationQuery, Timestamp, TransactionOptions};

    /// The one form of aggregation there is.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum QueryType {
        #[prost(message, tag = "2")]
        StructuredAggregationQuery(StructuredAggregationQuery),
    }

    /// When the query reads.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum ConsistencySelector {
        #[prost(bytes, tag = "4")]
        Transaction(Bytes),
        #[prost(message, tag = "5")]
        NewTransaction(TransactionOptions),
        #[prost(message, tag = "6")]
        ReadTime(Timestamp),
    }
}
