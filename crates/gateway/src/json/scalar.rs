//! Single values: from a token of JSON to a field of protobuf.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{self, WireType, encode_key, encode_varint};
use wire::schema::table::{Enum, Kind};

use super::tokens::{Token, is_number};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
/// Doubles hold every integer up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a value cannot be what its field is.
#[derive(Debug, PartialEq)]
pub(super) enum Mistake {
    /// It is something else.
    Type,
    /// It is of the type, but not a legal one; says why.
    Value(String),
}

/// Appends field `number` of the type `kind`, which is no message.
pub(super) fn push(out: &mut Vec<u8>, kind: Kind, number: u32, token: &Token<'_>) -> Result<(), Mistake> {
    match kind {
        Kind::Bool => push_integer(out, number, i64::from(boolean(token).ok_or(Mistake::Type)?)),
        Kind::Int32 => {
            let value = integer(token).and_then(|value| i32::try_from(value).ok()).ok_or(Mistake::Type)?;
            push_integer(out, number, i64::from(value));
        }
        Kind::Int64 => push_integer(out, number, integer(token).ok_or(Mistake::Type)?),
        Kind::Double => encoding::double::encode(number, &double(token)?, out),
        Kind::String => match token {
            Token::String(text) => push_text(out, number, text),
            Token::Object | Token::Array | Token::Number(_) | Token::True | Token::False | Token::Null => {
                return Err(Mistake::Type);
            }
        },
        Kind::Bytes => push_bytes(out, number, &bytes(token)?),
        Kind::Enum(id) => {
            push_integer(out, number, i64::from(enumerator(id.get(), token).ok_or(Mistake::Type)?));
        }
        Kind::Message(_) => return Err(Mistake::Type),
    }
    Ok(())
}

/// Appends an integer, a truth or an enum.
pub(super) fn push_integer(out: &mut Vec<u8>, number: u32, value: i64) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value as u64, out);
}

/// Appends a string.
pub(super) fn push_text(out: &mut Vec<u8>, number: u32, text: &str) {
    push_bytes(out, number, text.as_bytes());
}

/// Appends bytes, or a message.
pub(super) fn push_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn boolean(token: &Token<'_>) -> Option<bool> {
    match token {
        Token::True => Some(true),
        Token::False => Some(false),
        Token::String(text) => text.parse().ok(),
        Token::Object | Token::Array | Token::Number(_) | Token::Null => None,
    }
}

/// A whole number, written as one, as text, or with a point or exponent.
fn integer(token: &Token<'_>) -> Option<i64> {
    let text = match token {
        Token::Number(text) => text,
        Token::String(text) if is_number(text) => &**text,
        Token::Object | Token::Array | Token::String(_) | Token::True | Token::False | Token::Null => {
            return None;
        }
    };
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

fn double(token: &Token<'_>) -> Result<f64, Mistake> {
    let text = match token {
        Token::Number(text) => text,
        Token::String(text) => match &**text {
            "NaN" => return Ok(f64::NAN),
            "Infinity" => return Ok(f64::INFINITY),
            "-Infinity" => return Ok(f64::NEG_INFINITY),
            text if is_number(text) => text,
            _ => return Err(Mistake::Type),
        },
        Token::Object | Token::Array | Token::True | Token::False | Token::Null => {
            return Err(Mistake::Type);
        }
    };
    let value: f64 = text.parse().map_err(|_| Mistake::Type)?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Mistake::Value("Number exceeds the range of double.".to_owned()))
    }
}

/// Base64 of either alphabet, with padding or without.
fn bytes(token: &Token<'_>) -> Result<Vec<u8>, Mistake> {
    let Token::String(text) = token else { return Err(Mistake::Type) };
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text.as_bytes()).map_err(|_| {
        let text = super::shown(text);
        Mistake::Value(format!("Base64 decoding failed for \"{text}\""))
    })
}

fn enumerator(one: &Enum, token: &Token<'_>) -> Option<i32> {
    match token {
        Token::String(text) => one.values.iter().find(|(name, _)| name == text).map(|(_, value)| *value),
        Token::Number(_) => integer(token).and_then(|value| i32::try_from(value).ok()),
        Token::Null if one.is_null() => Some(0),
        Token::Object | Token::Array | Token::True | Token::False | Token::Null => None,
    }
}

/// The name of a type, as texts for clients have it.
pub(super) fn type_name(kind: Kind) -> String {
    let name = match kind {
        Kind::Bool => "TYPE_BOOL",
        Kind::Int32 => "TYPE_INT32",
        Kind::Int64 => "TYPE_INT64",
        Kind::Double => "TYPE_DOUBLE",
        Kind::String => "TYPE_STRING",
        Kind::Bytes => "TYPE_BYTES",
        Kind::Enum(id) => return format!("type.googleapis.com/{}", id.get().name),
        Kind::Message(id) => return format!("type.googleapis.com/{}", id.get().name),
    };
    name.to_owned()
}
