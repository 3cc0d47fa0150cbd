//! Cuts GQL text into tokens.

use std::fmt;

use model::Status;

/// One token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub at: Place,
}

/// Line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name as it stands, or a keyword.
    Word(String),
    /// `` `a name` ``.
    Quoted(String),
    /// `'text'` or `"text"`.
    Text(String),
    Integer(i64),
    Double(f64),
    /// `@name`
    Named(String),
    /// `@1`
    Positional(usize),
    Symbol(&'static str),
    End,
}

/// Longer ones first where one begins another.
const SYMBOLS: [&str; 12] = ["<=", ">=", "!=", "=", "<", ">", "(", ")", ",", ".", "+", "*"];

/// All tokens of a text; the last is [`TokenKind::End`].
///
/// # Errors
/// INVALID_ARGUMENT with the place of what is no token.
pub(super) fn cut(text: &str) -> Result<Vec<Token>, Status> {
    let mut cutter = Cutter { rest: text, at: Place { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        let token = cutter.next()?;
        let ended = token.kind == TokenKind::End;
        tokens.push(token);
        if ended {
            return Ok(tokens);
        }
    }
}

struct Cutter<'t> {
    rest: &'t str,
    at: Place,
}

impl<'t> Cutter<'t> {
    fn next(&mut self) -> Result<Token, Status> {
        while self.rest.starts_with([' ', '\t', '\n', '\r', '\u{c}']) {
            self.bump();
        }
        let at = self.at;
        Ok(Token { kind: self.kind(at)?, at })
    }

    fn kind(&mut self, at: Place) -> Result<TokenKind, Status> {
        let Some(first) = self.rest.chars().next() else { return Ok(TokenKind::End) };
        if let Some(length) = number_length(self.rest) {
            return number(self.take(length));
        }
        match first {
            '\'' | '"' => self.quoted(first, at).map(TokenKind::Text),
            '`' => {
                let name = self.quoted(first, at)?;
                if name.is_empty() { Err(self.strange(at)) } else { Ok(TokenKind::Quoted(name)) }
            }
            '@' => self.binding(at),
            first if begins_name(first) => Ok(TokenKind::Word(self.word().to_owned())),
            _ => match SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
                Some(symbol) => {
                    self.take(symbol.len());
                    Ok(TokenKind::Symbol(symbol))
                }
                None => Err(self.strange(at)),
            },
        }
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c| !(begins_name(c) || c.is_ascii_digit())).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// `@name` or `@1`.
    fn binding(&mut self, at: Place) -> Result<TokenKind, Status> {
        self.bump();
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        if digits > 0 {
            let text = self.take(digits);
            return text.parse().map(TokenKind::Positional).map_err(|_| invalid_integer(text));
        }
        match self.word() {
            "" => Err(self.strange(at)),
            name => Ok(TokenKind::Named(name.to_owned())),
        }
    }

    /// Up to the closing quote, which stands for itself when doubled.
    fn quoted(&mut self, quote: char, at: Place) -> Result<String, Status> {
        self.bump();
        let mut text = String::new();
        loop {
            let unterminated = || lexical(at, &format!("<EOF> after : {quote}{text}"));
            match self.bump().ok_or_else(unterminated)? {
                '\n' | '\r' => return Err(lexical(at, "a line break in a quoted text")),
                '\\' => {
                    let escape = self.bump();
                    text.push_str(&unescaped(escape).ok_or_else(|| lexical(at, "an unknown escape"))?);
                }
                c if c == quote && self.rest.starts_with(quote) => {
                    self.bump();
                    text.push(quote);
                }
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn bump(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        if first == '\n' {
            self.at = Place { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(first)
    }

    /// The next bytes, which hold no line break.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at.column += taken.chars().count();
        taken
    }

    fn strange(&self, at: Place) -> Status {
        match self.rest.chars().next() {
            Some(c) => lexical(at, &format!("{c:?}")),
            None => lexical(at, "<EOF>"),
        }
    }
}

/// What a backslash and this character stand for.
fn unescaped(escape: Option<char>) -> Option<String> {
    Some(match escape? {
        '0' => "\0".to_owned(),
        'b' => "\u{8}".to_owned(),
        'n' => "\n".to_owned(),
        'r' => "\r".to_owned(),
        't' => "\t".to_owned(),
        'Z' => "\u{1a}".to_owned(),
        same @ ('\\' | '\'' | '"' | '`') => same.to_string(),
        kept @ ('%' | '_') => format!("\\{kept}"),
        _ => return None,
    })
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$' || ('\u{80}'..='\u{ffff}').contains(&c)
}

/// How long the number is that the text begins with: a sign, digits, a fraction, an exponent.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(text.starts_with(['+', '-']));
    let whole = digits(sign);
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if whole + fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some(end)
}

fn number(text: &str) -> Result<TokenKind, Status> {
    if text.contains(['.', 'e', 'E']) {
        let double = text.parse().map_err(|_| invalid_integer(text))?;
        return Ok(TokenKind::Double(double));
    }
    text.parse().map(TokenKind::Integer).map_err(|_| invalid_integer(text))
}

fn invalid_integer(text: &str) -> Status {
    Status::invalid_argument(format!("Invalid integer literal: For input string: {text:?}"))
}

fn lexical(at: Place, what: &str) -> Status {
    Status::invalid_argument(format!("Lexical error at {at}.  Encountered: {what}"))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenKind::Word(word) => f.write_str(word),
            TokenKind::Quoted(name) => write!(f, "`{name}`"),
            TokenKind::Text(text) => write!(f, "{text:?}"),
            TokenKind::Integer(number) => write!(f, "{number}"),
            TokenKind::Double(number) => write!(f, "{number:?}"),
            TokenKind::Named(name) => write!(f, "@{name}"),
            TokenKind::Positional(position) => write!(f, "@{position}"),
            TokenKind::Symbol(symbol) => f.write_str(symbol),
            TokenKind::End => f.write_str("<EOF>"),
        }
    }
}
