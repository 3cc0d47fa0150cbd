//! Bytes whose order is Firestore's order.
//!
//! Every piece is self-delimiting (no piece is a proper prefix of another that sorts differently),
//! so pieces can be put one after the other in a key, and a piece with all its bytes inverted sorts
//! the other way round: that is a descending column.
//!
//! | piece | bytes |
//! |---|---|
//! | null, false, true, NaN | one tag |
//! | number | tag, the nearest double (order-preserving, 8 bytes), what the double misses (2 bytes) |
//! | timestamp | tag, microseconds with the sign bit flipped (8 bytes) |
//! | string, bytes | tag, content with `00` written `00 ff`, then `00 01` |
//! | integer id, id | tag and 8 bytes, or as a string |
//! | reference | tag, project, database, the path's ids, [`END`] |
//! | array | tag, elements, [`END`] |
//! | vector | tag, dimensions (4 bytes), the first 187 doubles |
//! | map | tag, (key as string, value) pairs, [`END`] |
//!
//! [`END`] is below every tag, so the shorter of two lists sorts first.

use crate::limits::MAX_INDEXED_VALUE_BYTES;
use crate::path::Segment;
use crate::{DocumentName, Value};

/// Elements of a vector that are kept (the count of all of them stands first), so that its bytes stay within what
/// an index keeps of a value. Nearest neighbours are computed from the documents.
const MAX_KEPT_DIMENSIONS: usize = MAX_INDEXED_VALUE_BYTES / 8;

/// Closes lists and paths.
pub const END: u8 = 0x01;

mod tag {
    pub const NULL: u8 = 0x08;
    pub const FALSE: u8 = 0x0a;
    pub const TRUE: u8 = 0x0b;
    pub const NAN: u8 = 0x10;
    pub const NUMBER: u8 = 0x11;
    pub const TIMESTAMP: u8 = 0x18;
    pub const STRING: u8 = 0x20;
    pub const BYTES: u8 = 0x28;
    pub const REFERENCE: u8 = 0x30;
    pub const GEO_POINT: u8 = 0x38;
    pub const ARRAY: u8 = 0x40;
    pub const VECTOR: u8 = 0x48;
    pub const MAP: u8 = 0x50;
    pub const INTEGER_ID: u8 = 0x60;
    pub const ID: u8 = 0x61;
}

/// Deeper than any legal value (20 levels): damaged bytes must not exhaust the stack.
const MAX_READ_DEPTH: usize = 64;

/// Bytes that are not what this module writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed key bytes")]
pub struct EncodingError;

/// How much of a long value is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// Strings and bytes at [`MAX_INDEXED_VALUE_BYTES`]; arrays and maps take no further element once
    /// the output is this long. (Production takes arrays of 19,999 numbers, so it cuts them too.)
    Index {
        full_at: usize,
    },
}

impl Cut {
    fn is_full(self, out: &[u8]) -> bool {
        matches!(self, Cut::Index { full_at } if out.len() >= full_at)
    }
}

/// Appends a value whole.
pub fn push_value(out: &mut Vec<u8>, value: &Value) {
    push(out, value, Cut::Nothing);
}

/// Appends a value as indexes keep it: cut at about 1,500 bytes.
pub fn push_index_value(out: &mut Vec<u8>, value: &Value) {
    let full_at = out.len() + MAX_INDEXED_VALUE_BYTES;
    push(out, value, Cut::Index { full_at });
}

/// Appends a value for a descending column: [`push_index_value`] with every byte inverted.
pub fn push_index_value_descending(out: &mut Vec<u8>, value: &Value) {
    let start = out.len();
    push_index_value(out, value);
    out[start..].iter_mut().for_each(|byte| *byte = !*byte);
}

