//! Message types and service definitions of the wire.
//!
//! The messages come from a published crate. Where public definitions lag behind what clients send
//! ([`writes`]: `verify`; [`transactions`]: `concurrency_mode`; [`targets`]: `pipeline_query`), our own
//! stand in their place under the same names, so that the rest of the house sees one set of messages:
//! [`firestore`]. Those of the Datastore lack only labels of requests, which nobody reads.

pub mod methods;
pub mod schema;
pub mod targets;
pub mod transactions;
pub mod writes;

pub use googleapis_tonic_google_firestore_v1::google::{rpc, r#type};
pub use prost_types::{
    Any, Duration, ListValue, NullValue, Struct, Timestamp, Value as JsonValue, value as json_value,
};

/// `google.datastore.v1`.
pub mod datastore {
    pub use googleapis_tonic_google_datastore_v1::google::datastore::v1::*;
}

/// `google.firestore.v1`, with our own messages where the published ones lack fields.
pub mod firestore {
    pub use googleapis_tonic_google_firestore_v1::google::firestore::v1::*;

    pub use crate::targets::{ListenRequest, Target, listen_request, target};
    pub use crate::transactions::{
        BatchGetDocumentsRequest, BeginTransactionRequest, RunAggregationQueryRequest, RunQueryRequest,
        TransactionOptions, batch_get_documents_request, run_aggregation_query_request, run_query_request,
        transaction_options,
    };
    pub use crate::writes::{BatchWriteRequest, CommitRequest, Write, WriteRequest, write};
}
