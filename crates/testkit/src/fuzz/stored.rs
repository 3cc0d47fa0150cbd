//! Stored rows: those of the key spaces, and the catalog's.

mod entities;

use std::sync::Arc;

use bytes::Bytes;
use database::keys::{DatabaseNumber, changes, documents, history, indexes};
use database::{ByteRange, Change, Database, NameSource, Options, Scope, SingleFieldKind, Store};
use host::{Host, ManualClock};
use model::query::Direction;
use model::{
    CollectionPath, DatabaseName, DocumentPath, FieldPath, Fields, Parent, Status, Timestamp, Value, body,
};
use storage::memory::MemoryEngine;
use storage::{Batch, Committed, Engine, Space};

use super::sample_fields;
use crate::notation::START;

const NUMBER: DatabaseNumber = DatabaseNumber(1);

/// The readers of single rows and keys.
pub(super) fn rows(input: &[u8]) {
    if let Ok(read) = changes::read_row(input) {
        assert_eq!(changes::read_row(&changes::row(&read)), Ok(read));
    }
    let path = DocumentPath::new("c/a").expect("a collection and an id");
    let row = Bytes::copy_from_slice(input);
    if let Ok(document) = documents::read_row(path.clone(), &row) {
        assert_eq!(documents::row_update_time(&row), Ok(document.update_time));
        drop(document.fields());
    }
    if let Ok((_, rest)) = documents::split(input) {
        drop(documents::path(rest));
    }
    let _read = (documents::row_update_time(input), changes::time(input), indexes::declared_number(input));
    let _read = (history::row_key(input), database::keys::trailing_time(input));
}

/// A key and its value in one input: the key's length stands first, the space after it.
fn split_row(input: &[u8]) -> Option<(Space, &[u8], &[u8])> {
    let (&[space, length], rest) = input.split_first_chunk::<2>()?;
    let spaces = [Space::Documents, Space::Indexes, Space::History, Space::Changes];
    let (key, value) = rest.split_at_checked(usize::from(length))?;
    Some((spaces[usize::from(space) % spaces.len()], key, value))
}

fn join_row(space: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("keys of the corpus are short");
    [&[space, length], key, value].concat()
}

fn store_over(
    rows: impl IntoIterator<Item = (Space, Vec<u8>, Vec<u8>)>,
) -> (Arc<MemoryEngine>, Arc<ManualClock>) {
    let engine = Arc::new(MemoryEngine::new());
    let mut batch = Batch::new();
    rows.into_iter().for_each(|(space, key, value)| batch.put(space, key, value));
    let done = engine.commit(batch).expect("memory takes rows of any kind");
    assert_eq!(done, Committed::Done);
    (engine, Arc::new(ManualClock::at(START + 1_000_000)))
}

fn number_row(number: i64) -> Vec<u8> {
    body::encode(&Fields::from([("number".to_owned(), Value::Integer(number))])).to_vec()
}

/// One row among sound ones that nobody has written: reads find it or refuse.
pub(super) fn damaged_store(input: &[u8]) {
    let Some((space, key, value)) = split_row(input) else { return };
    entities::damaged_store(space, key, value);
    let key = [&NUMBER.prefix()[..], key].concat();
    let mut rows = vec![
        (Space::Meta, b"next".to_vec(), number_row(2)),
        (Space::Meta, b"database/p/d".to_vec(), number_row(1)),
        (space, key, value.to_vec()),
    ];
    let path = DocumentPath::new("c/b").expect("a collection and an id");
    let time = Timestamp::ZERO.saturating_add(START);
    let sound = documents::row(time, time, &body::encode(&sample_fields()));
    rows.push((Space::Documents, documents::key(NUMBER, &path), sound.to_vec()));
    let (engine, clock) = store_over(rows);
    let opened = Store::open(engine, Host::simulated(clock, 1), Options::default())
        .and_then(|store| store.database(&DatabaseName::new("p", "d")));
    if let Ok(database) = opened {
        drop(read_all(&database, &database.view()));
        let past = database.view_at(time).and_then(|view| read_all(&database, &view));
        drop(past);
    }
}