/// The first bytes of every value of `value`'s class and of no other (numbers without NaN).
pub fn class_range(value: &Value) -> (u8, u8) {
    match value {
        Value::Null => (tag::NULL, tag::NULL + 1),
        Value::Boolean(_) => (tag::FALSE, tag::TRUE + 1),
        Value::Integer(_) | Value::Double(_) => (tag::NUMBER, tag::NUMBER + 1),
        Value::Timestamp(_) => (tag::TIMESTAMP, tag::TIMESTAMP + 1),
        Value::String(_) => (tag::STRING, tag::STRING + 1),
        Value::Bytes(_) => (tag::BYTES, tag::BYTES + 1),
        Value::Reference(_) => (tag::REFERENCE, tag::REFERENCE + 1),
        Value::GeoPoint(_) => (tag::GEO_POINT, tag::GEO_POINT + 1),
        Value::Array(_) => (tag::ARRAY, tag::ARRAY + 1),
        Value::Vector(_) => (tag::VECTOR, tag::VECTOR + 1),
        Value::Map(_) => (tag::MAP, tag::MAP + 1),
    }
}

fn push(out: &mut Vec<u8>, value: &Value, cut: Cut) {
    match value {
        Value::Null => out.push(tag::NULL),
        Value::Boolean(false) => out.push(tag::FALSE),
        Value::Boolean(true) => out.push(tag::TRUE),
        Value::Integer(i) => push_integer(out, *i),
        Value::Double(d) => push_number(out, *d, 0),
        Value::Timestamp(t) => {
            out.push(tag::TIMESTAMP);
            out.extend_from_slice(&ordered_i64(t.micros()));
        }
        Value::String(text) => {
            out.push(tag::STRING);
            push_escaped(out, cut_bytes(text.as_bytes(), cut));
        }
        Value::Bytes(bytes) => {
            out.push(tag::BYTES);
            push_escaped(out, cut_bytes(bytes, cut));
        }
        Value::Reference(name) => push_reference(out, name),
        Value::GeoPoint(point) => {
            out.push(tag::GEO_POINT);
            out.extend_from_slice(&ordered_f64(point.latitude));
            out.extend_from_slice(&ordered_f64(point.longitude));
        }
        Value::Array(values) => {
            out.push(tag::ARRAY);
            for value in values {
                if cut.is_full(out) {
                    break;
                }
                push(out, value, cut);
            }
            out.push(END);
        }
        Value::Vector(elements) => {
            out.push(tag::VECTOR);
            let dimensions = u32::try_from(elements.len()).expect("a vector has at most 2,048 dimensions");
            out.extend_from_slice(&dimensions.to_be_bytes());
            let kept = elements.iter().take(MAX_KEPT_DIMENSIONS);
            kept.for_each(|element| out.extend_from_slice(&ordered_f64(*element)));
        }
        Value::Map(fields) => {
            out.push(tag::MAP);
            for (key, value) in fields {
                if cut.is_full(out) {
                    break;
                }
                out.push(tag::STRING);
                push_escaped(out, key.as_bytes());
                push(out, value, cut);
            }
            out.push(END);
        }
    }
}

fn cut_bytes(bytes: &[u8], cut: Cut) -> &[u8] {
    match cut {
        Cut::Nothing => bytes,
        Cut::Index { .. } => &bytes[..bytes.len().min(MAX_INDEXED_VALUE_BYTES)],
    }
}

fn push_integer(out: &mut Vec<u8>, integer: i64) {
    let nearest = integer as f64;
    // At most half the gap between doubles below 2^63, which is 512: it fits 16 bits.
    let missed = i128::from(integer) - nearest as i128;
    push_number(out, nearest, i16::try_from(missed).expect("|missed| <= 512"));
}

fn push_number(out: &mut Vec<u8>, nearest: f64, missed: i16) {
    if nearest.is_nan() {
        return out.push(tag::NAN);
    }
    out.push(tag::NUMBER);
    out.extend_from_slice(&ordered_f64(nearest));
    out.extend_from_slice(&((missed as u16) ^ 0x8000).to_be_bytes());
}

