//! `Documents`: one row for each live document.
//!
//! Row: format (1 byte, [`FORMAT`]), create time (8), update time (8), body.

use bytes::Bytes;
use model::encoding::{id_length, push_id, push_ids, read_id, read_ids};
use model::{Document, DocumentPath, Timestamp};

use super::{DatabaseNumber, NUMBER_BYTES, TIME_BYTES, read_time};
use crate::error::Damage;

const FORMAT: u8 = 1;
const HEADER: usize = 1 + 2 * TIME_BYTES;

/// The key of a document.
pub fn key(number: DatabaseNumber, path: &DocumentPath) -> Vec<u8> {
    let collection_id = path.collection_id();
    // Each id has a tag and an end; more room is hardly ever needed.
    let mut key = Vec::with_capacity(NUMBER_BYTES + 3 * (collection_id.len() + path.as_str().len()));
    key.extend_from_slice(&number.prefix());
    push_id(&mut key, collection_id);
    push_ids(&mut key, path.ids());
    key
}

/// What the keys of all documents of a collection group begin with.
pub fn group(number: DatabaseNumber, collection_id: &str) -> Vec<u8> {
    let mut key = number.prefix().to_vec();
    push_id(&mut key, collection_id);
    key
}

/// The collection group and the path bytes of a document key.
pub fn split(key: &[u8]) -> Result<(String, &[u8]), Damage> {
    let rest = key.get(NUMBER_BYTES..).ok_or(Damage::DocumentKey)?;
    read_id(rest).map_err(|_| Damage::DocumentKey)
}

/// The path in a document key.
pub fn path_of(key: &[u8]) -> Result<DocumentPath, Damage> {
    let rest = key.get(NUMBER_BYTES..).ok_or(Damage::DocumentKey)?;
    let group = id_length(rest).map_err(|_| Damage::DocumentKey)?;
    path(&rest[group..])
}

/// The path that path bytes are.
pub fn path(bytes: &[u8]) -> Result<DocumentPath, Damage> {
    let (path, rest) = read_ids(bytes).map_err(|_| Damage::DocumentKey)?;
    if !rest.is_empty() {
        return Err(Damage::DocumentKey);
    }
    DocumentPath::new(&path).ok_or(Damage::DocumentKey)
}

/// The row of a document.
pub fn row(create_time: Timestamp, update_time: Timestamp, body: &[u8]) -> Bytes {
    let mut row = Vec::with_capacity(HEADER + body.len());
    row.push(FORMAT);
    row.extend_from_slice(&super::time_bytes(create_time));
    row.extend_from_slice(&super::time_bytes(update_time));
    row.extend_from_slice(body);
    row.into()
}

/// The document that a row holds; the body shares the row's memory.
pub fn read_row(path: DocumentPath, row: &Bytes) -> Result<Document, Damage> {
    if row.first() != Some(&FORMAT) || row.len() < HEADER {
        return Err(Damage::DocumentRow);
    }
    let time = |at: usize| read_time(&row[at..at + TIME_BYTES]).ok_or(Damage::DocumentRow);
    Ok(Document {
        path,
        create_time: time(1)?,
        update_time: time(1 + TIME_BYTES)?,
        body: row.slice(HEADER..),
    })
}

/// Only the update time of a row.
pub fn row_update_time(row: &[u8]) -> Result<Timestamp, Damage> {
    row.get(1 + TIME_BYTES..HEADER).and_then(read_time).ok_or(Damage::DocumentRow)
}