fn read_all(database: &Database, view: &database::View) -> Result<(), Status> {
    let collection = CollectionPath::new("c").expect("an id");
    let sources = [
        NameSource::Collection(collection.clone()),
        NameSource::Group { collection_id: "c".to_owned(), parent: Parent::Root },
        NameSource::Kindless { parent: Parent::Root },
        NameSource::Children { parent: Parent::Root },
    ];
    let mut refusals = Vec::new();
    for source in &sources {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut scan = view.scan_documents(source, ByteRange::all(), direction);
            while let Some(document) = scan.next().map_err(|status| refusals.push(status)).unwrap_or_default()
            {
                drop(document.fields());
            }
        }
    }
    let scope = Scope::Collection(collection.clone());
    for kind in [SingleFieldKind::Ordered, SingleFieldKind::Contains] {
        let index = view.indexes().single_field(&scope, &FieldPath::single("integer"), kind);
        let (source, _) = index.expect("no field is exempted");
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut scan = view.scan_index(&source, ByteRange::all(), direction);
            while let Some(entry) = scan.next().map_err(|status| refusals.push(status)).unwrap_or_default() {
                drop((entry.path(&source), entry.name_bytes(&source), entry.value_bytes(&source)));
            }
        }
    }
    drop(view.collection_ids(&Parent::Root));
    let mut names = view.scan_names(&collection, None);
    while names.next().map_err(|status| refusals.push(status)).unwrap_or_default().is_some() {}
    let mut changes = database.changes_after(Timestamp::ZERO);
    while changes.next().map_err(|status| refusals.push(status)).unwrap_or_default().is_some() {}
    refusals.pop().map_or(Ok(()), Err)
}

/// A catalog with one strange row: which one is in the first byte.
pub(super) fn catalog(input: &[u8]) {
    // A longer key cannot have been stored.
    let input = &input[..input.len().min(10_000)];
    let Some((&which, value)) = input.split_first() else { return };
    let keys = [
        "next",
        "database/p/d",
        "index/00000001/00000001",
        "dropped/00000001/00000002",
        "cleared/00000001",
        "exempt/00000001/c/a.b",
        "ids/00000001/scattered",
        "reserved/00000001/sequential/0000000000000001",
    ];
    let mut rows = vec![
        (Space::Meta, b"next".to_vec(), number_row(2)),
        (Space::Meta, b"database/p/d".to_vec(), number_row(1)),
    ];
    let at = usize::from(which);
    match keys.get(at) {
        Some(key) => rows.push((Space::Meta, key.as_bytes().to_vec(), value.to_vec())),
        // A strange key, below one of the prefixes.
        None => {
            let key = [keys[at % keys.len()].as_bytes(), value].concat();
            rows.push((Space::Meta, key, number_row(1)));
        }
    }
    entities::catalog(&rows);
    let (engine, clock) = store_over(rows);
    let Ok(store) = Store::open(engine, Host::simulated(clock, 1), Options::default()) else { return };
    drop(store.database(&DatabaseName::new("p", "d")));
    drop(store.clear(&DatabaseName::new("p", "d")));
}

pub(super) fn row_corpus() -> Vec<Vec<u8>> {
    let path = DocumentPath::new("c/a").expect("a collection and an id");
    let collection = path.collection();
    let time = Timestamp::ZERO.saturating_add(START);
    let document = documents::row(time, time, &body::encode(&sample_fields()));
    let log = changes::row(&[
        Change { path: path.clone(), exists: true },
        Change { path: DocumentPath::new("c/a/d/__id7__").expect("an even number"), exists: false },
    ]);
    let key = documents::key(NUMBER, &path);
    let field = FieldPath::single("integer");
    let mut entry = indexes::automatic(NUMBER, SingleFieldKind::Ordered, &collection, &field);
    model::encoding::push_value(&mut entry, &Value::Integer(1));
    model::encoding::push_id(&mut entry, "a");
    let below = |key: &[u8]| key[database::keys::NUMBER_BYTES..].to_vec();
    let past = |kind, key: &[u8]| below(&history::key(kind, key, time.next()));
    vec![
        log.clone(),
        document.to_vec(),
        key.clone(),
        entry.clone(),
        join_row(0, &below(&key), &document),
        join_row(1, &below(&entry), &database::keys::time_bytes(time)),
        join_row(2, &past(history::Kind::Document, &key), &document),
        join_row(2, &past(history::Kind::Index, &entry), &[]),
        join_row(3, &below(&changes::key(NUMBER, time)), &log),
    ]
    .into_iter()
    .chain(entities::row_corpus())
    .collect()
}

pub(super) fn catalog_corpus() -> Vec<Vec<u8>> {
    let column = Value::Map(Fields::from([
        ("path".to_owned(), Value::from("a.b")),
        ("kind".to_owned(), Value::from("vector")),
        ("dimension".to_owned(), Value::Integer(3)),
    ]));
    let index = Fields::from([
        ("collection_id".to_owned(), Value::from("c")),
        ("columns".to_owned(), Value::Array(vec![column])),
        ("group".to_owned(), Value::Boolean(true)),
        ("ready_since".to_owned(), Value::Timestamp(Timestamp::ZERO)),
    ]);
    let index = body::encode(&index);
    let next = body::encode(&Fields::from([("next".to_owned(), Value::Integer(i64::MAX))])).to_vec();
    let of_entities = entities::database_row();
    let values =
        [number_row(2), of_entities, index.to_vec(), Vec::new(), Vec::new(), Vec::new(), next, Vec::new()];
    let sound = values.into_iter().enumerate().map(|(which, value)| [vec![which as u8], value].concat());
    let strange = (8..16).map(|which| vec![which, b'/', b'x']);
    sound.chain(strange).collect()
}
