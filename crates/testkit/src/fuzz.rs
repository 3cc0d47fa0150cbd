//! Hostile bytes for everything that reads bytes: an answer or an error, never a panic.
//!
//! Each [`Target`] is what one fuzzer runs (see `fuzz/`), and what a test runs over random and mutated bytes for a
//! bounded time ([`Target::shake`]). Where a reader accepts the bytes, what it read must also be coherent.

mod entities;
mod queries;
mod rules;
mod stored;
mod tokens;

use bytes::Bytes;
use model::encoding::{id_length, push_ids, push_value, read_id, read_ids, value_length};
use model::value::get_field;
use model::{DatabaseName, DocumentName, DocumentPath, FieldPath, Fields, Parent, Timestamp, Value, body};

use crate::dice::Dice;

/// One reader of bytes.
#[derive(Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Reads the bytes; panics when something is wrong.
    pub run: fn(&[u8]),
    /// Well-formed inputs, from which mutation starts.
    pub corpus: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 15] = [
    Target { name: "key_values", run: key_values, corpus: key_value_corpus },
    Target { name: "key_ids", run: key_ids, corpus: key_id_corpus },
    Target { name: "bodies", run: bodies, corpus: body_corpus },
    Target { name: "body_fields", run: body_fields, corpus: body_corpus },
    Target { name: "field_paths", run: field_paths, corpus: field_path_corpus },
    Target { name: "names", run: names, corpus: name_corpus },
    Target { name: "order_by", run: queries::order_by, corpus: queries::order_by_corpus },
    Target { name: "page_tokens", run: queries::page_tokens, corpus: queries::page_token_corpus },
    Target { name: "gql", run: entities::gql, corpus: entities::gql_corpus },
    Target { name: "entity_cursors", run: entities::entity_cursors, corpus: entities::entity_cursor_corpus },
    Target { name: "rules", run: rules::rules, corpus: rules::rules_corpus },
    Target { name: "tokens", run: tokens::tokens, corpus: tokens::token_corpus },
    Target { name: "rows", run: stored::rows, corpus: stored::row_corpus },
    Target { name: "catalog", run: stored::catalog, corpus: stored::catalog_corpus },
    Target { name: "damaged_store", run: stored::damaged_store, corpus: stored::row_corpus },
];

impl Target {
    /// The target of a name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Self {
        TARGETS.into_iter().find(|target| target.name == name).expect("a target of that name")
    }

    /// Runs over so many inputs: of the corpus, changed a little or much, and at random.
    pub fn shake(&self, seed: u64, inputs: usize) {
        let mut dice = Dice::new(seed);
        let corpus = (self.corpus)();
        corpus.iter().for_each(|input| (self.run)(input));
        for _ in 0..inputs {
            let input = if dice.chance(15) { noise(&mut dice) } else { mutated(&mut dice, &corpus) };
            (self.run)(&input);
        }
    }
}

fn noise(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(40)).map(|_| byte(dice)).collect()
}

/// Any byte, those that mean something more often.
fn byte(dice: &mut Dice) -> u8 {
    match dice.below(3) {
        0 => *dice.pick(&[0, 1, 2, 0x0a, 0x12, 0x11, 0x20, 0x40, 0x50, 0x60, 0x61, 0x7f, 0x80, 0xfe, 0xff]),
        1 => *dice.pick(b"/_`.\\\"a0(){}[]"),
        _ => dice.number() as u8,
    }
}

fn mutated(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(input.len() + 1);
        match dice.below(6) {
            0 => input.truncate(at),
            1 => input.insert(at, byte(dice)),
            2 if at < input.len() => drop(input.remove(at)),
            3 if at < input.len() => input[at] = byte(dice),
            4 if at < input.len() => input[at] ^= 1 << dice.below(8),
            // A piece again and again: nesting, and lengths that do not fit.
            5 => {
                let end = at + dice.below(input.len() - at + 1);
                let piece = input[at..end].repeat(1 + dice.below(400));
                input.splice(at..at, piece);
                input.truncate(5_000);
            }
            _ => input.extend_from_slice(&corpus[dice.below(corpus.len())]),
        }
    }
    input
}

fn key_values(input: &[u8]) {
    for descending in [false, true] {
        if let Ok(length) = value_length(input, descending) {
            assert!((1..=input.len()).contains(&length), "a value lies within its bytes");
            assert_eq!(value_length(&input[..length], descending), Ok(length), "a value decides its own end");
        }
    }
}

fn key_ids(input: &[u8]) {
    if let Ok((_, rest)) = read_id(input) {
        assert_eq!(id_length(input), Ok(input.len() - rest.len()));
    }
    if let Ok((path, rest)) = read_ids(input) {
        assert!(input.ends_with(rest));
        drop(DocumentPath::new(&path));
    }
}

fn bodies(input: &[u8]) {
    if let Ok(value) = body::decode_value(input) {
        let encode = |value: &Value| {
            let mut bytes = Vec::new();
            body::encode_value(&mut bytes, value);
            bytes
        };
        let canonical = encode(&value);
        let again = body::decode_value(&canonical).expect("what was read can be written and read again");
        assert_eq!(encode(&again), canonical);
    }
    let Ok(fields) = body::decode(input) else { return };
    let canonical = body::encode(&fields);
    let again = body::decode(&canonical).expect("what was read can be written and read again");
    assert_eq!(body::encode(&again), canonical);
    for (name, value) in &again {
        let path = FieldPath::single(name);
        let found = body::find(&canonical, &path).expect("a canonical body");
        assert_eq!(format!("{found:?}"), format!("{:?}", Some(value)));
    }
}

