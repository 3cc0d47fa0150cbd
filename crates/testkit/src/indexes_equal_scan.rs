//! The promise "every index equals a scan": the rows of the index space, compared with what the documents say.
//!
//! The entries a document should have are worked out here anew, from the key layout in `docs/DISK_FORMAT.md`,
//! without the code that writes them.

mod entities;

use std::collections::BTreeSet;
use std::sync::Arc;

use database::{
    ByteRange, ColumnKind, Database, DeclaredIndex, IndexScope, IndexSet, Mode, NameSource, SingleFieldKind,
};
use model::encoding::{push_id, push_ids, push_index_value, push_index_value_descending};
use model::query::Direction;
use model::value::get_field;
use model::{DocumentPath, Fields, Parent, Value, entity};
use storage::{Engine, KeyRange, Space};

/// Compares all index rows of a database with its documents, both ways.
///
/// # Errors
/// The first rows that are missing, and the first that nothing accounts for.
pub fn check(engine: &Arc<dyn Engine>, database: &Database) -> Result<(), String> {
    let indexes = database.indexes();
    let view = database.view();
    let source = NameSource::Kindless { parent: Parent::Root };
    let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
    let mut expected = BTreeSet::new();
    while let Some(document) = scan.next().map_err(|status| status.to_string())? {
        match database.mode() {
            Mode::Native => {
                let fields = document.fields().map_err(|error| error.to_string())?;
                automatic_entries(&indexes, &document.path, &fields, &mut expected);
                for index in indexes.declared() {
                    declared_entries(index, &document.path, &fields, &mut expected);
                }
            }
            Mode::Datastore => {
                let properties = entity::body::decode(&document.body).map_err(|error| error.to_string())?;
                let values = entities::Values::of(&properties);
                entities::property_entries(&document.path, &values, &mut expected);
                for index in indexes.declared() {
                    entities::declared_entries(index, &document.path, &values, &mut expected);
                }
            }
        }
    }
    let stored = stored_entries(engine, &indexes)?;
    let missing: Vec<_> = expected.difference(&stored).take(3).collect();
    let stray: Vec<_> = stored.difference(&expected).take(3).collect();
    if missing.is_empty() && stray.is_empty() {
        return Ok(());
    }
    let show = |keys: &[&Vec<u8>]| keys.iter().map(|key| show_key(key)).collect::<Vec<_>>().join("\n  ");
    Err(format!("missing entries:\n  {}\nstray entries:\n  {}", show(&missing), show(&stray)))
}

/// The rows of the database's index space without its number, and without what is garbage: entries of dropped
/// indexes, and of fields that were exempted after they had been written.
fn stored_entries(engine: &Arc<dyn Engine>, indexes: &IndexSet) -> Result<BTreeSet<Vec<u8>>, String> {
    let prefix = indexes.number().prefix();
    let rows = engine.snapshot().scan(Space::Indexes, KeyRange::prefix(&prefix), storage::Direction::Forward);
    let mut stored = BTreeSet::new();
    for row in rows {
        let (key, _) = row.map_err(|error| error.to_string())?;
        let key = key[prefix.len()..].to_vec();
        let live = match key[0] {
            3 => {
                let id = u32::from_be_bytes(key[1..5].try_into().expect("four bytes are four bytes"));
                indexes.declared().iter().any(|index| index.id == id)
            }
            4 => true,
            _ => {
                let (collection, field) = automatic_parts(&key[1..]);
                indexes.is_automatic(collection.rsplit('/').next().unwrap_or(""), &field)
            }
        };
        if live {
            stored.insert(key);
        }
    }
    Ok(stored)
}

/// The collection and the field of an automatic entry.
fn automatic_parts(key: &[u8]) -> (String, Vec<String>) {
    let (collection, rest) = model::encoding::read_ids(key).expect("an entry begins with a collection");
    let (field, _) = model::encoding::read_ids(&rest[1..]).expect("a field follows the collection");
    (collection, field.split('/').map(str::to_owned).collect())
}

