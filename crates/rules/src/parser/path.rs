//! Paths: patterns of `match` and literals in expressions.

use std::sync::Arc;

use super::{Broken, Parsed, Parser};
use crate::issue::Span;
use crate::lexer::TokenKind;
use crate::limits::MAX_PATH_SEGMENTS;
use crate::syntax::{Expr, ExprKind, PathPart, Segment, Version};

impl Parser<'_> {
    /// `/a/{b}/{c=**}`, up to the brace of the block.
    pub(super) fn pattern(&mut self) -> Parsed<(Vec<Segment>, Span)> {
        let start = self.rewind_to_slash()?;
        let mut segments = Vec::new();
        while self.lexer.take("/") {
            let segment = self.pattern_segment()?;
            if !matches!(segment, Segment::Literal(_)) {
                self.captures += 1;
            }
            segments.push(segment);
        }
        let span = Span { start: start.start, end: self.lexer.here().start };
        self.last = span;
        self.check_pattern(&segments, span)?;
        Ok((segments, span))
    }

    /// `a`, `{b}` or `{c=**}`
    fn pattern_segment(&mut self) -> Parsed<Segment> {
        let start = self.lexer.here();
        if !self.lexer.take("{") {
            return match self.lexer.take_segment(true) {
                Some(literal) => Ok(Segment::Literal(literal.into())),
                None => self.fail(start, "Forward slash '/' found where identifier or binding expected."),
            };
        }
        self.lexer.take_spaces();
        let Some(name) = self.lexer.take_word() else {
            let at = self.lexer.here();
            return self.fail(at, "Missing name of a wildcard. Write '{name}' or '{name=**}'.");
        };
        self.lexer.take_spaces();
        let many = self.lexer.take("=**");
        self.lexer.take_spaces();
        if !self.lexer.take("}") {
            let at = self.lexer.here();
            return self.fail(
                at,
                format!("Missing '}}' of the wildcard '{{{name}'. Write '{{{name}}}' or '{{{name}=**}}'."),
            );
        }
        let name = Arc::from(name);
        Ok(if many { Segment::Many(name) } else { Segment::One(name) })
    }

    fn check_pattern(&mut self, segments: &[Segment], span: Span) -> Parsed<()> {
        let globs = segments.iter().filter(|segment| matches!(segment, Segment::Many(_))).count();
        if globs > 1 {
            return self.fail(span, "A path can have one recursive wildcard '{name=**}' at most.");
        }
        let last = matches!(segments.last(), Some(Segment::Many(_)));
        if globs == 1 && !last && self.version == Version::One {
            let text = "Invalid glob match expression. Glob matches are permitted as the last segment in a match \
                        declaration path. Write \"rules_version = '2';\" to use them anywhere.";
            return self.fail(span, text);
        }
        if segments.len() > MAX_PATH_SEGMENTS {
            return self.fail(span, format!("A path has at most {MAX_PATH_SEGMENTS} segments."));
        }
        Ok(())
    }

    /// `/databases/(default)/documents/a/$(b)`
    pub(super) fn path_literal(&mut self) -> Parsed<Expr> {
        let start = self.rewind_to_slash()?;
        let mut parts = Vec::new();
        while self.lexer.take("/") {
            parts.push(self.path_part()?);
            if parts.len() > MAX_PATH_SEGMENTS {
                return self.fail(start, format!("A path has at most {MAX_PATH_SEGMENTS} segments."));
            }
        }
        let span = Span { start: start.start, end: self.lexer.here().start };
        self.last = span;
        self.expression_of(ExprKind::Path(parts), span)
    }

    /// `a` or `$(b)`
    fn path_part(&mut self) -> Parsed<PathPart> {
        let start = self.lexer.here();
        if self.lexer.take("$(") {
            let inner = self.nested(|parser| parser.expression())?;
            self.expect(")")?;
            // The path goes on right behind the parenthesis, and the next token was not looked at yet.
            return Ok(PathPart::Bound(inner));
        }
        match self.lexer.take_segment(false) {
            Some(literal) => Ok(PathPart::Literal(literal.into())),
            None => {
                self.fail(start, "A segment of a path is missing. Write a name or '$(expression)' after '/'.")
            }
        }
    }

    /// Puts the lexer back to where the path begins.
    fn rewind_to_slash(&mut self) -> Parsed<Span> {
        match self.peek() {
            Ok(token) if token.kind == TokenKind::Punctuation("/") => {
                let span = token.span;
                self.peeked = None;
                self.lexer.rewind(span.start);
                Ok(span)
            }
            Ok(token) => {
                let token = token.clone();
                self.unexpected(&token, "a path that begins with '/'")
            }
            Err(Broken) => Err(Broken),
        }
    }
}