/// Unsigned big-endian bytes in the order of the number; -0.0 as 0.0, NaN below everything.
pub(crate) fn ordered_f64(number: f64) -> [u8; 8] {
    if number.is_nan() {
        return [0; 8];
    }
    let bits = if number == 0.0 { 0 } else { number.to_bits() };
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    ordered.to_be_bytes()
}

/// Unsigned big-endian bytes in the order of the integer.
pub(crate) fn ordered_i64(number: i64) -> [u8; 8] {
    ((number as u64) ^ 1 << 63).to_be_bytes()
}

pub(crate) fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    // Hardly ever is there a zero in it, and to look for one is faster than to split.
    if !bytes.contains(&0) {
        out.extend_from_slice(bytes);
        return out.extend_from_slice(&[0, 1]);
    }
    for part in bytes.split_inclusive(|byte| *byte == 0) {
        out.extend_from_slice(part);
        if part.last() == Some(&0) {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 1]);
}

fn push_reference(out: &mut Vec<u8>, name: &DocumentName) {
    out.push(tag::REFERENCE);
    push_escaped(out, name.database.project.as_bytes());
    push_escaped(out, name.database.database.as_bytes());
    push_ids(out, name.path.ids());
    out.push(END);
}

/// Appends one id of a path: integer ids before all others.
pub fn push_id(out: &mut Vec<u8>, id: &str) {
    match Segment::parse(id) {
        Segment::Id(number) => {
            out.push(tag::INTEGER_ID);
            out.extend_from_slice(&ordered_i64(number));
        }
        Segment::Name(name) => {
            out.push(tag::ID);
            push_escaped(out, name.as_bytes());
        }
    }
}

/// Appends the ids of a path, without an [`END`]: more ids may follow.
pub fn push_ids<'a>(out: &mut Vec<u8>, ids: impl Iterator<Item = &'a str>) {
    ids.for_each(|id| push_id(out, id));
}

/// Reads one id; returns it with what follows.
pub fn read_id(bytes: &[u8]) -> Result<(String, &[u8]), EncodingError> {
    let mut id = Vec::new();
    let rest = append_id(&mut id, bytes)?;
    Ok((String::from_utf8(id).map_err(|_| EncodingError)?, rest))
}

/// Reads ids to the end of `bytes` or to [`END`], joined by `/`; returns what follows the ids.
pub fn read_ids(mut bytes: &[u8]) -> Result<(String, &[u8]), EncodingError> {
    let mut path = Vec::with_capacity(bytes.len());
    while bytes.first().is_some_and(|byte| *byte != END) {
        if !path.is_empty() {
            path.push(b'/');
        }
        bytes = append_id(&mut path, bytes)?;
    }
    // Text between slashes is text exactly if all of it is.
    Ok((String::from_utf8(path).map_err(|_| EncodingError)?, bytes))
}

/// Appends the id that `bytes` begins with; returns what follows.
fn append_id<'b>(out: &mut Vec<u8>, bytes: &'b [u8]) -> Result<&'b [u8], EncodingError> {
    match bytes.split_first() {
        Some((&tag::INTEGER_ID, rest)) => {
            let (number, rest) = rest.split_first_chunk::<8>().ok_or(EncodingError)?;
            let number = (u64::from_be_bytes(*number) ^ 1 << 63) as i64;
            out.extend_from_slice(format!("__id{number}__").as_bytes());
            Ok(rest)
        }
        Some((&tag::ID, rest)) => append_escaped(out, rest),
        _ => Err(EncodingError),
    }
}

/// The length of the id that `bytes` begins with.
pub fn id_length(bytes: &[u8]) -> Result<usize, EncodingError> {
    match bytes.split_first() {
        Some((&tag::INTEGER_ID, rest)) if rest.len() >= 8 => Ok(9),
        Some((&tag::ID, rest)) => Ok(1 + escaped_length(rest, 0x00)?),
        _ => Err(EncodingError),
    }
}

pub(crate) fn read_escaped(bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), EncodingError> {
    let mut content = Vec::new();
    let rest = append_escaped(&mut content, bytes)?;
    Ok((content, rest))
}

