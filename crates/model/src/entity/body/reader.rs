//! Reads what the writer wrote, and refuses everything else without panicking.

use bytes::Bytes;

use super::writer::{UNNAMED_DATABASE, field};
use super::{BodyError, PROPERTIES};
use crate::body::reader::{Content, Message, entries, entry, geo_point, text, timestamp};
use crate::entity::{EmbeddedEntity, EntityValue, Id, Key, Partition, PathElement, Properties, Property};

/// Deeper than any legal value (20 levels of entities, each perhaps in an array): damaged bytes must not exhaust
/// the stack.
const MAX_DEPTH: usize = 64;

pub(super) fn properties(bytes: &[u8]) -> Result<Properties, BodyError> {
    let mut properties = Properties::new();
    for entry in entries(bytes, PROPERTIES) {
        let (name, bytes) = entry?;
        properties.insert(name.to_owned(), value_at(bytes, 1)?);
    }
    Ok(properties)
}

pub(super) fn value(bytes: &[u8]) -> Result<Property, BodyError> {
    value_at(bytes, 0)
}

/// See [`super::is_single`].
pub(super) fn is_single(bytes: &[u8]) -> Result<bool, BodyError> {
    let mut message = Message(bytes);
    let (number, _) = message.next()?.ok_or(BodyError)?;
    let mut single = !matches!(number, field::ARRAY | field::ENTITY | field::KEY);
    while let Some((number, _)) = message.next()? {
        single &= number != field::EXCLUDED;
    }
    Ok(single)
}

fn value_at(bytes: &[u8], depth: usize) -> Result<Property, BodyError> {
    if depth > MAX_DEPTH {
        return Err(BodyError);
    }
    let mut message = Message(bytes);
    let (number, content) = message.next()?.ok_or(BodyError)?;
    let mut property = Property::from(value_of(number, content, depth)?);
    while let Some(part) = message.next()? {
        match part {
            (field::MEANING, Content::Varint(meaning)) => {
                property.meaning = i32::try_from(meaning as i64).map_err(|_| BodyError)?;
            }
            (field::EXCLUDED, Content::Varint(excluded)) => property.excluded = excluded != 0,
            (_, _) => return Err(BodyError),
        }
    }
    Ok(property)
}

fn value_of(number: u32, content: Content<'_>, depth: usize) -> Result<EntityValue, BodyError> {
    Ok(match (number, content) {
        (field::NULL, Content::Varint(0)) => EntityValue::Null,
        (field::BOOLEAN, Content::Varint(truth)) => EntityValue::Boolean(truth != 0),
        (field::INTEGER, Content::Varint(number)) => EntityValue::Integer(number as i64),
        (field::DOUBLE, Content::Fixed64(number)) => EntityValue::Double(f64::from_le_bytes(number)),
        (field::TIMESTAMP, Content::Bytes(bytes)) => EntityValue::Timestamp(timestamp(bytes)?),
        (field::KEY, Content::Bytes(bytes)) => EntityValue::Key(key(bytes)?),
        (field::STRING, Content::Bytes(bytes)) => EntityValue::String(text(bytes)?.to_owned()),
        (field::BLOB, Content::Bytes(bytes)) => EntityValue::Blob(Bytes::copy_from_slice(bytes)),
        (field::GEO_POINT, Content::Bytes(bytes)) => EntityValue::GeoPoint(geo_point(bytes)?),
        (field::ENTITY, Content::Bytes(bytes)) => EntityValue::Entity(embedded(bytes, depth)?),
        (field::ARRAY, Content::Bytes(bytes)) => EntityValue::Array(array(bytes, depth)?),
        (_, _) => return Err(BodyError),
    })
}

fn array(bytes: &[u8], depth: usize) -> Result<Vec<Property>, BodyError> {
    let mut message = Message(bytes);
    let mut elements = Vec::new();
    while let Some(part) = message.next()? {
        match part {
            (field::ELEMENTS, Content::Bytes(bytes)) => elements.push(value_at(bytes, depth + 1)?),
            (_, _) => return Err(BodyError),
        }
    }
    Ok(elements)
}

fn embedded(bytes: &[u8], depth: usize) -> Result<EmbeddedEntity, BodyError> {
    let mut message = Message(bytes);
    let mut entity = EmbeddedEntity { key: None, properties: Properties::new() };
    while let Some(part) = message.next()? {
        match part {
            (field::ENTITY_KEY, Content::Bytes(bytes)) => entity.key = Some(key(bytes)?),
            (PROPERTIES, Content::Bytes(bytes)) => {
                let (name, bytes) = entry(bytes)?;
                entity.properties.insert(name.to_owned(), value_at(bytes, depth + 1)?);
            }
            (_, _) => return Err(BodyError),
        }
    }
    Ok(entity)
}

pub(super) fn key(bytes: &[u8]) -> Result<Key, BodyError> {
    let mut message = Message(bytes);
    let mut key = Key { partition: partition(&[])?, path: Vec::new() };
    while let Some(part) = message.next()? {
        match part {
            (1, Content::Bytes(bytes)) => key.partition = partition(bytes)?,
            (2, Content::Bytes(bytes)) => key.path.push(element(bytes)?),
            (_, _) => return Err(BodyError),
        }
    }
    Ok(key)
}

fn partition(bytes: &[u8]) -> Result<Partition, BodyError> {
    let mut message = Message(bytes);
    let (mut project, mut database, mut namespace) = ("", UNNAMED_DATABASE, "");
    while let Some(part) = message.next()? {
        match part {
            (2, Content::Bytes(bytes)) => project = text(bytes)?,
            (3, Content::Bytes(bytes)) => database = text(bytes)?,
            (4, Content::Bytes(bytes)) => namespace = text(bytes)?,
            (_, _) => return Err(BodyError),
        }
    }
    Ok(Partition { project: project.into(), database: database.into(), namespace: namespace.into() })
}

fn element(bytes: &[u8]) -> Result<PathElement, BodyError> {
    let mut message = Message(bytes);
    let mut element = PathElement { kind: String::new(), id: None };
    while let Some(part) = message.next()? {
        match part {
            (1, Content::Bytes(bytes)) => element.kind = text(bytes)?.to_owned(),
            (2, Content::Varint(number)) => element.id = Some(Id::Number(number as i64)),
            (3, Content::Bytes(bytes)) => element.id = Some(Id::Name(text(bytes)?.to_owned())),
            (_, _) => return Err(BodyError),
        }
    }
    Ok(element)
}
