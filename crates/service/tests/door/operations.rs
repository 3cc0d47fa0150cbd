//! Every operation, as somebody does it.

use model::query::{Aggregation, AggregationKind, AggregationQuery};
use model::write::Write;
use model::{CollectionPath, Document, DocumentPath, Fields, Parent, Status};
use service::{
    BatchGetDocuments, BatchWrite, Commit, Concurrency, Consistency, CreateDocument, DeleteDocument, Explain,
    GetDocument, ListCollectionIds, ListDocuments, Listed, Partition, ReadAt, RunAggregation, RunQuery,
    TransactionMode, UpdateDocument,
};
use testkit::notation::show_fields;

use crate::text;
use crate::world::{World, call, write};

/// One operation on the database of a [`World`].
#[derive(Clone, Debug)]
pub enum Operation {
    Get(String),
    BatchGet(Vec<String>),
    List {
        collection: String,
        page_size: i32,
        show_missing: bool,
    },
    Query {
        text: String,
        explain: Explain,
    },
    Count(String),
    Create {
        collection: String,
        fields: Fields,
    },
    Update(Write),
    Delete(String),
    Commit(Vec<Write>),
    BatchWrite(Vec<Write>),
    CollectionIds,
    Partition(String),
    BeginReadOnly,
    BeginReadWrite,
    /// A query that begins a transaction.
    QueryInNew(TransactionMode),
}

pub fn read_write() -> TransactionMode {
    TransactionMode::ReadWrite { retry: None, concurrency: Concurrency::Default }
}

impl Operation {
    /// What is answered, in short.
    pub fn run(&self, world: &World, who: &str) -> Result<String, Status> {
        world.runtime.block_on(self.answer(world, who))
    }

    async fn answer(&self, world: &World, who: &str) -> Result<String, Status> {
        let (service, call, database) = (&world.service, &call(who), world.name.clone());
        match self {
            Operation::Get(path) => {
                let get = GetDocument { name: world.document(path), mask: None, at: ReadAt::Now };
                service.get_document(call, get).await.map(|document| show(&document))
            }
            Operation::BatchGet(paths) => {
                let paths = paths.iter().map(|path| DocumentPath::new(path).expect(path)).collect();
                let request = BatchGetDocuments { database, paths, mask: None, at: ReadAt::Now.into() };
                let mut answer = service.batch_get_documents(call, request).await?;
                let mut out = Vec::new();
                while let Some(step) = answer.next().await? {
                    out.extend(step.found.iter().map(show));
                    out.extend(step.missing.iter().map(|path| format!("{path} missing")));
                }
                Ok(out.join("; "))
            }
            Operation::List { collection, page_size, show_missing } => {
                let request = ListDocuments {
                    database,
                    parent: Parent::Root,
                    collection_id: Some(collection.clone()),
                    order_by: String::new(),
                    mask: None,
                    show_missing: *show_missing,
                    page_size: *page_size,
                    page_token: String::new(),
                    at: ReadAt::Now,
                };
                let listed = service.list_documents(call, request).await?;
                let shown = listed.documents.iter().map(|listed| match listed {
                    Listed::Document(document) => show(document),
                    Listed::Missing(path) => format!("{path} missing"),
                });
                Ok(shown.collect::<Vec<_>>().join("; "))
            }
            Operation::Query { text, explain } => query(world, who, text, ReadAt::Now.into(), *explain).await,
            Operation::QueryInNew(mode) => {
                let at = Consistency::NewTransaction(mode.clone());
                query(world, who, "c", at, Explain::No).await
            }
            Operation::Count(text) => {
                let count =
                    Aggregation { alias: "count".to_owned(), kind: AggregationKind::Count { up_to: None } };
                let query = AggregationQuery { query: text::query(text), aggregations: vec![count] };
                let (at, explain) = (ReadAt::Now.into(), Explain::No);
                let answer =
                    service.run_aggregation(call, RunAggregation { database, query, at, explain }).await?;
                let figures = answer.fields.unwrap_or_default();
                Ok(figures.iter().map(|(name, value)| format!("{name} {value:?}")).collect())
            }
            Operation::Create { collection, fields } => {
                let collection = CollectionPath::new(collection).expect("a collection");
                let fields = fields.clone();
                let request = CreateDocument { database, collection, id: None, fields, mask: None };
                service.create_document(call, request).await.map(|_| "created".to_owned())
            }
            Operation::Update(write) => {
                let model::write::Operation::Set { fields, mask, .. } = write.operation.clone() else {
                    panic!("an update sets fields");
                };
                let (name, precondition) = (database.document(&write.path), write.precondition);
                let request = UpdateDocument { name, fields, update_mask: mask, precondition, mask: None };
                service.update_document(call, request).await.map(|document| show(&document))
            }
            Operation::Delete(path) => {
                let (name, precondition) = (world.document(path), model::write::Precondition::None);
                let request = DeleteDocument { name, precondition };
                service.delete_document(call, request).await.map(|()| "deleted".to_owned())
            }
            Operation::Commit(writes) => {
                let commit = Commit { database, writes: writes.clone(), transaction: None };
                service.commit(call, commit).await.map(|_| "committed".to_owned())
            }
            Operation::BatchWrite(writes) => {
                let writes = writes.iter().cloned().map(Ok).collect();
                service.batch_write(call, BatchWrite { database, writes }).await.map(|_| "written".to_owned())
            }
            Operation::CollectionIds => {
                let (parent, page_token, at) = (Parent::Root, String::new(), ReadAt::Now);
                let request = ListCollectionIds { database, parent, page_size: 0, page_token, at };
                service.list_collection_ids(call, request).await.map(|listed| listed.ids.join(" "))
            }
            Operation::Partition(text) => {
                let request = Partition {
                    database,
                    query: text::query(text),
                    partition_count: 2,
                    page_size: 0,
                    page_token: String::new(),
                    at: ReadAt::Now,
                };
                service.partition_query(call, request).await.map(|_| "partitions".to_owned())
            }
            Operation::BeginReadOnly => {
                begin(world, who, &TransactionMode::ReadOnly { read_time: None }).await
            }
            Operation::BeginReadWrite => begin(world, who, &read_write()).await,
        }
    }
}

