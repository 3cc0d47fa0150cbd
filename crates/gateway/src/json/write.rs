//! Protobuf to JSON, in one pass over the bytes: fields come in the order in which they stand.
//!
//! The bytes are the server's own answers, whose repeated fields and maps stand together.

use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use wire::schema::table::{self, Enum, Field, Form, Kind, Message, Shape};

use super::Style;
use super::text::Text;

/// Messages inside each other; documents have about seventy at most.
const MAX_DEPTH: usize = 100;

/// The bytes are not what the message says.
#[derive(Debug, PartialEq)]
pub(super) struct Broken;

impl From<prost::DecodeError> for Broken {
    fn from(_: prost::DecodeError) -> Self {
        Broken
    }
}

/// Appends the JSON form of `message`.
pub(super) fn write(
    text: &mut Text,
    message: &'static Message,
    bytes: &[u8],
    style: Style,
) -> Result<(), Broken> {
    Writer { text, style, depth: 0 }.message(message, bytes)
}

/// Appends the JSON form of a message that says itself what it is.
pub(super) fn any(text: &mut Text, any: &wire::Any, style: Style) -> Result<(), Broken> {
    Writer { text, style, depth: 0 }.any(any)
}

struct Writer<'a> {
    text: &'a mut Text,
    style: Style,
    depth: usize,
}