/// Appends what an escaped piece stands for; returns what follows its terminator.
fn append_escaped<'b>(out: &mut Vec<u8>, bytes: &'b [u8]) -> Result<&'b [u8], EncodingError> {
    let mut rest = bytes;
    loop {
        let plain = rest.iter().position(|byte| *byte == 0).ok_or(EncodingError)?;
        let (content, after) = rest.split_at(plain);
        out.extend_from_slice(content);
        match after {
            [0, 1, after @ ..] => return Ok(after),
            [0, 0xff, after @ ..] => {
                out.push(0);
                rest = after;
            }
            _ => return Err(EncodingError),
        }
    }
}

/// The length of an escaped piece with its terminator; `flip` is ff for inverted bytes.
pub(crate) fn escaped_length(bytes: &[u8], flip: u8) -> Result<usize, EncodingError> {
    let mut at = 0;
    while at + 1 < bytes.len() {
        match (bytes[at] ^ flip, bytes[at + 1] ^ flip) {
            (0, 1) => return Ok(at + 2),
            (0, 0xff) => at += 2,
            (0, _) => return Err(EncodingError),
            _ => at += 1,
        }
    }
    Err(EncodingError)
}

/// The length of the value that `bytes` begins with, in an ascending or (`descending`) an inverted
/// column.
pub fn value_length(bytes: &[u8], descending: bool) -> Result<usize, EncodingError> {
    length_at(bytes, if descending { 0xff } else { 0x00 }, 0)
}

fn length_at(bytes: &[u8], flip: u8, depth: usize) -> Result<usize, EncodingError> {
    if depth > MAX_READ_DEPTH {
        return Err(EncodingError);
    }
    let first = *bytes.first().ok_or(EncodingError)? ^ flip;
    let rest = &bytes[1..];
    let body = match first {
        tag::NULL | tag::FALSE | tag::TRUE | tag::NAN => 0,
        tag::NUMBER => 10,
        tag::TIMESTAMP => 8,
        tag::STRING | tag::BYTES => escaped_length(rest, flip)?,
        tag::GEO_POINT => 16,
        tag::REFERENCE => {
            let project = escaped_length(rest, flip)?;
            let database = escaped_length(&rest[project..], flip)?;
            project + database + list_length(&rest[project + database..], flip, depth)?
        }
        tag::ARRAY | tag::MAP => list_length(rest, flip, depth)?,
        tag::VECTOR => {
            let dimensions = rest.first_chunk::<4>().ok_or(EncodingError)?.map(|byte| byte ^ flip);
            4 + 8 * (u32::from_be_bytes(dimensions) as usize).min(MAX_KEPT_DIMENSIONS)
        }
        _ => return Err(EncodingError),
    };
    if rest.len() < body {
        return Err(EncodingError);
    }
    Ok(1 + body)
}

/// The length of values and ids up to and including [`END`].
pub(crate) fn list_length(bytes: &[u8], flip: u8, depth: usize) -> Result<usize, EncodingError> {
    let mut at = 0;
    loop {
        match *bytes.get(at).ok_or(EncodingError)? ^ flip {
            END => return Ok(at + 1),
            tag::INTEGER_ID => at += 9,
            tag::ID => at += 1 + escaped_length(bytes.get(at + 1..).ok_or(EncodingError)?, flip)?,
            _ => at += length_at(&bytes[at..], flip, depth + 1)?,
        }
    }
}

/// The smallest byte string above every string that begins with `prefix`; `None` if there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut after = prefix[..=keep].to_vec();
    after[keep] += 1;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_2048_dimensions_stays_within_what_an_index_keeps() {
        let mut bytes = Vec::new();
        push_index_value(&mut bytes, &Value::Vector(vec![0.5; 2_048]));
        assert!(bytes.len() <= MAX_INDEXED_VALUE_BYTES + 8);
        assert_eq!(value_length(&bytes, false), Ok(bytes.len()));
    }
}
