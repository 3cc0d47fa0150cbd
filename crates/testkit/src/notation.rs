//! How scripts write values: JSON's forms, and short ones for what JSON lacks.
//!
//! | value | text |
//! |---|---|
//! | null, booleans, numbers | `null`, `true`, `1`, `1.0`, `NaN`, `-inf` |
//! | string | a bare word, or quoted like JSON's |
//! | timestamp | `@5`: microseconds after [`START`] |
//! | bytes | `x'6869'` |
//! | reference | `&c/a`, in the script's database |
//! | geo point | `geo(1.0, 2.0)` |
//! | array, map, vector | `[1, 2]`, `{a: 1}`, `<1.0, 2.0>` |

use std::fmt::Write as _;

use model::{DatabaseName, DocumentPath, Fields, GeoPoint, Timestamp, Value};

/// When a test's clock starts, in microseconds since 1970.
pub const START: i64 = 1_700_000_000_000_000;

/// Strings longer than this are printed by their length.
const LONGEST_SHOWN: usize = 60;

/// The time so many microseconds after [`START`].
#[must_use]
pub fn time(after_start: i64) -> Timestamp {
    Timestamp::ZERO.saturating_add(START + after_start)
}

/// `@5`, the reverse of [`time`].
#[must_use]
pub fn show_time(time: Timestamp) -> String {
    format!("@{}", time.micros() - START)
}

/// Reads one value.
///
/// # Errors
/// What is wrong with the text.
pub fn read(text: &str, database: &DatabaseName) -> Result<Value, String> {
    let mut reader = Reader { rest: text, database };
    let value = reader.value()?;
    reader.space();
    if reader.rest.is_empty() { Ok(value) } else { Err(format!("unexpected `{}`", reader.rest)) }
}

/// Prints a value.
#[must_use]
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::Timestamp(stamp) => show_time(*stamp),
        Value::String(text) => show_string(text),
        Value::Bytes(bytes) if bytes.len() > LONGEST_SHOWN => format!("x'…' ({} bytes)", bytes.len()),
        Value::Bytes(bytes) => {
            bytes.iter().fold("x'".to_owned(), |text, byte| format!("{text}{byte:02x}")) + "'"
        }
        Value::Reference(name) => format!("&{}", name.path),
        Value::GeoPoint(point) => format!("geo({:?}, {:?})", point.latitude, point.longitude),
        Value::Array(values) => format!("[{}]", list(values.iter().map(show))),
        Value::Vector(numbers) => format!("<{}>", list(numbers.iter().map(|number| format!("{number:?}")))),
        Value::Map(fields) => show_fields(fields),
    }
}

/// Prints the fields of a document, like a map.
#[must_use]
pub fn show_fields(fields: &Fields) -> String {
    let entries = fields.iter().map(|(key, value)| format!("{}: {}", show_string(key), show(value)));
    format!("{{{}}}", list(entries))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn show_string(text: &str) -> String {
    let keyword = ["null", "true", "false", "NaN", "inf"].contains(&text);
    let bare = !keyword
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(is_word);
    if text.chars().count() > LONGEST_SHOWN {
        return format!("\"{}…\" ({} bytes)", text.chars().take(4).collect::<String>(), text.len());
    }
    if bare { text.to_owned() } else { format!("{text:?}") }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

struct Reader<'a> {
    rest: &'a str,
    database: &'a DatabaseName,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, prefix: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, text: &str) -> Result<(), String> {
        if self.take(text) { Ok(()) } else { Err(format!("`{text}` expected at `{}`", self.rest)) }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !keep(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn value(&mut self) -> Result<Value, String> {
        self.space();
        match self.rest.chars().next() {
            Some('"') => self.quoted().map(Value::String),
            Some('@') => {
                self.need("@")?;
                Ok(Value::Timestamp(time(self.parsed("0123456789-")?)))
            }
            Some('&') => self.reference(),
            Some('[') => {
                self.need("[")?;
                Ok(Value::Array(self.items("]", Self::value)?))
            }
            Some('<') => {
                self.need("<")?;
                Ok(Value::Vector(self.items(">", Self::double)?))
            }
            Some('{') => {
                self.need("{")?;
                Ok(Value::Map(self.items("}", Self::entry)?.into_iter().collect()))
            }
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(_) => self.word(),
            None => Ok(Value::from("")),
        }
    }

    fn items<T>(
        &mut self,
        end: &str,
        item: impl Fn(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        while !self.take(end) {
            if !items.is_empty() {
                self.need(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn entry(&mut self) -> Result<(String, Value), String> {
        self.space();
        let key =
            if self.rest.starts_with('"') { self.quoted()? } else { self.take_while(is_word).to_owned() };
        self.need(":")?;
        Ok((key, self.value()?))
    }

    fn double(&mut self) -> Result<f64, String> {
        self.space();
        self.parsed("0123456789.-einfNa")
    }

    fn parsed<T: std::str::FromStr>(&mut self, of: &str) -> Result<T, String> {
        let text = self.take_while(|c| of.contains(c));
        text.parse().map_err(|_| format!("`{text}` is not a number"))
    }

    fn number(&mut self) -> Result<Value, String> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
        if let Ok(integer) = text.parse() {
            return Ok(Value::Integer(integer));
        }
        text.parse().map(Value::Double).map_err(|_| format!("`{text}` is not a number"))
    }

    fn reference(&mut self) -> Result<Value, String> {
        self.need("&")?;
        let path = self.take_while(|c| is_word(c) || "/-.".contains(c));
        let path = DocumentPath::new(path).ok_or_else(|| format!("`{path}` is not a document's path"))?;
        Ok(Value::Reference(self.database.document(&path)))
    }

    fn word(&mut self) -> Result<Value, String> {
        if self.take("geo(") {
            let latitude = self.double()?;
            self.need(",")?;
            let longitude = self.double()?;
            self.need(")")?;
            return Ok(Value::GeoPoint(GeoPoint { latitude, longitude }));
        }
        if self.take("x'") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            self.need("'")?;
            let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or("odd"), 16);
            let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Result<Vec<_>, _>>();
            return bytes.map(|bytes| Value::Bytes(bytes.into())).map_err(|error| error.to_string());
        }
        let word = self.take_while(|c| is_word(c) || "-.@".contains(c));
        match word {
            "" => Err(format!("a value expected at `{}`", self.rest)),
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            "NaN" => Ok(Value::Double(f64::NAN)),
            "inf" => Ok(Value::Double(f64::INFINITY)),
            word => Ok(Value::from(word)),
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.need("\"")?;
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => text.push(chars.next().ok_or("an escape without a character")?.1),
                c => text.push(c),
            }
        }
        Err("a string without its end".to_owned())
    }
}

/// Prints what `parts` hold, one to a line.
pub fn lines(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let database = DatabaseName::new("p", "d");
        for text in [
            "null",
            "-1",
            "1.0",
            "-inf",
            "word",
            "\"two words\"",
            "@-5",
            "x'00ff'",
            "&c/a",
            "geo(1.0, -2.5)",
            "[1, [], {a: {}}]",
            "<1.0, 2.0>",
            "{a: 1, \"b c\": [x]}",
        ] {
            assert_eq!(read(text, &database).map(|value| show(&value)), Ok(text.to_owned()));
        }
        assert!(read("[1", &database).is_err());
        assert!(read("1 2", &database).is_err());
    }
}