/// The first bytes are a field path, the rest a body.
fn body_fields(input: &[u8]) {
    let paths = ["a", "a.b", "m.x.y", "`__type__`", "v.value", "`\0`"].map(FieldPath::parse);
    let paths: Vec<_> = paths.into_iter().map(|path| path.expect("these are paths")).collect();
    for path in &paths {
        let found = body::find(input, path);
        if let (Ok(found), Ok(fields)) = (found, body::decode(input))
            && body::encode(&fields) == input
        {
            assert_eq!(format!("{:?}", found.as_ref()), format!("{:?}", get_field(&fields, path.segments())));
        }
    }
    for count in 0..paths.len() {
        if let Ok(projected) = body::project(input, &paths[..count]) {
            drop(body::decode(&projected));
        }
    }
}

fn field_paths(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(path) = FieldPath::parse(text) {
        let printed = path.to_string();
        // Printing may quote what needed no quotes, and so become too long to be read.
        if printed.len() <= model::limits::MAX_ID_BYTES {
            assert_eq!(FieldPath::parse(&printed).as_ref(), Ok(&path));
        }
        drop(path.check_not_reserved());
    }
}

fn names(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(name) = DatabaseName::parse(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(name) = DocumentName::parse(text) {
        assert_eq!(name.to_string(), text);
        let mut bytes = Vec::new();
        push_ids(&mut bytes, name.path.ids());
        assert_eq!(read_ids(&bytes).map(|(path, _)| path).as_deref(), Ok(name.path.as_str()));
    }
    if let Ok((database, Parent::Document(path))) = Parent::parse(text) {
        assert_eq!(database.document(&path).to_string(), text);
    }
    for check in [model::path::check_collection_id, model::path::check_document_id] {
        drop(check(text));
    }
}

/// One value of each kind, nested and not.
pub(crate) fn sample_fields() -> Fields {
    let database = DatabaseName::new("p", "(default)");
    let path = DocumentPath::new("c/a/d/__id7__").expect("an even number of ids");
    let scalars = [
        ("null", Value::Null),
        ("true", Value::Boolean(true)),
        ("integer", Value::Integer(-1)),
        ("double", Value::Double(1.5)),
        ("time", Value::Timestamp(Timestamp::MAX)),
        ("text", Value::from("a\0b")),
        ("bytes", Value::Bytes(Bytes::from_static(&[0, 0xff]))),
        ("reference", Value::Reference(database.document(&path))),
        ("point", Value::GeoPoint(model::GeoPoint { latitude: 1.0, longitude: -2.0 })),
        ("v", Value::Vector(vec![1.0, 2.0])),
    ];
    let mut fields: Fields = scalars.map(|(name, value)| (name.to_owned(), value)).into();
    let inner = fields.clone();
    fields.insert("a".to_owned(), Value::Array(inner.values().cloned().collect()));
    fields.insert("m".to_owned(), Value::Map(Fields::from([("x".to_owned(), Value::Map(inner))])));
    fields
}

fn key_value_corpus() -> Vec<Vec<u8>> {
    let encode = |value: &Value| {
        let mut bytes = Vec::new();
        push_value(&mut bytes, value);
        bytes
    };
    let ascending: Vec<_> = sample_fields().values().map(encode).collect();
    let inverted = ascending.iter().map(|bytes| bytes.iter().map(|byte| !byte).collect());
    ascending.iter().cloned().chain(inverted).collect()
}

fn key_id_corpus() -> Vec<Vec<u8>> {
    let encode = |path: &str| {
        let mut bytes = Vec::new();
        push_ids(&mut bytes, path.split('/'));
        bytes
    };
    ["c/a", "c/__id7__/d/x\0y", "日本/語", "__id-9223372036854775808__"].map(encode).to_vec()
}

fn body_corpus() -> Vec<Vec<u8>> {
    let whole = sample_fields();
    let single = |(name, value): (&String, &Value)| {
        let mut bytes = Vec::new();
        body::encode_value(&mut bytes, value);
        [body::encode(&Fields::from([(name.clone(), value.clone())])).to_vec(), bytes]
    };
    let mut corpus: Vec<Vec<u8>> = whole.iter().flat_map(single).collect();
    corpus.push(body::encode(&whole).to_vec());
    corpus
}

fn field_path_corpus() -> Vec<Vec<u8>> {
    ["a", "a.b_1", "`a b`.c", "`\\``.`\\\\`", "__name__", "a.`日本`"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

fn name_corpus() -> Vec<Vec<u8>> {
    let names = [
        "projects/p/databases/(default)",
        "projects/p/databases/(default)/documents",
        "projects/p/databases/(default)/documents/c/a",
        "projects/p/databases/d/documents/c/__id7__/日/\u{1}",
        "projects/p/databases/d/documents/c/..",
    ];
    names.map(|text| text.as_bytes().to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SEEDS=100` searches longer.
    #[test]
    fn hostile_bytes_are_refused_without_a_panic() {
        let seeds = std::env::var("SEEDS").map_or(1, |seeds| seeds.parse().expect("a number"));
        for seed in 1..=seeds {
            for target in TARGETS {
                // Opening or querying a store or running rules takes longer than reading a row.
                let slow =
                    ["catalog", "damaged_store", "gql", "entity_cursors", "order_by", "page_tokens", "rules"];
                let inputs = if slow.contains(&target.name) { 1_000 } else { 10_000 };
                target.shake(seed, inputs);
            }
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        for byte in [0x40, 0x50, 0xbf, 0xaf, 0x0a, 0x32, 0x4a] {
            for target in TARGETS {
                (target.run)(&[byte].repeat(200_000));
            }
        }
    }
}
