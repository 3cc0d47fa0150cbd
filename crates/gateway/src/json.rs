//! Messages as JSON and back, by the descriptors that reflection serves: what REST and WebChannel speak.
//!
//! ```text
//!   JSON ── tokens ── read ── scalar, time ──► protobuf      (mistakes: invalid, at their place)
//!   protobuf ── write ── text, time ──► JSON
//! ```
//! Both ways are one pass without a tree between. The forms are those of proto3's JSON mapping; the texts
//! of mistakes are production's (FIRESTORE.md 3.0).

#[cfg(test)]
mod hostile;
mod invalid;
mod place;
mod read;
mod refusal;
mod scalar;
mod text;
mod time;
mod tokens;
mod write;

use std::borrow::Cow;

use bytes::Bytes;
use model::Status;
use wire::schema::table::{self, Field, Message};

pub(crate) use invalid::Invalid;
pub(crate) use refusal::{code_name, refusal, refused};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// On many lines, two spaces for each level; else without any space.
    pub(crate) pretty: bool,
    /// Enums as numbers, else by name.
    pub(crate) numeric_enums: bool,
}

impl Style {
    /// Without spaces, enums by name.
    pub(crate) const COMPACT: Style = Style { pretty: false, numeric_enums: false };
    /// As a person reads it best, enums by name.
    pub(crate) const PRETTY: Style = Style { pretty: true, numeric_enums: false };
}

/// Reads the JSON form of `message` (its full name) and answers its protobuf form. Nothing at all is an
/// empty message. Errors are the client's, in production's words.
pub(crate) fn request(message: &'static str, json: &[u8]) -> Result<Bytes, Status> {
    Ok(request_message(message, json)?.into())
}

/// As [`request`], with every mistake by itself.
pub(crate) fn request_message(message: &'static str, json: &[u8]) -> Result<Vec<u8>, Invalid> {
    read::read(known(message), json)
}

/// As [`request_message`], where the JSON is only the message's field of that name.
pub(crate) fn request_field(
    message: &'static str,
    field: &'static str,
    json: &[u8],
) -> Result<Vec<u8>, Invalid> {
    read::read_field(known_field(message, field), json)
}

/// As [`request_field`], where the field is there in its protobuf form.
pub(crate) fn field(message: &'static str, field: &'static str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    scalar::push_bytes(&mut out, known_field(message, field).number, bytes);
    out
}

/// Fields of `message` (its full name) that are given one by one with their paths, as in an address:
/// `mask.fieldPaths`. Names that are no fields are passed over.
pub(crate) fn bind<'a>(
    message: &'static str,
    given: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<u8>, Invalid> {
    read::bind(known(message), given)
}

/// The JSON form of `message` (its full name), of which `bytes` is the protobuf form. The bytes are the
/// server's own; others may be refused as INTERNAL.
pub(crate) fn answer(message: &'static str, bytes: &[u8], style: Style) -> Result<String, Status> {
    let mut text = text::Text::new(style.pretty);
    let written = write::write(&mut text, known(message), bytes, style);
    written.map_err(|_| Status::internal(format!("An answer is no {message}.")))?;
    Ok(text.finish())
}

fn known(message: &'static str) -> &'static Message {
    table::message(message).expect("callers name messages of the table of methods")
}

fn known_field(message: &'static str, field: &'static str) -> &'static Field {
    known(message).field_named(field).expect("callers name fields of the message")
}

/// The beginning of a client's text, for a message.
fn shown(text: &str) -> Cow<'_, str> {
    const MAX_BYTES: usize = 500;
    if text.len() <= MAX_BYTES {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(MAX_BYTES)]))
    }
}
