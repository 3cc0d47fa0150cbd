//! The same rows in a database of entities: reads find them or refuse, and writes over them do.

use bytes::Bytes;
use database::keys::{documents, indexes};
use database::{ByteRange, CommitMode, Database, IdPolicy, NameSource, Options, Store};
use host::Host;
use model::entity::write::MutationOperation;
use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties, encoding};
use model::query::Direction;
use model::{DatabaseName, Fields, Parent, Timestamp, Value, body, entity};
use storage::Space;

use super::{NUMBER, join_row, number_row, store_over};
use crate::notation::START;
use crate::poll::at_once;

fn key(id: Id) -> Key {
    let partition = Partition::new(&DatabaseName::new("p", "d"), "");
    Key { partition, path: vec![PathElement::new("K", id)] }
}

fn properties() -> Properties {
    Properties::from([("a".to_owned(), EntityValue::Integer(1).into())])
}

/// The catalog's row of a database of entities.
pub(super) fn database_row() -> Vec<u8> {
    let mode = ("mode".to_owned(), Value::from("datastore"));
    body::encode(&Fields::from([("number".to_owned(), Value::Integer(1)), mode])).to_vec()
}

pub(super) fn damaged_store(space: Space, rest: &[u8], value: &[u8]) {
    let key = [&NUMBER.prefix()[..], rest].concat();
    let rows = [
        (Space::Meta, b"next".to_vec(), number_row(2)),
        (Space::Meta, b"database/p/d".to_vec(), database_row()),
        (space, key, value.to_vec()),
    ];
    let (engine, clock) = store_over(rows);
    let opened = Store::open(engine, Host::simulated(clock, 1), Options::default())
        .and_then(|store| store.datastore(&DatabaseName::new("p", "d")));
    let Ok(database) = opened else { return };
    read_all(&database.view());
    if let Ok(past) = database.view_at(Timestamp::ZERO.saturating_add(START)) {
        read_all(&past);
    }
    let put = Entity { key: self::key(Id::Number(7)), properties: properties() };
    commit(&database, put);
    read_all(&database.view());
}

/// A catalog with a strange row, and ids asked of it.
pub(super) fn catalog(rows: &[(Space, Vec<u8>, Vec<u8>)]) {
    let (engine, clock) = store_over(rows.iter().cloned());
    let Ok(store) = Store::open(engine, Host::simulated(clock, 1), Options::default()) else { return };
    let Ok(database) = store.datastore(&DatabaseName::new("p", "d")) else { return };
    let mut incomplete = key(Id::Number(1));
    incomplete.path[0].id = None;
    for policy in [IdPolicy::Scattered, IdPolicy::Sequential] {
        let (database, keys) = (database.clone(), vec![incomplete.clone()]);
        drop(at_once(async move { database.allocate_ids(keys, policy).await }));
    }
    commit(&database, Entity { key: key(Id::Number(1)), properties: properties() });
    drop(store.clear(&DatabaseName::new("p", "d")));
    drop(store.compact());
}

fn commit(database: &std::sync::Arc<Database>, entity: Entity) {
    let (database, put) = (database.clone(), MutationOperation::Upsert(entity).into());
    drop(at_once(async move { database.commit_entities(vec![put], None, CommitMode::Transactional).await }));
}

fn read_all(view: &database::View) {
    drop((view.get_entity(&key(Id::Number(7))), view.namespaces(), view.kinds("")));
    drop(view.indexed_properties("", "K"));
    for parent in [Parent::Root, Parent::Document(entity::key::namespace_path(""))] {
        let source = NameSource::Kindless { parent };
        let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
        while let Ok(Some(row)) = scan.next() {
            drop(view.entity(row).map(|entity| entity.properties()));
        }
    }
    let source = view.indexes().property("", "K", "a");
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut scan = view.scan_index(&source, ByteRange::all(), direction);
        while let Ok(Some(entry)) = scan.next() {
            drop((entry.path(&source), entry.name_bytes(&source)));
            drop(entry.value_bytes(&source).map(|bytes| encoding::read_value(bytes).is_ok()));
        }
    }
}

/// The rows of one entity.
pub(super) fn row_corpus() -> Vec<Vec<u8>> {
    let path = key(Id::Number(7)).document_path().expect("the key is complete");
    let time = Timestamp::ZERO.saturating_add(START);
    let row: Bytes = documents::row(time, time, &entity::body::encode(&properties()));
    let mut entry = indexes::properties(NUMBER, "!", "K");
    model::encoding::push_id(&mut entry, "a");
    encoding::push_value(&mut entry, &EntityValue::Integer(1));
    model::encoding::push_ids(&mut entry, path.ids());
    let below = |key: &[u8]| key[database::keys::NUMBER_BYTES..].to_vec();
    vec![
        join_row(0, &below(&documents::key(NUMBER, &path)), &row),
        join_row(1, &below(&entry), &database::keys::time_bytes(time)),
    ]
}