async fn begin(world: &World, who: &str, mode: &TransactionMode) -> Result<String, Status> {
    let token = world.service.begin_transaction(&call(who), &world.name, mode).await?;
    world.service.rollback(&call(who), &world.name, &token).await?;
    Ok("begun".to_owned())
}

async fn query(
    world: &World,
    who: &str,
    text: &str,
    at: Consistency,
    explain: Explain,
) -> Result<String, Status> {
    let (database, query) = (world.name.clone(), text::query(text));
    let request = RunQuery { database, query, at, explain };
    let mut answer = world.service.run_query(&call(who), request).await?;
    let mut out = Vec::new();
    while let Some(step) = answer.next().await? {
        out.extend(step.documents.iter().map(show));
    }
    if let Some(token) = answer.transaction.clone() {
        world.service.rollback(&call(who), &world.name, &token).await?;
    }
    Ok(out.join("; "))
}

fn show(document: &Document) -> String {
    format!("{} {}", document.path, show_fields(&document.fields().expect("readable")))
}

/// All operations of a table, on a database with `c/a {n: 1}`: how each is called, and what reading and writing it takes.
pub fn all() -> Vec<(&'static str, Operation)> {
    let text = |text: &str| text.to_owned();
    let list = |show_missing| Operation::List { collection: text("c"), page_size: 0, show_missing };
    let query = |explain| Operation::Query { text: text("c"), explain };
    vec![
        ("get", Operation::Get(text("c/a"))),
        ("get of what is missing", Operation::Get(text("c/none"))),
        ("batch get", Operation::BatchGet(vec![text("c/a"), text("c/none")])),
        ("list", list(false)),
        ("list with missing", list(true)),
        ("query", query(Explain::No)),
        ("explain", query(Explain::Plan)),
        ("analyze", query(Explain::Analyze)),
        ("count", Operation::Count(text("c"))),
        ("query in new read-only", Operation::QueryInNew(TransactionMode::ReadOnly { read_time: None })),
        ("begin read-only", Operation::BeginReadOnly),
        ("begin read-write", Operation::BeginReadWrite),
        ("create", Operation::Create { collection: text("c"), fields: text::fields("{n: 1}") }),
        ("update", Operation::Update(write("c/a {n: 2}"))),
        ("commit", Operation::Commit(vec![write("c/a {n: 3}"), write("c/b {n: 3}")])),
        ("verify", Operation::Commit(vec![write("c/a ?")])),
        ("delete", Operation::Delete(text("c/b"))),
        ("batch write", Operation::BatchWrite(vec![write("c/a {n: 4}")])),
        ("collection ids", Operation::CollectionIds),
        ("partition", Operation::Partition(text("group c"))),
    ]
}
