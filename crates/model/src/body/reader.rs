//! Reads what the writer wrote, and refuses everything else without panicking.

use bytes::Bytes;

use super::writer::{NESTED, field};
use crate::value::{TYPE_KEY, VECTOR_TYPE, VECTOR_VALUE_KEY};
use crate::{DocumentName, Fields, GeoPoint, Timestamp, Value};

/// Bytes that are not a canonical body. In storage that is damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed document bytes")]
pub struct BodyError;

/// Deeper than any legal value: 20 levels, and two for a vector.
const MAX_DEPTH: usize = 64;

pub(crate) enum Content<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// The fields of one message, one after the other.
pub(crate) struct Message<'a>(pub(crate) &'a [u8]);

impl<'a> Message<'a> {
    fn varint(&mut self) -> Result<u64, BodyError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(BodyError)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BodyError)
    }

    pub(crate) fn next(&mut self) -> Result<Option<(u32, Content<'a>)>, BodyError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| BodyError)?;
        let content = match tag & 7 {
            0 => Content::Varint(self.varint()?),
            1 => {
                let (bytes, rest) = self.0.split_first_chunk::<8>().ok_or(BodyError)?;
                self.0 = rest;
                Content::Fixed64(*bytes)
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| BodyError)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(BodyError)?;
                self.0 = rest;
                Content::Bytes(bytes)
            }
            _ => return Err(BodyError),
        };
        Ok(Some((number, content)))
    }

    /// The content of a message that holds one field only.
    fn only(mut self) -> Result<(u32, Content<'a>), BodyError> {
        let first = self.next()?.ok_or(BodyError)?;
        if self.0.is_empty() { Ok(first) } else { Err(BodyError) }
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(bytes).map_err(|_| BodyError)
}

/// Splits a map entry into its key and the bytes of its value.
pub(crate) fn entry(bytes: &[u8]) -> Result<(&str, &[u8]), BodyError> {
    let mut message = Message(bytes);
    match (message.next()?, message.next()?, message.next()?) {
        (Some((1, Content::Bytes(key))), Some((2, Content::Bytes(value))), None) => Ok((text(key)?, value)),
        _ => Err(BodyError),
    }
}

/// The entries of a map field, in stored order.
pub(crate) fn entries(bytes: &[u8], number: u32) -> impl Iterator<Item = Result<(&str, &[u8]), BodyError>> {
    let mut message = Message(bytes);
    std::iter::from_fn(move || match message.next() {
        Ok(None) => None,
        Ok(Some((found, Content::Bytes(content)))) if found == number => Some(entry(content)),
        Ok(Some(_)) | Err(BodyError) => {
            message.0 = &[];
            Some(Err(BodyError))
        }
    })
}

pub(super) fn fields(bytes: &[u8], number: u32) -> Result<Fields, BodyError> {
    fields_at(bytes, number, 0)
}

fn fields_at(bytes: &[u8], number: u32, depth: usize) -> Result<Fields, BodyError> {
    let mut fields = Fields::new();
    for entry in entries(bytes, number) {
        let (key, value) = entry?;
        fields.insert(key.to_owned(), value_at(value, depth + 1)?);
    }
    Ok(fields)
}

pub(super) fn value(bytes: &[u8]) -> Result<Value, BodyError> {
    value_at(bytes, 0)
}

fn value_at(bytes: &[u8], depth: usize) -> Result<Value, BodyError> {
    if depth > MAX_DEPTH {
        return Err(BodyError);
    }
    let value = match Message(bytes).only()? {
        (field::NULL, Content::Varint(0)) => Value::Null,
        (field::BOOLEAN, Content::Varint(truth)) => Value::Boolean(truth != 0),
        (field::INTEGER, Content::Varint(number)) => Value::Integer(number as i64),
        (field::DOUBLE, Content::Fixed64(number)) => Value::Double(f64::from_le_bytes(number)),
        (field::TIMESTAMP, Content::Bytes(content)) => Value::Timestamp(timestamp(content)?),
        (field::STRING, Content::Bytes(content)) => Value::String(text(content)?.to_owned()),
        (field::BYTES, Content::Bytes(content)) => Value::Bytes(Bytes::copy_from_slice(content)),
        (field::REFERENCE, Content::Bytes(content)) => {
            Value::Reference(DocumentName::parse(text(content)?).map_err(|_| BodyError)?)
        }
        (field::GEO_POINT, Content::Bytes(content)) => Value::GeoPoint(geo_point(content)?),
        (field::ARRAY, Content::Bytes(content)) => Value::Array(array(content, depth)?),
        (field::MAP, Content::Bytes(content)) => map(content, depth)?,
        _ => return Err(BodyError),
    };
    Ok(value)
}

