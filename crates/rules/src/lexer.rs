//! Bytes to tokens.
//!
//! Paths have a lexical grammar of their own (`/a-b/{c=**}`, `/a/$(d)`), so the parser asks for them explicitly: see
//! [`Lexer::rewind`] and the `take_` functions.

use crate::issue::Span;

/// A token with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'s> {
    pub kind: TokenKind<'s>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind<'s> {
    Word(&'s str),
    /// At most 2^63, which is legal after a minus.
    Int(u64),
    Float(f64),
    Text(String),
    Punctuation(&'static str),
    End,
}

/// Why there is no token here.
#[derive(Debug, PartialEq)]
pub(crate) struct LexError {
    pub span: Span,
    pub message: String,
}

/// Longest first, so that `<=` is not `<` and `=`.
const PUNCTUATION: [&str; 29] = [
    "&&", "||", "==", "!=", "<=", ">=", "{", "}", "(", ")", "[", "]", "<", ">", "=", "!", "+", "-", "*", "/",
    "%", "?", ":", ",", ";", ".", "$", "&", "|",
];

pub(crate) struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub fn new(source: &'s str) -> Self {
        Lexer { source, at: 0 }
    }

    /// Goes back to a byte where a token began.
    pub fn rewind(&mut self, to: u32) {
        self.at = to as usize;
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn span(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.at as u32 }
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Result<T, LexError> {
        Err(LexError { span: self.span(start), message: message.into() })
    }

    /// The next token. After an error the lexer stands behind what it refused.
    pub fn next(&mut self) -> Result<Token<'s>, LexError> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(Token { kind: TokenKind::End, span: self.span(start) });
        };
        let kind = match first {
            'a'..='z' | 'A'..='Z' | '_' => TokenKind::Word(self.take_word().unwrap_or_default()),
            '0'..='9' => self.number()?,
            '\'' | '"' => TokenKind::Text(self.text(first)?),
            other => match PUNCTUATION.iter().find(|sign| self.rest().starts_with(**sign)) {
                Some(sign) => {
                    self.at += sign.len();
                    TokenKind::Punctuation(sign)
                }
                None => {
                    self.at += other.len_utf8();
                    return self.error(start, format!("Unexpected '{other}'."));
                }
            },
        };
        Ok(Token { kind, span: self.span(start) })
    }

    fn skip_blanks(&mut self) -> Result<(), LexError> {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.source.len() - rest.len();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let start = self.at;
                match comment.find("*/") {
                    Some(end) => self.at += end + 4,
                    None => {
                        self.at = self.source.len();
                        return self.error(start, "This comment has no end. Close it with '*/'.");
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    fn number(&mut self) -> Result<TokenKind<'s>, LexError> {
        let start = self.at;
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits(self.rest());
        let fraction = self.rest().strip_prefix('.').map_or(0, digits);
        if self.rest().starts_with('.') && fraction == 0 {
            self.at += 1;
            return self.error(
                start,
                "A number must not end in '.'. Write digits after it, or parentheses around it.",
            );
        }
        let mut float = fraction > 0;
        if float {
            self.at += 1 + fraction;
        }
        if let Some(exponent) = self.rest().strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let length = digits(&exponent[sign..]);
            if length > 0 {
                float = true;
                self.at += 1 + sign + length;
            }
        }
        if self.rest().starts_with(|next: char| next.is_ascii_alphabetic() || next == '_') {
            self.take_word();
            return self.error(start, format!("'{}' is not a number.", &self.source[start..self.at]));
        }
        let text = &self.source[start..self.at];
        if float {
            let value: f64 = text.parse().expect("digits, a point and an exponent");
            return Ok(TokenKind::Float(value));
        }
        match text.parse() {
            Ok(value) if value <= 1 << 63 => Ok(TokenKind::Int(value)),
            _ => self.error(start, format!("The integer {text} is too large: at most {} fits.", i64::MAX)),
        }
    }

    fn text(&mut self, quote: char) -> Result<String, LexError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut wrong = None;
        loop {
            let Some(next) = self.rest().chars().next() else {
                return self.error(start, format!("This string has no end. Close it with {quote}."));
            };
            self.at += next.len_utf8();
            match next {
                end if end == quote => return wrong.map_or(Ok(text), Err),
                '\n' => {
                    return self.error(
                        start,
                        format!("This string does not end on its line. Close it with {quote}."),
                    );
                }
                // The string is read to its end, or its quote would begin another.
                '\\' => match self.escape() {
                    Ok(character) => text.push(character),
                    Err(error) => wrong = wrong.or(Some(error)),
                },
                other => text.push(other),
            }
        }
    }

    /// What follows a backslash in a string.
    fn escape(&mut self) -> Result<char, LexError> {
        let start = self.at - 1;
        let Some(letter) = self.rest().chars().next() else {
            return self.error(start, "This string has no end.");
        };
        self.at += letter.len_utf8();
        let digits = match letter {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            '0' => return Ok('\0'),
            '\\' | '\'' | '"' | '/' => return Ok(letter),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => {
                let hint = "Write '\\\\' for a backslash.";
                return self.error(start, format!("Invalid escape sequence '\\{letter}'. {hint}"));
            }
        };
        let code = self.rest().get(..digits).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match code {
            Some(character) => {
                self.at += digits;
                Ok(character)
            }
            None => self.error(
                start,
                format!(
                    "'\\{letter}' must be followed by {digits} hexadecimal digits that name a character."
                ),
            ),
        }
    }

    /// An identifier right here, without blanks before it.
    pub fn take_word(&mut self) -> Option<&'s str> {
        let rest = self.rest();
        let mut characters = rest.char_indices();
        characters.next().filter(|(_, first)| first.is_ascii_alphabetic() || *first == '_')?;
        let end = characters.find(|(_, next)| !(next.is_ascii_alphanumeric() || *next == '_'));
        let word = &rest[..end.map_or(rest.len(), |(at, _)| at)];
        self.at += word.len();
        Some(word)
    }

    /// A literal segment of a path right here. Names of databases may stand in parentheses: `(default)`. A dot belongs
    /// to a segment where `dots` says so; in an expression it selects a member.
    pub fn take_segment(&mut self, dots: bool) -> Option<&'s str> {
        let rest = self.rest();
        let plain = |next: char| {
            next.is_alphanumeric()
                || matches!(next, '_' | '-' | '%' | '@' | '~' | '+')
                || (dots && next == '.')
        };
        let length = match rest.strip_prefix('(') {
            Some(inner) => {
                let name = inner.find(|next| !plain(next)).unwrap_or(inner.len());
                if name == 0 || !inner[name..].starts_with(')') {
                    return None;
                }
                name + 2
            }
            None => rest.find(|next| !plain(next)).unwrap_or(rest.len()),
        };
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    /// These very characters right here.
    pub fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Blanks within a line.
    pub fn take_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// The place of the next character.
    pub fn here(&self) -> Span {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        Span { start: self.at as u32, end: (self.at + length) as u32 }
    }
}
