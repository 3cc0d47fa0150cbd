//! JSON's grammar: a reader that is asked for one token after the other, and copies no text it need not.
//!
//! Errors have the words of production's parser, with the text around the place.

use std::borrow::Cow;

use super::invalid::Invalid;

/// Characters shown on either side of a mistake.
const CONTEXT: usize = 20;

/// What a value begins with.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Object,
    Array,
    String(Cow<'a, str>),
    /// Digits, sign, point and exponent, as they stand.
    Number(&'a str),
    True,
    False,
    Null,
}

/// A text, and how far it is read.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// At the beginning of `bytes`, which must be UTF-8.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Invalid> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Tokens { text, at: 0 }),
            Err(_) => Err(Invalid::payload("Encountered non UTF-8 code points.")),
        }
    }

    /// True when nothing but space is left.
    pub(super) fn is_over(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Refuses whatever follows the outermost value.
    pub(super) fn end(&mut self) -> Result<(), Invalid> {
        if self.is_over() { Ok(()) } else { Err(self.unexpected("Expected end of string.")) }
    }

    /// The beginning of the next value. What stands in an object or array is read by
    /// [`Tokens::next_key`] or [`Tokens::next_element`].
    pub(super) fn value(&mut self) -> Result<Token<'a>, Invalid> {
        match self.peek() {
            Some(b'{') => self.step(Token::Object),
            Some(b'[') => self.step(Token::Array),
            Some(b'"') => self.string().map(Token::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(_) => self.word(),
            None => Err(self.unexpected("Expected a value.")),
        }
    }

    /// The next key of an object, whose value follows; None at its end.
    pub(super) fn next_key(&mut self, is_first: bool) -> Result<Option<Cow<'a, str>>, Invalid> {
        match self.peek() {
            Some(b'}') => return self.step(None),
            Some(b',') if !is_first => self.at += 1,
            Some(_) if is_first => {}
            None if is_first => return Err(self.unexpected("Expected an object key or }.")),
            Some(_) | None => return Err(self.unexpected("Expected , or } after key:value pair.")),
        }
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("Expected an object key or }."));
        }
        let key = self.string()?;
        match self.peek() {
            Some(b':') => self.step(Some(key)),
            Some(_) | None => Err(self.unexpected("Expected : between key:value pair.")),
        }
    }

    /// True when another element of an array follows; at its end it is left.
    pub(super) fn next_element(&mut self, is_first: bool) -> Result<bool, Invalid> {
        match self.peek() {
            Some(b']') => self.step(false),
            Some(b',') if !is_first => self.step(true),
            Some(_) if is_first => Ok(true),
            None if is_first => Err(self.unexpected("Expected a value or ] within an array.")),
            Some(_) | None => Err(self.unexpected("Expected , or ] after array value.")),
        }
    }

    fn step<T>(&mut self, found: T) -> Result<T, Invalid> {
        self.at += 1;
        Ok(found)
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += space;
        rest.get(space).copied()
    }

    fn word(&mut self) -> Result<Token<'a>, Invalid> {
        let words = [("true", Token::True), ("false", Token::False), ("null", Token::Null)];
        for (word, token) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(token);
            }
        }
        Err(self.unexpected("Expected a value."))
    }

    fn number(&mut self) -> Result<&'a str, Invalid> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|byte| is_part(byte)).count();
        let number = &rest[..length];
        if !is_number(number) {
            return Err(self.mistake("Unable to parse number."));
        }
        self.at += length;
        Ok(number)
    }

    /// A string, at whose opening quote the reader stands.
    fn string(&mut self) -> Result<Cow<'a, str>, Invalid> {
        let start = self.at + 1;
        self.at = start;
        let plain = self.plain();
        if self.byte() == Some(b'"') {
            return self.step(Cow::Borrowed(plain));
        }
        let mut out = plain.to_owned();
        loop {
            match self.byte() {
                Some(b'"') => return self.step(Cow::Owned(out)),
                Some(_) => out.push(self.escaped()?),
                None => return Err(self.mistake("Closing quote expected in string.")),
            }
            out.push_str(self.plain());
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What stands up to the next quote or backslash.
    fn plain(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The character of an escape, at whose backslash the reader stands.
    fn escaped(&mut self) -> Result<char, Invalid> {
        let Some(escape) = self.text.as_bytes().get(self.at + 1) else {
            return Err(self.mistake("Closing quote expected in string."));
        };
        let character = match escape {
            b'"' | b'\\' | b'/' => char::from(*escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.mistake("Invalid escape sequence.")),
        };
        self.at += 2;
        Ok(character)
    }

    /// The character of `\u1234`, or of two of them that make one.
    fn code_point(&mut self) -> Result<char, Invalid> {
        let first = self.unit()?;
        if !(0xd800..0xe000).contains(&first) {
            return Ok(char::from_u32(first).expect("only surrogates are no characters"));
        }
        if first >= 0xdc00 || !self.text[self.at..].starts_with("\\u") {
            return Err(self.mistake("Missing low surrogate."));
        }
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.mistake("Invalid low surrogate."));
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(code).expect("two surrogates make a character"))
    }

    /// The number of `\u1234`.
    fn unit(&mut self) -> Result<u32, Invalid> {
        let digits = self.text.as_bytes().get(self.at + 2..self.at + 6);
        let Some(digits) = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) else {
            return Err(self.mistake("Illegal hex string."));
        };
        let digit = |byte: &u8| char::from(*byte).to_digit(16).expect("a digit");
        self.at += 6;
        Ok(digits.iter().fold(0, |number, byte| number * 16 + digit(byte)))
    }

    /// The reader stands where something else is expected.
    fn unexpected(&mut self, expected: &str) -> Invalid {
        let Some(byte) = self.peek() else {
            return self.mistake(&format!("Unexpected end of string. {expected}"));
        };
        let is_known = matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b'-' | b'0'..=b'9')
            || self.text[self.at..].starts_with("true")
            || self.text[self.at..].starts_with("false")
            || self.text[self.at..].starts_with("null");
        self.mistake(if is_known { expected } else { "Unexpected token." })
    }

    /// A mistake with the text around it.
    fn mistake(&self, what: &str) -> Invalid {
        let from = self.text.floor_char_boundary(self.at.saturating_sub(CONTEXT));
        let to = self.text.ceil_char_boundary((self.at + CONTEXT).min(self.text.len()));
        let (before, after) = (&self.text[from..self.at], &self.text[self.at..to]);
        // Production shows nothing of a text that ends too early.
        let (before, after) = if after.is_empty() { ("", "") } else { (before, after) };
        let indent = " ".repeat(before.chars().count());
        Invalid::payload(&format!("{what}\n{before}{after}\n{indent}^"))
    }
}