fn array(bytes: &[u8], depth: usize) -> Result<Vec<Value>, BodyError> {
    let mut message = Message(bytes);
    let mut values = Vec::new();
    while let Some((number, content)) = message.next()? {
        match content {
            Content::Bytes(value) if number == NESTED => values.push(value_at(value, depth + 1)?),
            _ => return Err(BodyError),
        }
    }
    Ok(values)
}

fn map(bytes: &[u8], depth: usize) -> Result<Value, BodyError> {
    let fields = fields_at(bytes, NESTED, depth)?;
    let is_vector = matches!(fields.get(TYPE_KEY), Some(Value::String(name)) if name == VECTOR_TYPE);
    if !is_vector {
        return Ok(Value::Map(fields));
    }
    let Some(Value::Array(values)) = fields.get(VECTOR_VALUE_KEY) else {
        return Err(BodyError);
    };
    let elements = values.iter().map(|value| match value {
        Value::Double(number) => Ok(*number),
        _ => Err(BodyError),
    });
    Ok(Value::Vector(elements.collect::<Result<_, _>>()?))
}

pub(crate) fn timestamp(bytes: &[u8]) -> Result<Timestamp, BodyError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut message = Message(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Content::Varint(number)) => seconds = number as i64,
            (2, Content::Varint(number)) => nanos = i32::try_from(number).map_err(|_| BodyError)?,
            _ => return Err(BodyError),
        }
    }
    Timestamp::from_parts(seconds, nanos).ok_or(BodyError)
}

pub(crate) fn geo_point(bytes: &[u8]) -> Result<GeoPoint, BodyError> {
    let mut point = GeoPoint { latitude: 0.0, longitude: 0.0 };
    let mut message = Message(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Content::Fixed64(degrees)) => point.latitude = f64::from_le_bytes(degrees),
            (2, Content::Fixed64(degrees)) => point.longitude = f64::from_le_bytes(degrees),
            _ => return Err(BodyError),
        }
    }
    Ok(point)
}

/// The bytes of the value at `key`. Entries are sorted, so the search ends at the first above it.
pub(crate) fn find_entry<'a>(bytes: &'a [u8], number: u32, key: &str) -> Result<Option<&'a [u8]>, BodyError> {
    for entry in entries(bytes, number) {
        let (found, value) = entry?;
        if found >= key {
            return Ok((found == key).then_some(value));
        }
    }
    Ok(None)
}

/// The bytes of the value at `key` when `bytes` is a map value (and not a vector).
pub(super) fn find_in_map<'a>(bytes: &'a [u8], key: &str) -> Result<Option<&'a [u8]>, BodyError> {
    match Message(bytes).only()? {
        (field::MAP, Content::Bytes(content)) if !is_vector(content)? => find_entry(content, NESTED, key),
        _ => Ok(None),
    }
}

fn is_vector(map: &[u8]) -> Result<bool, BodyError> {
    let Some(marker) = find_entry(map, NESTED, TYPE_KEY)? else { return Ok(false) };
    Ok(
        matches!(Message(marker).only()?, (field::STRING, Content::Bytes(name)) if name == VECTOR_TYPE.as_bytes()),
    )
}

/// The entries whose key `keep` accepts, as they stand.
pub(crate) fn keep_entries(
    bytes: &[u8],
    number: u32,
    keep: impl Fn(&str) -> bool,
) -> Result<Bytes, BodyError> {
    let mut out = Vec::new();
    let mut message = Message(bytes);
    loop {
        let before = message.0;
        match message.next()? {
            None => return Ok(out.into()),
            Some((found, Content::Bytes(content))) if found == number => {
                if keep(entry(content)?.0) {
                    out.extend_from_slice(&before[..before.len() - message.0.len()]);
                }
            }
            Some(_) => return Err(BodyError),
        }
    }
}
