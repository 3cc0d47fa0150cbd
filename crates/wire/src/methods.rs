//! The methods of `google.firestore.v1.Firestore` and `google.datastore.v1.Datastore`: one closed table
//! that dispatch, metrics and reflection read.

/// A service that clients call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    Firestore,
    Datastore,
}

impl Api {
    /// Both.
    pub const ALL: [Api; 2] = [Api::Firestore, Api::Datastore];

    /// The full name of the service.
    pub fn service(self) -> &'static str {
        match self {
            Api::Firestore => "google.firestore.v1.Firestore",
            Api::Datastore => "google.datastore.v1.Datastore",
        }
    }
}

/// A method of one of the services. Where both have one of a name, the Datastore's speaks of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    GetDocument,
    ListDocuments,
    CreateDocument,
    UpdateDocument,
    DeleteDocument,
    BatchGetDocuments,
    BeginTransaction,
    Commit,
    Rollback,
    RunQuery,
    RunAggregationQuery,
    ExecutePipeline,
    PartitionQuery,
    Write,
    Listen,
    ListCollectionIds,
    BatchWrite,
    Lookup,
    QueryEntities,
    AggregateEntities,
    BeginForEntities,
    CommitEntities,
    RollbackEntities,
    AllocateIds,
    ReserveIds,
}

/// What goes in and comes out of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    pub method: Method,
    pub api: Api,
    pub name: &'static str,
    /// Full names of the messages.
    pub request: &'static str,
    pub response: &'static str,
    /// True when the client sends, or the server answers, a stream.
    pub client_streaming: bool,
    pub server_streaming: bool,
}

const EMPTY: &str = "google.protobuf.Empty";

macro_rules! message {
    ($name:literal) => {
        concat!("google.firestore.v1.", $name)
    };
}

macro_rules! entities {
    ($method:ident, $name:literal) => {
        Definition {
            method: Method::$method,
            api: Api::Datastore,
            name: $name,
            request: concat!("google.datastore.v1.", $name, "Request"),
            response: concat!("google.datastore.v1.", $name, "Response"),
            client_streaming: false,
            server_streaming: false,
        }
    };
}

const fn define(
    method: Method,
    name: &'static str,
    request: &'static str,
    response: &'static str,
    streaming: (bool, bool),
) -> Definition {
    let (client_streaming, server_streaming) = streaming;
    Definition { method, api: Api::Firestore, name, request, response, client_streaming, server_streaming }
}

const UNARY: (bool, bool) = (false, false);
const ANSWERS: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

/// Every method, in the order of [`Method`].
pub const METHODS: [Definition; 25] = [
    define(Method::GetDocument, "GetDocument", message!("GetDocumentRequest"), message!("Document"), UNARY),
    define(
        Method::ListDocuments,
        "ListDocuments",
        message!("ListDocumentsRequest"),
        message!("ListDocumentsResponse"),
        UNARY,
    ),
    define(
        Method::CreateDocument,
        "CreateDocument",
        message!("CreateDocumentRequest"),
        message!("Document"),
        UNARY,
    ),
    define(
        Method::UpdateDocument,
        "UpdateDocument",
        message!("UpdateDocumentRequest"),
        message!("Document"),
        UNARY,
    ),
    define(Method::DeleteDocument, "DeleteDocument", message!("DeleteDocumentRequest"), EMPTY, UNARY),
    define(
        Method::BatchGetDocuments,
        "BatchGetDocuments",
        message!("BatchGetDocumentsRequest"),
        message!("BatchGetDocumentsResponse"),
        ANSWERS,
    ),
    define(
        Method::BeginTransaction,
        "BeginTransaction",
        message!("BeginTransactionRequest"),
        message!("BeginTransactionResponse"),
        UNARY,
    ),
    define(Method::Commit, "Commit", message!("CommitRequest"), message!("CommitResponse"), UNARY),
    define(Method::Rollback, "Rollback", message!("RollbackRequest"), EMPTY, UNARY),
    define(Method::RunQuery, "RunQuery", message!("RunQueryRequest"), message!("RunQueryResponse"), ANSWERS),
    define(
        Method::RunAggregationQuery,
        "RunAggregationQuery",
        message!("RunAggregationQueryRequest"),
        message!("RunAggregationQueryResponse"),
        ANSWERS,
    ),
    define(
        Method::ExecutePipeline,
        "ExecutePipeline",
        message!("ExecutePipelineRequest"),
        message!("ExecutePipelineResponse"),
        ANSWERS,
    ),
    define(
        Method::PartitionQuery,
        "PartitionQuery",
        message!("PartitionQueryRequest"),
        message!("PartitionQueryResponse"),
        UNARY,
    ),
    define(Method::Write, "Write", message!("WriteRequest"), message!("WriteResponse"), BOTH),
    define(Method::Listen, "Listen", message!("ListenRequest"), message!("ListenResponse"), BOTH),
    define(
        Method::ListCollectionIds,
        "ListCollectionIds",
        message!("ListCollectionIdsRequest"),
        message!("ListCollectionIdsResponse"),
        UNARY,
    ),
    define(
        Method::BatchWrite,
        "BatchWrite",
        message!("BatchWriteRequest"),
        message!("BatchWriteResponse"),
        UNARY,
    ),
    entities!(Lookup, "Lookup"),
    entities!(QueryEntities, "RunQuery"),
    entities!(AggregateEntities, "RunAggregationQuery"),
    entities!(BeginForEntities, "BeginTransaction"),
    entities!(CommitEntities, "Commit"),
    entities!(RollbackEntities, "Rollback"),
    entities!(AllocateIds, "AllocateIds"),
    entities!(ReserveIds, "ReserveIds"),
];

impl Method {
    /// The method that `name` is in `api`, if it is one.
    pub fn named(api: Api, name: &str) -> Option<Method> {
        let is_it = |definition: &&Definition| definition.api == api && definition.name == name;
        METHODS.iter().find(is_it).map(|definition| definition.method)
    }

    /// The method of a gRPC call: `google.firestore.v1.Firestore/Commit`.
    pub fn at(path: &str) -> Option<Method> {
        let (service, name) = path.split_once('/')?;
        let api = Api::ALL.into_iter().find(|api| api.service() == service)?;
        Method::named(api, name)
    }

    /// Its row of [`METHODS`].
    pub fn definition(self) -> &'static Definition {
        &METHODS[self as usize]
    }

    /// Its name, as it stands in the path of a request.
    pub fn name(self) -> &'static str {
        self.definition().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_methods() {
        for (at, definition) in METHODS.iter().enumerate() {
            assert_eq!(definition.method as usize, at, "{}", definition.name);
            assert_eq!(Method::named(definition.api, definition.name), Some(definition.method));
            let path = format!("{}/{}", definition.api.service(), definition.name);
            assert_eq!(Method::at(&path), Some(definition.method));
        }
    }
}