impl Writer<'_> {
    fn message(&mut self, message: &'static Message, bytes: &[u8]) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Broken);
        }
        match message.form {
            Form::Object => {
                self.text.open('{');
                self.fields(message, bytes)?;
                self.text.close('}');
            }
            Form::Timestamp => {
                let moment = wire::Timestamp::decode(bytes)?;
                self.text.quoted(|out| super::time::push_moment(out, moment.seconds, moment.nanos));
            }
            Form::Duration => {
                let span = wire::Duration::decode(bytes)?;
                self.text.quoted(|out| super::time::push_span(out, span.seconds, span.nanos));
            }
            Form::Wrapper => self.wrapped(&message.fields[0], bytes)?,
            Form::Struct => self.structure(&wire::Struct::decode(bytes)?),
            Form::Value => self.free_value(&wire::JsonValue::decode(bytes)?),
            Form::ListValue => self.free_list(&wire::ListValue::decode(bytes)?),
            Form::Any => self.any(&wire::Any::decode(bytes)?)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn fields(&mut self, message: &'static Message, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let (number, wire_type) = decode_key(&mut bytes)?;
            let Some(field) = message.field_numbered(number) else {
                skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
                continue;
            };
            self.text.key(&field.json_name);
            match field.shape {
                Shape::Single => self.value(field.kind, wire_type, &mut bytes)?,
                Shape::Repeated => {
                    self.text.open('[');
                    self.elements(field, wire_type, &mut bytes)?;
                    self.text.close(']');
                }
                Shape::Map => {
                    self.text.open('{');
                    self.entries(field, &mut bytes)?;
                    self.text.close('}');
                }
            }
        }
        Ok(())
    }

    /// The elements of a field, whose first key is read.
    fn elements(&mut self, field: &Field, wire_type: WireType, bytes: &mut &[u8]) -> Result<(), Broken> {
        loop {
            if wire_type == WireType::LengthDelimited && natural(field.kind) != wire_type {
                let mut packed = delimited(bytes)?;
                while !packed.is_empty() {
                    self.text.element();
                    self.value(field.kind, natural(field.kind), &mut packed)?;
                }
            } else {
                self.text.element();
                self.value(field.kind, wire_type, bytes)?;
            }
            if !next_is(field, wire_type, bytes) {
                return Ok(());
            }
        }
    }

    /// The entries of a map, whose first key is read.
    fn entries(&mut self, field: &Field, bytes: &mut &[u8]) -> Result<(), Broken> {
        loop {
            let mut entry = delimited(bytes)?;
            let (mut key, mut value) = ("", None);
            while !entry.is_empty() {
                let (number, wire_type) = decode_key(&mut entry)?;
                let before = entry;
                skip_field(wire_type, number, &mut entry, DecodeContext::default())?;
                match number {
                    1 => key = string(&mut &*before)?,
                    2 => value = Some((wire_type, before)),
                    _ => {}
                }
            }
            self.text.key(key);
            match value {
                Some((wire_type, mut value)) => self.value(field.kind, wire_type, &mut value)?,
                // A value that is not there is its kind's default.
                None => self.value(field.kind, natural(field.kind), &mut &[0; 8][..])?,
            }
            if !next_is(field, WireType::LengthDelimited, bytes) {
                return Ok(());
            }
        }
    }

    fn value(&mut self, kind: Kind, wire_type: WireType, bytes: &mut &[u8]) -> Result<(), Broken> {
        if wire_type != natural(kind) {
            return Err(Broken);
        }
        match kind {
            Kind::Bool => self.text.bare(if decode_varint(bytes)? == 0 { "false" } else { "true" }),
            Kind::Int32 => self.text.bare(&(decode_varint(bytes)? as i32).to_string()),
            // A number of JavaScript could not hold it.
            Kind::Int64 => self.text.string(&(decode_varint(bytes)? as i64).to_string()),
            Kind::Double => {
                let (head, rest) = bytes.split_first_chunk().ok_or(Broken)?;
                *bytes = rest;
                self.text.double(f64::from_le_bytes(*head));
            }
            Kind::String => self.text.string(string(bytes)?),
            Kind::Bytes => self.text.base64(delimited(bytes)?),
            Kind::Enum(id) => self.enumerator(id.get(), decode_varint(bytes)? as i32),
            Kind::Message(id) => self.message(id.get(), delimited(bytes)?)?,
        }
        Ok(())
    }

    fn enumerator(&mut self, one: &Enum, number: i32) {
        let name = one.values.iter().find(|(_, value)| *value == number);
        match name {
            _ if one.is_null() => self.text.bare("null"),
            Some((name, _)) if !self.style.numeric_enums => self.text.string(name),
            Some(_) | None => self.text.bare(&number.to_string()),
        }
    }

    /// A wrapper's value, which is its kind's default when it is not there.
    fn wrapped(&mut self, field: &Field, mut bytes: &[u8]) -> Result<(), Broken> {
        if bytes.is_empty() {
            return self.value(field.kind, natural(field.kind), &mut &[0; 8][..]);
        }
        let (_, wire_type) = decode_key(&mut bytes)?;
        self.value(field.kind, wire_type, &mut bytes)
    }

    fn structure(&mut self, fields: &wire::Struct) {
        self.text.open('{');
        for (name, value) in &fields.fields {
            self.text.key(name);
            self.free_value(value);
        }
        self.text.close('}');
    }

    fn free_list(&mut self, list: &wire::ListValue) {
        self.text.open('[');
        for value in &list.values {
            self.text.element();
            self.free_value(value);
        }
        self.text.close(']');
    }

    fn free_value(&mut self, value: &wire::JsonValue) {
        use wire::json_value::Kind;
        match &value.kind {
            None | Some(Kind::NullValue(_)) => self.text.bare("null"),
            Some(Kind::NumberValue(number)) => self.text.double(*number),
            Some(Kind::StringValue(text)) => self.text.string(text),
            Some(Kind::BoolValue(truth)) => self.text.bare(if *truth { "true" } else { "false" }),
            Some(Kind::StructValue(fields)) => self.structure(fields),
            Some(Kind::ListValue(list)) => self.free_list(list),
        }
    }

    fn any(&mut self, any: &wire::Any) -> Result<(), Broken> {
        self.text.open('{');
        self.text.key("@type");
        self.text.string(&any.type_url);
        let name = any.type_url.rsplit('/').next().expect("a split yields at least one part");
        match table::message(name) {
            Some(message) => self.fields(message, &any.value)?,
            None => {
                self.text.key("value");
                self.text.base64(&any.value);
            }
        }
        self.text.close('}');
        Ok(())
    }
}

/// How values of a kind stand in the bytes.
fn natural(kind: Kind) -> WireType {
    match kind {
        Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Enum(_) => WireType::Varint,
        Kind::Double => WireType::SixtyFourBit,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireType::LengthDelimited,
    }
}

/// True when another value of the field follows; its key is then read.
fn next_is(field: &Field, wire_type: WireType, bytes: &mut &[u8]) -> bool {
    let mut ahead = *bytes;
    let follows = !ahead.is_empty()
        && decode_key(&mut ahead).is_ok_and(|(number, next)| number == field.number && next == wire_type);
    if follows {
        *bytes = ahead;
    }
    follows
}

/// Bytes behind their length.
fn delimited<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Broken> {
    let length = usize::try_from(decode_varint(bytes)?).map_err(|_| Broken)?;
    let (head, rest) = bytes.split_at_checked(length).ok_or(Broken)?;
    *bytes = rest;
    Ok(head)
}

fn string<'b>(bytes: &mut &'b [u8]) -> Result<&'b str, Broken> {
    std::str::from_utf8(delimited(bytes)?).map_err(|_| Broken)
}