/// `-12.5e+3`, as the grammar has it.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let mut tokens = Tokens::of(text.as_bytes()).expect("UTF-8");
        let read = read(&mut tokens).and_then(|()| tokens.end());
        read.expect_err(text).message()
    }

    /// Reads any value, and forgets it.
    fn read(tokens: &mut Tokens<'_>) -> Result<(), Invalid> {
        match tokens.value()? {
            Token::Object => {
                let mut is_first = true;
                while tokens.next_key(std::mem::take(&mut is_first))?.is_some() {
                    read(tokens)?;
                }
            }
            Token::Array => {
                let mut is_first = true;
                while tokens.next_element(std::mem::take(&mut is_first))? {
                    read(tokens)?;
                }
            }
            Token::String(_) | Token::Number(_) | Token::True | Token::False | Token::Null => {}
        }
        Ok(())
    }

    #[test]
    fn mistakes_have_productions_words_and_the_text_around_them() {
        let table = [
            ("not json", "Unexpected token.\nnot json\n^"),
            ("", "Unexpected end of string. Expected a value.\n\n^"),
            ("{\"a\":", "Unexpected end of string. Expected a value.\n\n^"),
            ("{\"a\": 1", "Unexpected end of string. Expected , or } after key:value pair.\n\n^"),
            ("{\"a\": 1 \"b\"}", "Expected , or } after key:value pair.\n{\"a\": 1 \"b\"}\n        ^"),
            ("{\"a\" 1}", "Expected : between key:value pair.\n{\"a\" 1}\n     ^"),
            ("{1: 2}", "Expected an object key or }.\n{1: 2}\n ^"),
            ("{\"a\": 1,}", "Expected an object key or }.\n{\"a\": 1,}\n        ^"),
            ("[1 2]", "Expected , or ] after array value.\n[1 2]\n   ^"),
            ("[", "Unexpected end of string. Expected a value or ] within an array.\n\n^"),
            ("{} {}", "Expected end of string.\n{} {}\n   ^"),
            ("[01]", "Unable to parse number.\n[01]\n ^"),
            ("[\"a\\x\"]", "Invalid escape sequence.\n[\"a\\x\"]\n   ^"),
            ("[\"a\\ud800\"]", "Missing low surrogate.\n[\"a\\ud800\"]\n         ^"),
            ("[\"a\\u12\"]", "Illegal hex string.\n[\"a\\u12\"]\n   ^"),
            ("\"abc", "Closing quote expected in string.\n\n^"),
            ("{\"ääääääääääääääääääääääää\": x}", "Unexpected token.\näääääääää\": x}\n            ^"),
        ];
        for (text, expected) in table {
            assert_eq!(message(text), format!("Invalid JSON payload received. {expected}"), "{text}");
        }
    }

    #[test]
    fn strings_lose_their_escapes() {
        let table = [
            ("\"plain é\"", "plain é"),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""a\u00e9b\ud83d\ude00""#, "aéb😀"),
        ];
        for (text, expected) in table {
            let read = Tokens::of(text.as_bytes()).and_then(|mut tokens| tokens.value());
            assert_eq!(read.ok(), Some(Token::String(expected.into())), "{text}");
        }
    }

    #[test]
    fn numbers_are_what_the_grammar_says() {
        for text in ["0", "-0", "10", "0.5", "-1.25e-3", "1E+400"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1.2.3", "--1", "1e1e1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
