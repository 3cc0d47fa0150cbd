//! A database over the memory engine, with documents and queries as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use database::{Database, IndexFile, Options, Store, View};
use host::{Host, ManualClock};
use model::query::StructuredQuery;
use model::write::{Operation, Precondition, Write};
use model::{Document, DocumentPath, Fields, Status};
use query::{MissingIndex, QueryOutcome};
use storage::memory::MemoryEngine;

use crate::{planner, text};

pub struct World {
    runtime: tokio::runtime::Runtime,
    _store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub database: Arc<Database>,
}

impl World {
    /// With these declared indexes, as scripts write them.
    pub fn new(indexes: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let clock = Arc::new(ManualClock::at(1_700_000_000_000_000));
        let host = Host::simulated(clock.clone(), 7);
        let indexes = indexes.iter().map(|text| planner::definition(text)).collect();
        let options = Options { indexes: IndexFile { indexes, overrides: Vec::new() }, ..Options::default() };
        let store = Store::open(Arc::new(MemoryEngine::new()), host, options).expect("a store");
        let database = store.database(&text::database()).expect("a database");
        World { runtime, _store: store, clock, database }
    }

    pub fn write(&self, writes: Vec<Write>) {
        self.runtime.block_on(self.database.commit(writes, None)).expect("a commit");
    }

    pub fn set(&self, path: &str, fields: Fields) {
        self.write(vec![set(path, fields)]);
    }

    pub fn set_all(&self, documents: &BTreeMap<DocumentPath, Fields>) {
        self.write(documents.iter().map(|(path, fields)| set(path.as_str(), fields.clone())).collect());
    }

    pub fn delete(&self, path: &str) {
        let path = DocumentPath::new(path).expect("a document path");
        self.write(vec![Write { path, operation: Operation::Delete, precondition: Precondition::None }]);
    }

    pub fn view(&self) -> View {
        self.database.view()
    }
}

fn set(path: &str, fields: Fields) -> Write {
    let path = DocumentPath::new(path).expect("a document path");
    let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
    Write { path, operation, precondition: Precondition::None }
}

/// All documents of a query.
pub fn run(view: &View, query: &StructuredQuery, missing: MissingIndex) -> Result<Vec<Document>, Status> {
    drain(query::run_query(view, query, missing)?)
}

pub fn drain(mut outcome: QueryOutcome) -> Result<Vec<Document>, Status> {
    let mut documents = Vec::new();
    while let Some(document) = outcome.documents.next()? {
        documents.push(document);
    }
    Ok(documents)
}

/// The paths of a query given as text.
pub fn paths(view: &View, query: &str) -> Vec<String> {
    let documents = run(view, &text::query(query), MissingIndex::Suggest).expect(query);
    documents.iter().map(|document| document.path.to_string()).collect()
}
