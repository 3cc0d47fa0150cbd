//! JSON to protobuf, in one pass: each field is written when its value is read.
//!
//! What is wrong with names and values is gathered and told together, as production does; what is
//! wrong with the grammar ends the reading.

use std::borrow::Cow;
use std::collections::HashMap;

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use wire::schema::table::{Field, Form, Kind, Message, Shape};

use super::invalid::{Invalid, Violation, Violations};
use super::place::Place;
use super::time::{read_moment, read_span};
use super::tokens::{Token, Tokens};
use super::{scalar, shown};

/// Objects and arrays inside each other. Twenty levels of maps, the most that a document has, are
/// about seventy of these.
const MAX_DEPTH: usize = 100;

/// Reads the JSON form of `message`. Clients send nothing for an empty one.
pub(super) fn read(message: &'static Message, json: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut reader = Reader::of(json)?;
    if !reader.tokens.is_over() {
        reader.root(message)?;
    }
    reader.finish()
}

/// Reads the JSON form of a message's field, which is a message too, as if the rest were not set.
pub(super) fn read_field(field: &'static Field, json: &[u8]) -> Result<Vec<u8>, Invalid> {
    let Kind::Message(id) = field.kind else { unreachable!("bodies of requests are messages") };
    let mut reader = Reader::of(json)?;
    reader.place.enter(&field.name);
    reader.nested(field.number, |reader| match reader.tokens.is_over() {
        true => Ok(()),
        false => reader.root(id.get()),
    })?;
    reader.finish()
}

