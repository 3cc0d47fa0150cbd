//! A datastore-mode database with entities and queries as text.

use std::sync::Arc;

use database::{CommitMode, Database, IndexDefinition, IndexFile, Options, Store, View};
use host::{Host, ManualClock};
use model::entity::query::{EntityQuery, GqlQuery, GqlStatement};
use model::entity::write::{Mutation, MutationOperation};
use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};
use model::query::Direction;
use model::{DatabaseName, Status};
use query::MissingIndex;
use query::entities::{EntityBatch, EntityRow, RowContent, run_entity_query};
use storage::Engine;
use storage::memory::MemoryEngine;

use crate::show;

pub struct World {
    runtime: tokio::runtime::Runtime,
    _store: Arc<Store>,
    pub database: Arc<Database>,
}

pub fn database() -> DatabaseName {
    DatabaseName::new("p", "(default)")
}

impl World {
    /// Over memory, with these declared indexes: `Task a -b` or, with ancestors, `Task/ a -b`.
    pub fn new(indexes: &[&str]) -> Self {
        Self::over(Arc::new(MemoryEngine::new()), indexes)
    }

    pub fn over(engine: Arc<dyn Engine>, indexes: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let clock = Arc::new(ManualClock::at(1_700_000_000_000_000));
        let host = Host::simulated(clock, 7);
        let indexes = indexes.iter().map(|text| definition(text)).collect();
        let entity_indexes = IndexFile { indexes, overrides: Vec::new() };
        let options = Options { entity_indexes, ..Options::default() };
        let store = Store::open(engine, host, options).expect("a store");
        let database = store.datastore(&database()).expect("a database");
        World { runtime, _store: store, database }
    }

    /// `Task:5 a=1 b=["x", null]`: a key and the properties it has.
    pub fn put(&self, entities: &[&str]) {
        self.put_all(entities.iter().map(|text| entity(text)).collect());
    }

    pub fn put_all(&self, entities: Vec<Entity>) {
        self.commit(entities.into_iter().map(MutationOperation::Upsert).collect());
    }

    /// Removes what is of `old` and not of `new`, and writes what is of `new`.
    pub fn replace(&self, old: &[Entity], new: Vec<Entity>) {
        let gone = old.iter().filter(|one| !new.iter().any(|other| other.key == one.key));
        let gone: Vec<_> = gone.map(|one| MutationOperation::Delete(one.key.clone())).collect();
        self.commit(gone.into_iter().chain(new.into_iter().map(MutationOperation::Upsert)).collect());
    }

    fn commit(&self, operations: Vec<MutationOperation>) {
        let mutations = operations.into_iter().map(|operation| Mutation {
            operation,
            base: None,
            on_conflict: Default::default(),
            mask: None,
            transforms: Vec::new(),
        });
        let commit = self.database.commit_entities(mutations.collect(), None, CommitMode::Transactional);
        self.runtime.block_on(commit).expect("a commit");
    }

    pub fn view(&self) -> View {
        self.database.view()
    }

    pub fn run(&self, gql: &str) -> Result<EntityBatch, Status> {
        run_entity_query(&self.view(), &query(gql)?, MissingIndex::Suggest).map(|(_, batch)| batch)
    }

    /// The results of a query, as text.
    pub fn results(&self, gql: &str) -> Vec<String> {
        self.run(gql).expect(gql).rows.iter().map(row_text).collect()
    }
}

/// `Task:5` or, of a projection, `Task:5 a=1 b="x"`.
pub fn row_text(row: &EntityRow) -> String {
    let key = row.key.key(&database());
    match &row.content {
        RowContent::Entity(_) | RowContent::Key => show::key(&key),
        RowContent::Properties(properties) => {
            let shown = properties.iter().map(|(name, value)| format!(" {name}={}", show::property(value)));
            format!("{}{}", show::key(&key), shown.collect::<String>())
        }
    }
}

pub fn query(gql: &str) -> Result<EntityQuery, Status> {
    match statement(gql)? {
        GqlStatement::Query(query) => Ok(query),
        GqlStatement::Aggregation(aggregation) => Ok(aggregation.query),
    }
}

/// GQL in the namespace before a `!`, if there is one.
pub fn statement(gql: &str) -> Result<GqlStatement, Status> {
    let (namespace, text) = gql.split_once("! ").unwrap_or(("", gql));
    let query = GqlQuery { text: text.to_owned(), allow_literals: true, ..GqlQuery::default() };
    query::parse_gql(&query, &Partition::new(&database(), namespace))
}

pub fn definition(text: &str) -> IndexDefinition {
    let mut words = text.split(' ');
    let kind = words.next().expect("a kind");
    let columns = words.map(|word| match word.strip_prefix('-') {
        Some(name) => (name.to_owned(), Direction::Descending),
        None => (word.to_owned(), Direction::Ascending),
    });
    IndexDefinition::of_kind(kind.trim_end_matches('/'), kind.ends_with('/'), columns)
}

/// `ns!Guestbook:'x'/Greeting:5`
pub fn key(text: &str) -> Key {
    let (namespace, path) = text.split_once('!').unwrap_or(("", text));
    let element = |text: &str| {
        let (kind, id) = text.split_once(':').expect("an id");
        let id = match id.strip_prefix('\'') {
            Some(name) => Id::Name(name.trim_end_matches('\'').to_owned()),
            None => Id::Number(id.parse().expect("a number")),
        };
        PathElement::new(kind, id)
    };
    Key { partition: Partition::new(&database(), namespace), path: path.split('/').map(element).collect() }
}

/// `key name=value …`; values as GQL writes them, lists in brackets, `~` before what is not indexed, `{…}` for an
/// embedded entity. No spaces within.
fn entity(text: &str) -> Entity {
    let mut words = text.split(' ');
    let key = key(words.next().expect("a key"));
    let properties = words.map(property).collect();
    Entity { key, properties }
}

fn property(text: &str) -> (String, Property) {
    let (name, text) = text.split_once('=').expect("a value");
    (name.to_owned(), value(text))
}

fn value(text: &str) -> Property {
    if let Some(text) = text.strip_prefix('~') {
        return Property { excluded: true, ..value(text) };
    }
    let list = |text: &str, open: char, close: char| {
        Some(
            text.strip_prefix(open)?
                .strip_suffix(close)?
                .split(';')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    };
    if let Some(parts) = list(text, '[', ']') {
        return EntityValue::Array(parts.iter().map(|part| value(part)).collect()).into();
    }
    if let Some(parts) = list(text, '{', '}') {
        let properties: Properties = parts.iter().map(|part| property(part)).collect();
        return EntityValue::Entity(model::entity::EmbeddedEntity { key: None, properties }).into();
    }
    let gql = query(&format!("SELECT * FROM x WHERE x = {text}")).expect(text);
    match gql.filter {
        Some(model::entity::query::EntityFilter::Property { value, .. }) => value,
        _ => unreachable!("one comparison"),
    }
}