fn automatic_entries(
    indexes: &IndexSet,
    path: &DocumentPath,
    fields: &Fields,
    expected: &mut BTreeSet<Vec<u8>>,
) {
    let mut paths: Vec<Vec<String>> = Vec::new();
    all_fields(fields, &mut Vec::new(), &mut paths);
    for field in paths.into_iter().filter(|field| indexes.is_automatic(path.collection_id(), field)) {
        let value = get_field(fields, &field).expect("the walk has just met it");
        let mut add = |kind: SingleFieldKind, value: &Value| {
            let mut key = vec![if kind == SingleFieldKind::Ordered { 1 } else { 2 }];
            push_ids(&mut key, path.collection().ids());
            key.push(model::encoding::END);
            field.iter().for_each(|name| push_id(&mut key, name));
            key.push(model::encoding::END);
            push_index_value(&mut key, value);
            push_id(&mut key, path.document_id());
            expected.insert(key);
        };
        add(SingleFieldKind::Ordered, value);
        if let Value::Array(elements) = value {
            elements.iter().for_each(|element| add(SingleFieldKind::Contains, element));
        }
    }
}

fn all_fields(fields: &Fields, above: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for (name, value) in fields {
        above.push(name.clone());
        paths.push(above.clone());
        if let Value::Map(inner) = value {
            all_fields(inner, above, paths);
        }
        above.pop();
    }
}

fn declared_entries(
    index: &DeclaredIndex,
    path: &DocumentPath,
    fields: &Fields,
    expected: &mut BTreeSet<Vec<u8>>,
) {
    let definition = &index.definition;
    if definition.collection_id != path.collection_id() {
        return;
    }
    let mut prefix = vec![3];
    prefix.extend_from_slice(&index.id.to_be_bytes());
    let mut name = Vec::new();
    match definition.scope {
        IndexScope::Collection => {
            push_ids(&mut prefix, path.collection().ids());
            prefix.push(model::encoding::END);
            push_id(&mut name, path.document_id());
        }
        IndexScope::CollectionGroup | IndexScope::Recursive => push_ids(&mut name, path.ids()),
    }
    if definition.name_direction() == Direction::Descending {
        if definition.scope == IndexScope::CollectionGroup {
            name.push(model::encoding::END);
        }
        name.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let mut keys = vec![prefix];
    for column in &definition.columns {
        let values = column_values(column.kind, get_field(fields, column.path.segments()));
        keys = keys.iter().flat_map(|key| values.iter().map(|value| [&key[..], value].concat())).collect();
    }
    expected.extend(keys.into_iter().map(|key| [key, name.clone()].concat()));
}

/// The bytes that a column contributes: none where the document is not in the index.
fn column_values(kind: ColumnKind, value: Option<&Value>) -> Vec<Vec<u8>> {
    let encoded = |value: &Value| {
        let mut bytes = Vec::new();
        push_index_value(&mut bytes, value);
        bytes
    };
    match (kind, value) {
        (ColumnKind::Ascending, Some(value)) => vec![encoded(value)],
        (ColumnKind::Descending, Some(value)) => {
            let mut bytes = Vec::new();
            push_index_value_descending(&mut bytes, value);
            vec![bytes]
        }
        (ColumnKind::Contains, Some(Value::Array(elements))) => elements.iter().map(encoded).collect(),
        (ColumnKind::Vector { dimension }, Some(Value::Vector(numbers)))
            if numbers.len() == dimension as usize =>
        {
            vec![Vec::new()]
        }
        (ColumnKind::Contains | ColumnKind::Vector { .. }, Some(_)) | (_, None) => Vec::new(),
    }
}

fn show_key(key: &[u8]) -> String {
    key.iter()
        .map(
            |byte| {
                if byte.is_ascii_graphic() { char::from(*byte).to_string() } else { format!("\\{byte:02x}") }
            },
        )
        .collect()
}
