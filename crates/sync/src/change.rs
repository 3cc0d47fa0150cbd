//! Documents and their changes, as the cache takes them and as the next program gets them.

use std::fmt::Write as _;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::Document;

use crate::failure::{Failure, Kind};
use crate::json;
use crate::time::Time;

/// A document in the cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The path below the database: `events/0001`.
    pub name: String,
    /// The fields, as the JSON of Firestore's REST interface.
    pub fields: String,
    pub create_time: Time,
    pub update_time: Time,
}

/// A document is so now, or is gone.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Set(Row),
    Delete(String),
}

/// What a key scan tells of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) update_time: Time,
}

impl Row {
    /// What a row costs beyond its texts: times, bookkeeping, its place in two trees.
    const OVERHEAD: usize = 96;

    /// Its size, as `--max-bytes` counts it.
    pub fn size(&self) -> usize {
        2 * self.name.len() + self.fields.len() + Row::OVERHEAD
    }

    pub(crate) fn of(document: &Document, root: &str) -> Result<Row, Failure> {
        let stamp = |stamp: &Option<_>| stamp.as_ref().map_or(Time(0), Time::from_wire);
        Ok(Row {
            name: name_below(&document.name, root)?.to_owned(),
            fields: json::fields(&document.fields),
            create_time: stamp(&document.create_time),
            update_time: stamp(&document.update_time),
        })
    }
}

impl Key {
    pub(crate) fn of(document: &Document, root: &str) -> Result<Key, Failure> {
        let update_time = document.update_time.as_ref().map_or(Time(0), Time::from_wire);
        Ok(Key { name: name_below(&document.name, root)?.to_owned(), update_time })
    }
}

/// The part of a full name below the database.
pub(crate) fn name_below<'a>(name: &'a str, root: &str) -> Result<&'a str, Failure> {
    name.strip_prefix(root).ok_or_else(|| {
        Failure::new(Kind::Query, format!("the server answered with `{name}`, which is not below `{root}`"))
    })
}

impl Change {
    /// The document that it is about.
    pub fn name(&self) -> &str {
        match self {
            Change::Set(row) => &row.name,
            Change::Delete(name) => name,
        }
    }

    /// One line of JSON, without its end and without the first brace: the number goes before it.
    pub(crate) fn to_json(&self) -> String {
        let mut text = String::from("\"type\":");
        match self {
            Change::Set(row) => {
                text.push_str("\"set\",\"name\":");
                json::write_string(&row.name, &mut text);
                write!(
                    text,
                    ",\"createTime\":\"{}\",\"updateTime\":\"{}\",\"fields\":{}",
                    row.create_time, row.update_time, row.fields
                )
                .expect("a string takes all that is written to it");
            }
            Change::Delete(name) => {
                text.push_str("\"delete\",\"name\":");
                json::write_string(name, &mut text);
            }
        }
        text
    }
}