/// Reads fields of `message` that are given by path, as in `mask.fieldPaths`; names that are no fields
/// are passed over. One path may come several times where its field is repeated.
pub(super) fn bind<'a>(
    message: &'static Message,
    given: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<u8>, Invalid> {
    let mut reader = Reader::of(b"")?;
    let mut chosen = HashMap::new();
    for (path, value) in given {
        reader.bind(message, path, value, &mut chosen)?;
    }
    reader.finish()
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    out: Vec<u8>,
    place: Place,
    violations: Violations,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn of(json: &'a [u8]) -> Result<Self, Invalid> {
        Ok(Reader {
            tokens: Tokens::of(json)?,
            out: Vec::with_capacity(json.len() / 2),
            place: Place::default(),
            violations: Violations::default(),
            depth: 0,
        })
    }

    fn finish(self) -> Result<Vec<u8>, Invalid> {
        self.violations.outcome()?;
        Ok(self.out)
    }

    fn root(&mut self, message: &'static Message) -> Result<(), Invalid> {
        match self.tokens.value()? {
            Token::Object => self.fields(message)?,
            token => {
                self.skip(&token)?;
                self.violations.add(Invalid::name("", "", "Root element must be a message."));
            }
        }
        self.tokens.end()
    }

    /// The fields of an object that has begun.
    fn fields(&mut self, message: &'static Message) -> Result<(), Invalid> {
        // The one that is set of each oneof.
        let mut chosen = vec![false; message.oneofs.len()];
        let mut is_first = true;
        while let Some(key) = self.tokens.next_key(std::mem::take(&mut is_first))? {
            let Some(field) = message.field_named(&key) else {
                self.violations.add(Invalid::name(&self.place.text(), &shown(&key), "Cannot find field."));
                let token = self.tokens.value()?;
                self.skip(&token)?;
                continue;
            };
            let token = self.tokens.value()?;
            if token == Token::Null && !takes_null(field.kind) {
                continue;
            }
            if let Some(oneof) = field.oneof
                && std::mem::replace(&mut chosen[oneof], true)
            {
                let name = &message.oneofs[oneof];
                let why = format!("oneof field '{name}' is already set. Cannot set '{key}'");
                self.violations.add(Invalid::value(&self.place.text(), "oneof", &why));
            }
            self.field(field, &key, token)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field, key: &str, token: Token<'a>) -> Result<(), Invalid> {
        match (field.shape, token) {
            (Shape::Single | Shape::Map, Token::Array) => {
                let why = "Proto field is not repeating, cannot start list.";
                self.violations.add(Invalid::name(&self.place.text(), key, why));
                self.skip(&Token::Array)
            }
            (Shape::Map, Token::Object) => self.deeper(key, |reader| reader.map(field)),
            (Shape::Map, token) => {
                self.place.enter(&field.name);
                let outcome = self.refuse(field.kind, &token);
                self.place.leave();
                outcome
            }
            (Shape::Repeated, Token::Array) => self.deeper(key, |reader| reader.list(field)),
            // One element needs no array around it.
            (Shape::Single | Shape::Repeated, token) => {
                self.place.enter(&field.name);
                let outcome = self.value(field.kind, field.number, key, token);
                self.place.leave();
                outcome
            }
        }
    }

    fn list(&mut self, field: &'static Field) -> Result<(), Invalid> {
        self.place.enter_list(&field.name);
        let mut is_first = true;
        while self.tokens.next_element(std::mem::take(&mut is_first))? {
            let token = self.tokens.value()?;
            if token != Token::Null || takes_null(field.kind) {
                self.value(field.kind, field.number, &field.name, token)?;
            }
            self.place.next();
        }
        self.place.leave();
        Ok(())
    }

    /// The entries of a map: messages with a key, field 1, and a value, field 2.
    fn map(&mut self, field: &'static Field) -> Result<(), Invalid> {
        self.place.enter_list(&field.name);
        let mut is_first = true;
        while let Some(key) = self.tokens.next_key(std::mem::take(&mut is_first))? {
            self.place.enter("value");
            let token = self.tokens.value()?;
            self.nested(field.number, |reader| {
                scalar::push_text(&mut reader.out, 1, &key);
                if token == Token::Null && !takes_null(field.kind) {
                    return Ok(());
                }
                reader.value(field.kind, 2, &key, token)
            })?;
            self.place.leave();
            self.place.next();
        }
        self.place.leave();
        Ok(())
    }

    /// A field that is given by its path; `chosen` has the one that is set of each oneof.
    fn bind(
        &mut self,
        message: &'static Message,
        path: &str,
        value: &'a str,
        chosen: &mut HashMap<(&'static str, usize), &'static str>,
    ) -> Result<(), Invalid> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let Some(field) = message.field_named(name) else { return Ok(()) };
        let is_other = |set: &str| set != field.name;
        if let Some(oneof) = field.oneof
            && is_other(chosen.entry((&message.name, oneof)).or_insert(&field.name))
        {
            let why = format!("oneof field '{}' is already set. Cannot set '{name}'", message.oneofs[oneof]);
            self.violations.add(Invalid::value(&self.place.text(), "oneof", &why));
        }
        self.place.enter(&field.name);
        let outcome = match (rest, field.kind) {
            (None, kind) => self.value(kind, field.number, name, Token::String(value.into())),
            (Some(rest), Kind::Message(id)) if field.shape == Shape::Single => {
                self.nested(field.number, |reader| reader.bind(id.get(), rest, value, chosen))
            }
            (Some(_), _) => Ok(()),
        };
        self.place.leave();
        outcome
    }

    /// One value as field `number`; `key` is its name for the client.
    fn value(&mut self, kind: Kind, number: u32, key: &str, token: Token<'a>) -> Result<(), Invalid> {
        let Kind::Message(id) = kind else {
            return match scalar::push(&mut self.out, kind, number, &token) {
                Ok(()) => Ok(()),
                Err(scalar::Mistake::Type) => self.refuse(kind, &token),
                Err(scalar::Mistake::Value(why)) => {
                    self.wrong(kind, &why);
                    Ok(())
                }
            };
        };
        let message = id.get();
        match (message.form, &token) {
            (Form::Object | Form::Wrapper, Token::Object) => {
                self.deeper(key, |reader| reader.nested(number, |reader| reader.fields(message)))
            }
            (Form::Wrapper, _) => {
                let inner = &message.fields[0];
                self.nested(number, |reader| reader.value(inner.kind, inner.number, key, token))
            }
            (Form::Timestamp, Token::String(text)) => self.time(kind, number, key, read_moment(text)),
            (Form::Duration, Token::String(text)) => self.time(kind, number, key, read_span(text)),
            // Free-form messages stand in answers only.
            (
                Form::Object
                | Form::Timestamp
                | Form::Duration
                | Form::Struct
                | Form::Value
                | Form::ListValue
                | Form::Any,
                _,
            ) => self.refuse(kind, &token),
        }
    }

    /// Writes an instant or a span, of which `read` are the seconds and nanoseconds.
    fn time(
        &mut self,
        kind: Kind,
        number: u32,
        key: &str,
        read: Result<(i64, i32), &str>,
    ) -> Result<(), Invalid> {
        let (seconds, nanos) = match read {
            Ok(read) => read,
            Err(why) => {
                self.wrong(kind, &format!("Field '{}', {why}", shown(key)));
                return Ok(());
            }
        };
        self.nested(number, |reader| {
            scalar::push_integer(&mut reader.out, 1, seconds);
            scalar::push_integer(&mut reader.out, 2, i64::from(nanos));
            Ok(())
        })
    }

    /// Field `number`, whose bytes `write` appends, behind their length.
    fn nested(
        &mut self,
        number: u32,
        write: impl FnOnce(&mut Self) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        encode_key(number, WireType::LengthDelimited, &mut self.out);
        let start = self.out.len();
        // Most messages are short, and one byte is enough for their length.
        self.out.push(0);
        write(self)?;
        let length = (self.out.len() - start - 1) as u64;
        if encoded_len_varint(length) == 1 {
            self.out[start] = u8::try_from(length).expect("seven bits");
        } else {
            let mut head = Vec::with_capacity(5);
            encode_varint(length, &mut head);
            self.out.splice(start..=start, head);
        }
        Ok(())
    }

    fn deeper(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH {
            let key = shown(key);
            return Err(Invalid::plain(format!(
                "Message too deep. Max recursion depth reached for key '{key}'"
            )));
        }
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    /// Notes that the value is not of its kind, and passes it.
    fn refuse(&mut self, kind: Kind, token: &Token<'a>) -> Result<(), Invalid> {
        let why: Cow<'_, str> = match token {
            Token::Object => "Starting an object on a scalar field".into(),
            Token::Array => "Starting a list on a scalar field".into(),
            Token::String(text) => format!("\"{}\"", shown(text)).into(),
            Token::Number(text) => shown(text),
            Token::True => "true".into(),
            Token::False => "false".into(),
            Token::Null => "null".into(),
        };
        self.wrong(kind, &why);
        self.skip(token)
    }

    fn wrong(&mut self, kind: Kind, why: &str) {
        let violation: Violation = Invalid::value(&self.place.text(), &scalar::type_name(kind), why);
        self.violations.add(violation);
    }

    /// Passes what `token` begins, without recursion.
    fn skip(&mut self, token: &Token<'a>) -> Result<(), Invalid> {
        let mut open: Vec<Open> = Open::of(token).into_iter().collect();
        while let Some(inner) = open.last_mut() {
            let is_first = std::mem::take(&mut inner.is_first);
            let more = match inner.is_object {
                true => self.tokens.next_key(is_first)?.is_some(),
                false => self.tokens.next_element(is_first)?,
            };
            if !more {
                open.pop();
                continue;
            }
            open.extend(Open::of(&self.tokens.value()?));
            if self.depth + open.len() >= MAX_DEPTH {
                let text = "Message too deep. Max recursion depth reached for key ''".to_owned();
                return Err(Invalid::plain(text));
            }
        }
        Ok(())
    }
}

/// An object or array that is being passed.
struct Open {
    is_object: bool,
    is_first: bool,
}

impl Open {
    fn of(token: &Token<'_>) -> Option<Self> {
        match token {
            Token::Object => Some(Open { is_object: true, is_first: true }),
            Token::Array => Some(Open { is_object: false, is_first: true }),
            Token::String(_) | Token::Number(_) | Token::True | Token::False | Token::Null => None,
        }
    }
}

/// Null means "not set", except where it is a value.
fn takes_null(kind: Kind) -> bool {
    matches!(kind, Kind::Enum(id) if id.get().is_null())
}
