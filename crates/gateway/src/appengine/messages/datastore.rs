//! `datastore_v3`: requests, answers, codes.

use bytes::Bytes;

use super::entity::{EntityProto, Property, Reference};
use crate::appengine::codec::{Fixed64, Group, messages};

/// The codes of an [`ApplicationError`](super::remote_api::ApplicationError).
pub(in crate::appengine) mod error_code {
    pub(in crate::appengine) const BAD_REQUEST: i32 = 1;
    pub(in crate::appengine) const CONCURRENT_TRANSACTION: i32 = 2;
    pub(in crate::appengine) const INTERNAL_ERROR: i32 = 3;
    pub(in crate::appengine) const NEED_INDEX: i32 = 4;
    pub(in crate::appengine) const TIMEOUT: i32 = 5;
    pub(in crate::appengine) const PERMISSION_DENIED: i32 = 6;
    pub(in crate::appengine) const RESOURCE_EXHAUSTED: i32 = 12;
    pub(in crate::appengine) const NOT_FOUND: i32 = 13;
    pub(in crate::appengine) const ALREADY_EXISTS: i32 = 14;
    pub(in crate::appengine) const FAILED_PRECONDITION: i32 = 15;
    pub(in crate::appengine) const UNAUTHENTICATED: i32 = 16;
}

/// The modes of a [`BeginTransactionRequest`].
pub(in crate::appengine) const READ_ONLY: i32 = 1;

messages! {
    /// A transaction: what begins one answers it, and all that takes part names it.
    Transaction {
        1 handle: Fixed64,
        2 app: String,
        6 database_id: Option<String>,
    }

    BeginTransactionRequest {
        1 app: String,
        4 database_id: Option<String>,
        5 mode: Option<i32>,
        7 previous_transaction: Option<Transaction>,
    }

    CommitResponse {
        7 commit_time_epoch_micros: Option<i64>,
    }

    GetRequest {
        1 key: Vec<Reference>,
        2 transaction: Option<Transaction>,
        /// False: whatever answers first, be it stale.
        4 strong: Option<bool>,
        /// The client asks again for what is deferred.
        5 allow_deferred: Option<bool>,
        6 read_time_epoch_micros: Option<i64>,
    }

    GetResponse {
        1 entity: Vec<Group<GotEntity>>,
        5 deferred: Vec<Reference>,
        /// Entities are as many as keys, and in their order.
        6 in_order: Option<bool>,
    }

    GotEntity {
        2 entity: Option<EntityProto>,
        3 version: Option<i64>,
        /// Of what is missing.
        4 key: Option<Reference>,
    }

    PutRequest {
        1 entity: Vec<EntityProto>,
        2 transaction: Option<Transaction>,
    }

    PutResponse {
        1 key: Vec<Reference>,
        3 version: Vec<i64>,
    }

    DeleteRequest {
        5 transaction: Option<Transaction>,
        6 key: Vec<Reference>,
    }

    DeleteResponse {
        3 version: Vec<i64>,
    }

    Query {
        1 app: String,
        3 kind: Option<String>,
        4 filter: Vec<Group<Filter>>,
        8 search_query: Option<String>,
        9 order: Vec<Group<Order>>,
        12 offset: Option<i32>,
        16 limit: Option<i32>,
        17 ancestor: Option<Reference>,
        21 keys_only: Option<bool>,
        22 transaction: Option<Transaction>,
        /// How many results a batch should have.
        23 count: Option<i32>,
        25 compile: Option<bool>,
        29 name_space: Option<String>,
        30 compiled_cursor: Option<CompiledCursor>,
        31 end_compiled_cursor: Option<CompiledCursor>,
        32 strong: Option<bool>,
        33 property_name: Vec<String>,
        34 group_by_property_name: Vec<String>,
        42 database_id: Option<String>,
        45 read_time_epoch_micros: Option<i64>,
    }

    Filter {
        6 op: i32,
        14 property: Vec<Property>,
    }

    Order {
        10 property: String,
        11 direction: Option<i32>,
    }

    /// A position in the results of a query, which clients keep as bytes.
    CompiledCursor {
        2 position: Option<Group<Position>>,
    }

    Position {
        27 start_key: Option<Bytes>,
    }

    /// What is left of a query.
    Cursor {
        1 cursor: Fixed64,
        2 app: Option<String>,
        3 database_id: Option<String>,
    }

    NextRequest {
        1 cursor: Cursor,
        2 count: Option<i32>,
        3 compile: Option<bool>,
        4 offset: Option<i32>,
    }

    QueryResult {
        1 cursor: Option<Cursor>,
        2 result: Vec<EntityProto>,
        3 more_results: bool,
        4 keys_only: Option<bool>,
        6 compiled_cursor: Option<CompiledCursor>,
        7 skipped_results: Option<i32>,
        /// The results are projections.
        9 index_only: Option<bool>,
        11 version: Vec<i64>,
        /// The position after each result.
        12 result_compiled_cursor: Vec<CompiledCursor>,
        13 skipped_results_compiled_cursor: Option<CompiledCursor>,
    }

    /// `size` ids, or all up to `max`, for keys like `model_key`; or those of `reserve`.
    AllocateIdsRequest {
        1 model_key: Option<Reference>,
        2 size: Option<i64>,
        3 max: Option<i64>,
        5 reserve: Vec<Reference>,
    }

    AllocateIdsResponse {
        1 start: i64,
        2 end: i64,
    }

    /// A number alone: what `Count` answers.
    Integer64Proto {
        1 value: i64,
    }
}
