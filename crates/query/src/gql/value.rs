//! Values of GQL: bindings, literals, and the functions that make keys, arrays, blobs and times.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::calendar::Date;
use model::entity::query::GqlParameter;
use model::entity::{EntityValue, Id, Key, Partition, PathElement, Property};
use model::{Status, Timestamp};

use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// True when what comes is a value and no property.
    pub(super) fn begins_value(&self) -> bool {
        match self.peek() {
            TokenKind::Text(_)
            | TokenKind::Integer(_)
            | TokenKind::Double(_)
            | TokenKind::Named(_)
            | TokenKind::Positional(_) => true,
            TokenKind::Word(_) => {
                let literal = ["TRUE", "FALSE", "NULL"].into_iter().any(|word| self.is_word(word));
                let function =
                    ["KEY", "ARRAY", "BLOB", "DATETIME"].into_iter().any(|word| self.is_word(word));
                literal || (function && self.symbol_follows("("))
            }
            TokenKind::Quoted(_) | TokenKind::Symbol(_) | TokenKind::End => false,
        }
    }

    /// `@a`, `1`, `'text'`, `NULL`, `KEY(a, 1)`, `ARRAY(1, 2)`, `BLOB('aGk')`, `DATETIME('2020-01-01T00:00:00Z')`
    pub(super) fn value(&mut self) -> Result<Property, Status> {
        if !self.begins_value() {
            return Err(self.expected("a value"));
        }
        if matches!(self.peek(), TokenKind::Named(_) | TokenKind::Positional(_)) {
            return match self.binding()? {
                GqlParameter::Value(value) => Ok(value.clone()),
                GqlParameter::Cursor(_) => {
                    Err(Status::invalid_argument("A cursor is bound where a value is needed."))
                }
            };
        }
        if self.take_word("ARRAY") {
            let elements = self.parenthesised(|parser| parser.list(Self::element))?;
            return Ok(Property::from(EntityValue::Array(elements)));
        }
        self.bindings.literal(self.peek())?;
        self.literal().map(Property::from)
    }

    /// A value that is no array
    fn element(&mut self) -> Result<Property, Status> {
        if self.is_word("ARRAY") {
            return Err(self.expected("a value that is no array"));
        }
        self.value()
    }

    /// `1`, `1.5`, `'text'`, `TRUE`, and the functions
    fn literal(&mut self) -> Result<EntityValue, Status> {
        match self.bump() {
            TokenKind::Text(text) => Ok(EntityValue::String(text)),
            TokenKind::Integer(number) => Ok(EntityValue::Integer(number)),
            TokenKind::Double(number) => Ok(EntityValue::Double(number)),
            TokenKind::Word(word) => match word.to_ascii_uppercase().as_str() {
                "TRUE" => Ok(EntityValue::Boolean(true)),
                "FALSE" => Ok(EntityValue::Boolean(false)),
                "NULL" => Ok(EntityValue::Null),
                "KEY" => self.parenthesised(Self::key).map(EntityValue::Key),
                "BLOB" => self.parenthesised(Self::blob),
                _ => self.parenthesised(Self::datetime),
            },
            _ => Err(self.expected("a value")),
        }
    }

    /// `PROJECT('p'), NAMESPACE('n'), a, 1, b, 'name'`
    fn key(&mut self) -> Result<Key, Status> {
        let mut partition = self.partition.clone();
        if let Some(project) = self.key_part("PROJECT")? {
            partition = Partition { project: project.into(), ..partition };
        }
        if let Some(namespace) = self.key_part("NAMESPACE")? {
            partition = Partition { namespace: namespace.into(), ..partition };
        }
        let path = self.list(Self::path_element)?;
        Ok(Key { partition, path })
    }

    /// `NAMESPACE('n'),`
    fn key_part(&mut self, word: &str) -> Result<Option<String>, Status> {
        if !(self.is_word(word) && self.symbol_follows("(")) {
            return Ok(None);
        }
        self.bump();
        let text = self.parenthesised(Self::text)?;
        self.expect_symbol(",")?;
        Ok(Some(text))
    }

    /// `a, 1` or `a, 'name'`
    fn path_element(&mut self) -> Result<PathElement, Status> {
        let kind = self.name("a kind")?;
        self.expect_symbol(",")?;
        let id = match self.peek().clone() {
            TokenKind::Integer(number) if number > 0 => Id::Number(number),
            TokenKind::Text(name) if !name.is_empty() => Id::Name(name),
            _ => return Err(self.expected("a positive integer or a name that is not empty")),
        };
        self.bump();
        Ok(PathElement { kind, id: Some(id) })
    }

    /// `'aGk'`
    fn blob(&mut self) -> Result<EntityValue, Status> {
        let text = self.text()?;
        let bytes = URL_SAFE_NO_PAD.decode(&text);
        let bytes =
            bytes.map_err(|_| Status::invalid_argument(format!("Invalid blob literal: {text:?}.")))?;
        Ok(EntityValue::Blob(bytes.into()))
    }

    /// `'2020-01-01T00:00:00Z'`
    fn datetime(&mut self) -> Result<EntityValue, Status> {
        let text = self.text()?;
        let invalid = || Status::invalid_argument(format!("Invalid datetime literal: {text:?}."));
        instant(&text).map(EntityValue::Timestamp).ok_or_else(invalid)
    }

    /// `'text'`
    fn text(&mut self) -> Result<String, Status> {
        let TokenKind::Text(text) = self.peek().clone() else { return Err(self.expected("a string")) };
        self.bump();
        Ok(text)
    }
}

/// `2020-01-01T00:00:00[.123456](Z|+01:00)`
fn instant(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let day = Date { year, month, day };
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-'])?);
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if !day.exists() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        Some(digits) if (1..=6).contains(&digits.len()) => {
            let [value] = numbers(digits, '.', [digits.len()])?;
            value * 10i64.pow(6 - u32::try_from(digits.len()).expect("at most 6"))
        }
        Some(_) => return None,
        None => 0,
    };
    let seconds = ((day.since_epoch() * 24 + hour) * 60 + minute) * 60 + second - offset(zone)?;
    Timestamp::from_micros(seconds * 1_000_000 + micros)
}

/// Seconds east of UTC; `-00:00` and `+00:00` are not written so.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(&zone[1..], ':', [2, 2])?;
    let legal = hours < 24 && minutes < 60 && (hours, minutes) != (0, 0);
    legal.then_some(sign * (hours * 60 + minutes) * 60)
}

/// Numbers of exactly so many digits with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}
