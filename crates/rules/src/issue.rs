//! What the compiler has to say, and where in the source.

use std::fmt;

/// Bytes of the source from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

/// A place in a source file as people and the emulator's interfaces name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The first byte.
    pub offset: u32,
    /// The byte after the last.
    pub end: u32,
}

/// Whether a ruleset can be used in spite of an [`Issue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One complaint. The message says what is wrong and, where it is not plain, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    pub position: Position,
    pub message: String,
}

/// Where the lines of a source begin.
#[derive(Debug)]
pub(crate) struct Lines {
    source: Box<str>,
    starts: Vec<u32>,
}

impl Span {
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }
}

impl Lines {
    pub fn of(source: &str) -> Self {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
        Lines { source: source.into(), starts }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The line and column of a span's first character.
    pub fn position(&self, span: Span) -> Position {
        let line = self.starts.partition_point(|start| *start <= span.start);
        let start = self.starts[line - 1] as usize;
        let before = self.source.get(start..span.start as usize).unwrap_or_default();
        let column = before.chars().count() as u32 + 1;
        Position { line: line as u32, column, offset: span.start, end: span.end }
    }

    pub fn error(&self, span: Span, message: impl Into<String>) -> Issue {
        Issue { severity: Severity::Error, position: self.position(span), message: message.into() }
    }

    pub fn warning(&self, span: Span, message: impl Into<String>) -> Issue {
        Issue { severity: Severity::Warning, position: self.position(span), message: message.into() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}:{}", self.line, self.column)
    }
}

/// One line, as the emulator lists what it found: `L4:12 Unexpected '}'.`
impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.position, self.message)
    }
}
